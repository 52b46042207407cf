"""The entry point: runs a command and turns errors from outside into one line and an exit code.

Exit codes: 0 done; 1 the training failed or diverged, or the machine refused; 2 wrong use;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import NoReturn

from workbench.errors import UserError
from workbench.files import be_private
from workbench.settings import default_home

PROGRAM = "mnist-workbench"
INTERRUPTED = 130
COMPLETION_VARIABLE = "_MNIST_WORKBENCH_COMPLETE"  # set by the shell when it asks for words


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing a user can cause leaves a traceback."""
    from workbench.cli.output import make_streams_safe

    make_streams_safe()
    if os.environ.get("PYTHONWARNINGS"):  # as errors they would end a command inside a library
        warnings.simplefilter("ignore")
    be_private()
    try:
        # Without a word there is nothing to parse, and the parser takes longer to load than
        # the screens to open.
        if arguments or COMPLETION_VARIABLE in os.environ:
            return _command(arguments)
        from workbench.tui.start import open_screens

        return open_screens(default_home())
    except UserError as error:
        return fail(str(error), error.exit_code)
    except (KeyboardInterrupt, EOFError):
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        name = f"{error.filename}: " if error.filename else ""
        return fail(f"{name}{error.strerror or error}", 1)


def _command(arguments: list[str]) -> int:
    import typer

    from workbench.cli.app import app

    # Typer has moved between Click and a copy of its own; the class is the same by name.
    usage_error: type[Exception] = next(
        kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
    )
    try:
        code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except usage_error as error:
        return fail(_usage_line(error), getattr(error, "exit_code", 2))
    except typer.Abort:
        return fail("interrupted", INTERRUPTED)
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # Click's way to take it
            return _reader_gone()
        raise


def _reader_gone() -> int:
    """The reader (head, less) has enough; a second complaint at exit would only be noise."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def fail(message: str, code: int) -> int:
    from workbench.cli.output import note

    note(f"{PROGRAM}: {message}")
    return code


def _usage_line(error: Exception) -> str:
    """A usage error in one line that names the command and where help is."""
    message = str(getattr(error, "format_message", lambda: error)()).strip()
    message = " ".join(message.split()).rstrip(".").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", PROGRAM) or PROGRAM
    if not message:  # a command without its arguments: Click has nothing to add
        return f"see `{command} --help`"
    if not hasattr(error, "ctx"):
        return message
    return f"{message} (see `{command} --help`)"
