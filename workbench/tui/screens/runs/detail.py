"""Two lines below the list about the run under the cursor: all that a narrow list drops."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from workbench.leaderboard.table import one_line
from workbench.runs.watchlist import WatchedRun
from workbench.tui.screens.runs.rows import origin_text
from workbench.tui.settings_text import settings_text


class RunDetail(Widget):
    """Shows `run`, or nothing."""

    run: reactive[WatchedRun | None] = reactive(None)

    def render(self) -> RenderResult:
        """Id and settings, then what is to be said of it."""
        run = self.run
        if run is None:
            return ""
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(run.run_id, style="bold")
        if run.summary is None:
            text.append(f"\n{one_line(run.fault)}")
            return text
        summary = run.summary
        # The seed first: a long line is cut at its end, and a narrow list has no column for it.
        text.append(f"  seed {summary.seed}, {settings_text(summary)}")
        text.append(f"\n{origin_text(run.launched_from, self.size.width)}")
        parts = [" ".join(summary.tags), one_line(summary.message), one_line(summary.note)]
        text.append("".join(f"  ·  {part}" for part in parts if part))
        return text
