"""What is said of a run that ends, whichever screen is on."""

from __future__ import annotations

from textual.notifications import SeverityLevel

from workbench.leaderboard.columns import run_difference
from workbench.runs.summary import ending_words
from workbench.runs.watchlist import WatchedRun


def words_of(run: WatchedRun) -> str:
    """How a run ended, beside the paper where it has a value."""
    if run.summary is None:
        return run.fault
    return ending_words(run.summary, run_difference(run.summary))


def severity(run: WatchedRun) -> SeverityLevel:
    """How loud it is said."""
    match run.state.role:
        case "bad":
            return "error"
        case "warning":
            return "warning"
    return "information"
