"""The leaderboard's screen with 10,000 runs: how long a person waits.

`python -m tests.benchmarks.leaderboard_screen [RUNS]`.
Times what a person waits for: opening, the rows after the last letter of a filter, a page of
scrolling, a group. `stall` is the longest that the event loop was kept from answering meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic_core import to_json
from textual.pilot import Pilot
from textual.widgets import Input

from tests.benchmarks.leaderboard import example
from workbench.files import write_file
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens.leaderboard.screen import LeaderboardScreen
from workbench.tui.widgets.row_list import FilterLine, RowList

TICK_SECONDS = 0.002


class Stalls:
    """Ticks on the event loop and notes the longest that a tick came late."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            start = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.longest = max(self.longest, time.perf_counter() - start - TICK_SECONDS)


async def main(runs: int) -> None:
    """Open, filter, scroll, group, sort; print the times."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").ensure()
        # No `runs` folder: entries without one would be dropped at once.
        home.runs.rmdir()
        documents = {str(number): example(number).to_json() for number in range(1, runs + 1)}
        write_file(home.leaderboard, to_json({"runs": documents}))
        app = WorkbenchApp(home)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            await _measure("open", pilot, lambda: pilot.press("4"), runs)
            listing = app.screen.query_one(RowList)
            await pilot.press("slash")
            line = app.screen.query_one(FilterLine).query_one(Input)

            async def type_last_letter(text: str) -> None:
                line.value = text

            settled = {text: _count(app, text) for text in ("preset=cnn-2 lr>=0.01", "night", "")}
            for text, expected in settled.items():
                await _measure(
                    f"filter {text!r}", pilot, lambda text=text: type_last_letter(text), expected
                )
            listing.focus()

            async def pages() -> None:
                for _ in range(20):
                    await pilot.press("pagedown")

            start = time.perf_counter()
            await pages()
            await pilot.pause()
            print(f"{'scroll a page':28} {(time.perf_counter() - start) / 20 * 1000:7.0f} ms")
            await _measure("to the end", pilot, lambda: pilot.press("end"), runs)
            await _measure("sort by the next column", pilot, lambda: pilot.press(">"), runs)
            await _measure("group", pilot, lambda: pilot.press("g"), None)


def _count(app: WorkbenchApp, text: str) -> int:
    from workbench.leaderboard.query import parse_filter

    screen = app.screen
    assert isinstance(screen, LeaderboardScreen)
    chosen = parse_filter(text)
    return sum(chosen.matches(run) for run in screen.board.entries)


async def _run(action: Callable[[], Awaitable[object]]) -> None:
    await action()


async def _measure(
    what: str,
    pilot: Pilot[None],
    action: Callable[[], Awaitable[object]],
    rows: int | None,
) -> None:
    """From the key until so many rows are shown (any other view where `rows` is None)."""
    stalls = Stalls()
    ticking = asyncio.create_task(stalls.watch())
    await asyncio.sleep(0.02)
    stalls.longest = 0.0
    before = getattr(pilot.app.screen, "found", None)
    start = time.perf_counter()
    # Pilot's own waiting is not what is measured.
    acting = asyncio.create_task(_run(action))
    while True:
        screen = pilot.app.screen
        if isinstance(screen, LeaderboardScreen) and screen.found is not before:
            shown = len(screen.found.rows)
            if rows is None or shown == rows:
                break
        if what == "to the end" and screen.query_one(RowList).cursor == (rows or 0) - 1:
            break
        await asyncio.sleep(0.001)
    drawn = asyncio.Event()
    pilot.app.screen.call_after_refresh(drawn.set)
    await drawn.wait()
    took = time.perf_counter() - start
    await acting
    ticking.cancel()
    print(f"{what:28} {took * 1000:7.0f} ms   stall {stalls.longest * 1000:5.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
