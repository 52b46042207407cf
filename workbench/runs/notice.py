"""What is said at a run's end: in one line, and to the user's own command."""

from __future__ import annotations

import subprocess
from contextlib import suppress

from workbench.config import NO_COMMAND, Config
from workbench.errors import EnvironmentProblem, UserError
from workbench.formats import epochs_done, points
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, summary_of


def ending_words(summary: AnySummary, apart: float | None = None) -> str:
    """`nn-1 finished: 95.25 %, paper +0.11`, or how else it ended.

    `apart` is how far its accuracy lies from the paper's, in percentage points.
    """
    head = f"{summary.name} {summary.state.word}"
    match summary.state:
        case Status.FINISHED:
            beside = "" if apart is None else f", paper {points(apart)}"
            return f"{head}: {summary.result}{beside}" if summary.result else head
        case Status.COLLAPSED:
            return f"{head}: {summary.result}, one class for every image"
        case Status.DIVERGED | Status.FAILED if summary.message:
            return f"{head}: {summary.message}"
    known = summary.epochs > 0  # a script need not tell how many
    return (
        f"{head} after {epochs_done(summary.epochs_completed, summary.epochs)}" if known else head
    )


def tell_command(words: str) -> None:
    """Run the user's own command, where one is set, with these words as its last.

    It runs in a session of its own and is not waited for: a run's end does not depend on it.

    Raises:
        EnvironmentProblem: it cannot be run.
    """
    command = Config()["notify"]
    if command in NO_COMMAND:
        return
    try:
        subprocess.Popen(
            [*command, words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(
            f"notify: {command[0]} cannot be run ({error}); `mnist-workbench config notify` "
            "shows what is set"
        ) from error


def tell_of_script(folder: RunFolder) -> None:
    """Tell the user's command of a script's end; nothing of it may end the script."""
    with suppress(UserError, OSError):
        tell_command(ending_words(summary_of(folder)))
