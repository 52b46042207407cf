"""Looks at all runs about once a second and tells whoever subscribed.

One feed serves the whole app: the count of trainings in each title bar, the list of runs, and
the leaderboard, which must not hand out a seed that is being trained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.notifications import SeverityLevel
from textual.signal import Signal

from workbench.settings import Home
from workbench.text import without_unsafe

if TYPE_CHECKING:
    from workbench.runs.watchlist import WatchedRun, Watchlist


TITLE = "mnist-workbench"
LOOK_SECONDS = 1.0
# While ended runs are still being read, the next look comes at once.
READING_SECONDS = 0.05


@dataclass(frozen=True)
class Seen:
    """What the last look found.

    `runs` are all, living and ended, and filled only while a screen lists them (`listed`);
    `unread` ended ones are still to be read. `ended` are those that lived at the last look.
    """

    living: tuple[WatchedRun, ...] = ()
    runs: tuple[WatchedRun, ...] = ()
    unread: int = 0
    listed: bool = False
    ended: tuple[WatchedRun, ...] = ()


def title_words(living: Sequence[WatchedRun]) -> str:
    """The terminal's title: `42 % cnn-2`, of several the mean; changes with whole per cents."""
    share = f"{100 * sum(run.progress for run in living) / max(1, len(living)):.0f} %"
    match living:
        case ():
            return TITLE
        case (run,):
            name = run.summary.name if run.summary else run.run_id
            return f"{share} {without_unsafe(name)} · {TITLE}"
    return f"{share} of {len(living)} runs · {TITLE}"


class RunFeed:
    """`seen` is published after each look; `last` is what it said last."""

    def __init__(self, app: App[Any], home: Home) -> None:
        self._home = home
        self._reads_ended = False
        self._early = asyncio.Event()
        self.last = Seen()
        self.looked = False  # whether `last` says anything yet
        self.seen: Signal[Seen] = Signal(app, "runs-seen")

    @cached_property
    def _watchlist(self) -> Watchlist:
        # Made in the thread of the first look: the first frame does not wait for it.
        from workbench.runs.watchlist import Watchlist

        return Watchlist(self._home)

    async def follow(self) -> None:
        """Look again and again, until the app ends."""
        while True:
            # The looks happen in a thread; only what they found comes back to the event loop.
            self.last = await asyncio.to_thread(self._look)
            self.looked = True
            self.seen.publish(self.last)
            unread = self._reads_ended and self.last.unread
            pause = READING_SECONDS if unread else LOOK_SECONDS
            self._early.clear()
            try:
                await asyncio.wait_for(self._early.wait(), pause)
            except TimeoutError:
                continue

    def read_ended(self, wanted: bool) -> None:
        """Whether a screen lists ended runs now: only then are they read."""
        self._reads_ended = wanted
        self.look_now()

    def look_now(self) -> None:
        """Do not wait for the next second: something has just been done."""
        self._early.set()

    def look_again_at(self, run_id: str) -> None:
        """A run was resumed or labelled from here. Called in a thread."""
        self._watchlist.look_again_at(run_id)

    def _look(self) -> Seen:
        ended = self._watchlist.look()
        listing = self._reads_ended
        if listing:
            self._watchlist.read_more()
        return Seen(
            living=tuple(self._watchlist.living),
            runs=tuple(self._watchlist.runs) if listing else self.last.runs,
            unread=self._watchlist.unread,
            listed=listing,
            ended=tuple(ended),
        )


def words_of(run: WatchedRun) -> str:
    """How a run ended, beside the paper where it has a value."""
    from workbench.leaderboard.columns import run_difference
    from workbench.runs.summary import ending_words

    if run.summary is None:
        return run.fault
    return ending_words(run.summary, run_difference(run.summary))


def severity(run: WatchedRun) -> SeverityLevel:
    loud: dict[str, SeverityLevel] = {"bad": "error", "warning": "warning"}
    return loud.get(run.state.role, "information")
