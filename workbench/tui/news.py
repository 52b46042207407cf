"""What is said of a run that ends, whichever screen is on."""

from __future__ import annotations

from textual.notifications import SeverityLevel

from workbench.formats import epochs_done, points
from workbench.leaderboard.columns import run_difference
from workbench.runs.status import Status
from workbench.runs.watchlist import WatchedRun


def ending_words(run: WatchedRun) -> str:
    """`nn-1 finished: 95.25 %, paper +0.11`, or how else it ended."""
    summary = run.summary
    if summary is None:
        return run.fault
    head = f"{summary.name} {run.state.word}"
    match run.state:
        case Status.FINISHED:
            apart = run_difference(summary)
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


def severity(run: WatchedRun) -> SeverityLevel:
    """How loud it is said."""
    match run.state.role:
        case "bad":
            return "error"
        case "warning":
            return "warning"
    return "information"
