"""The screen's small panels."""

from __future__ import annotations

from textual import events

from workbench.tui.screens.train import numbers
from workbench.tui.screens.train.state import RunState
from workbench.tui.widgets.steady_lines import SteadyLines


class EpochTable(SteadyLines):
    """The epochs under their heading, the newest in view until one scrolls."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._state: RunState | None = None
        self._back = 0  # rows scrolled back from the newest

    def follow(self, state: RunState) -> None:
        """Show this state's epochs."""
        self._state = state
        room = max(0, self.size.height - 1)
        total = len(state.history.epochs)
        self._back = max(0, min(self._back, total - room))
        first = max(0, total - room - self._back)
        lines = [numbers.epoch_heading()]
        lines += numbers.epoch_rows(state, first, room)
        if total == 0:
            lines.append([("   after the first epoch", "muted")])
        self.show(lines)

    def scroll_rows(self, rows: int) -> None:
        """Towards older epochs (negative) or newer ones."""
        self._back = max(0, self._back - rows)
        if self._state is not None:
            self.follow(self._state)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Older epochs."""
        self.scroll_rows(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Newer epochs."""
        self.scroll_rows(1)

    def on_resize(self, event: events.Resize) -> None:
        """Another number of rows fits."""
        if self._state is not None:
            self.follow(self._state)
