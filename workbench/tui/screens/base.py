"""What every full screen shares: title bar, body, hints, and the least size it needs."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from workbench.tui.widgets.hints import Hints
from workbench.tui.widgets.title_bar import TitleBar

LEAST_COLUMNS, LEAST_LINES = 60, 18


class WorkbenchScreen(Screen[None]):
    """A full screen. Subclasses set `PLACE` and yield their widgets in `body`."""

    PLACE = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "step_out", "back", show=False, tooltip="Step out")
    ]

    def compose(self) -> ComposeResult:
        """Title bar, body and hints; the note takes the body's place where it cannot fit."""
        yield TitleBar(self.PLACE)
        with Vertical(id="body"):
            yield from self.body()
        yield Static(id="too-small")
        yield Hints()

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        raise NotImplementedError

    def on_resize(self, event: Resize) -> None:
        """Say what is needed rather than show a torn screen."""
        small = event.size.width < LEAST_COLUMNS or event.size.height < LEAST_LINES
        self.set_class(small, "too-small")
        self.set_class(event.size.width < 100, "narrow")
        self.set_class(event.size.height < 30, "low")
        if small:
            self.query_one("#too-small", Static).update(
                f"This screen needs {LEAST_COLUMNS}×{LEAST_LINES} characters; "
                f"the window has {event.size.width}×{event.size.height}. "
                "A training goes on meanwhile."
            )

    def action_step_out(self) -> None:
        """Leave a screen that lies on another; the four main places stay."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
