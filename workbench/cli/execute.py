"""`exec`: any command as a run."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated, TextIO

import typer

from workbench.cli.follow import EXIT_CODES, RunView, counted_interrupts, follow, result_lines
from workbench.cli.options import DetachOption, TagOption, current_home
from workbench.cli.output import note
from workbench.cli.run import pass_on, print_detached
from workbench.files import given_umask, open_file
from workbench.runs.execution import execute as start
from workbench.runs.folder import RunFolder
from workbench.runs.log import History
from workbench.runs.record import checked_labels
from workbench.runs.summary import ScriptSummary
from workbench.text import visible

BLOCK_BYTES = 1 << 16


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
def execute(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND…", help="The program and its arguments."),
    ],
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="What lists call the run; else the command.")
    ] = "",
    tag: TagOption = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A remark kept with the run.")] = "",
    detach: DetachOption = False,
) -> None:
    """Run any command as a run that outlives the connection.

    Ctrl-C stops it. A program in it that uses workbench.start or LiveCallback draws its curves
    there. The exit code is the command's.

    Example: mnist-workbench exec --name resnet -- python train.py --lr 0.1
    """
    folder = start(current_home(), command, checked_labels(tag or [], note), name, given_umask())
    if detach:
        print_detached([folder], as_json=False, many=False)
        return
    raise typer.Exit(_follow(folder))


def _follow(folder: RunFolder) -> int:
    """Show what the command prints until it ends; its exit code."""
    view = _OutputView(sys.stdout)
    with counted_interrupts() as interrupts:
        summary = follow(folder, view, partial(pass_on, interrupts, [0], [folder], view.say))
    if not isinstance(summary, ScriptSummary):
        return 1
    for line in result_lines(summary):
        note(line)
    code = summary.exit_code
    if interrupts.count:
        return 130
    # Of one that a signal ended, the code that shells give.
    return EXIT_CODES.get(summary.status, 1) if code is None else code if code >= 0 else 128 - code


class _OutputView(RunView):
    """Passes on what the command prints."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._offset = 0
        self._folder: RunFolder | None = None

    def begin(self, folder: RunFolder, history: History) -> None:
        self._folder = folder
        self.say(f"run {folder.run_id}; Ctrl-C stops it, a closed terminal does not")

    def tick(self, history: History) -> None:
        assert self._folder is not None
        try:
            with open_file(self._folder.log_file) as log:
                log.seek(self._offset)
                while block := log.read(BLOCK_BYTES):
                    self._offset += len(block)
                    text = visible(block.decode("utf-8", "replace"), keep="\n\t\r")
                    self._stream.write(text)
        except OSError:  # nothing was printed yet, or its folder is gone
            return
        self._stream.flush()
