"""The parts of the leaderboard's screen: the tabs, the line to edit in, the dialogs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Blur, Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.model.tables import TABLE_NUMBERS
from workbench.runs.status import Status
from workbench.tui.screens.dialog import Dialog
from workbench.tui.screens.leaderboard.board import ALL_RUNS, CLAIMS, IMPORTED, SCRIPTS, TABS
from workbench.tui.widgets.marked_options import MarkedOptions
from workbench.tui.widgets.row_list import RowList

_OTHERS = {ALL_RUNS: "All runs", CLAIMS: "Claims", IMPORTED: "Imported", SCRIPTS: "Scripts"}


class TabLine(Widget):
    """`tab` is the one shown; the other `tabs` are a click or an arrow key away."""

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; color: $muted; text-wrap: nowrap; }
    """

    tab: reactive[int] = reactive(ALL_RUNS)
    tabs: reactive[tuple[int, ...]] = reactive(TABS)

    @dataclass
    class Chosen(Message):
        tab: int

    def render(self) -> RenderResult:
        """All tabs, the chosen one between brackets and bold: not by colour alone."""
        text = Text(no_wrap=True, overflow="ellipsis")
        chosen = self.app.theme_variables.get("foreground", "")
        for tab, title in self._titles.items():
            here = tab == self.tab
            text.append(f"[{title}]" if here else f" {title} ", f"bold {chosen}" if here else "")
            text.append(" " * self._gap)
        return text

    def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        at = 0
        for tab, title in self._titles.items():
            at += len(title) + 2 + self._gap
            if place.x < at:
                self.post_message(self.Chosen(tab))
                return

    def next(self, step: int) -> int:
        """The tab before or after the one shown, around the ends."""
        return self.tabs[(self.tabs.index(self.tab) + step) % len(self.tabs)]

    @property
    def _titles(self) -> dict[int, str]:
        """`All runs`, `Table 3`, `Table 6`; where it is narrow `6`, as `Table 3` stands before."""
        found = {tab: _OTHERS.get(tab, f"Table {tab}") for tab in self.tabs}
        if sum(len(title) + 2 for title in found.values()) > self.content_size.width:
            found |= {tab: str(tab) for tab in TABLE_NUMBERS[1:]}
        return found

    @property
    def _gap(self) -> int:
        """Spaces between two tabs, beside those that a bracket may take."""
        needed = sum(len(title) + 4 for title in self._titles.values()) - 2
        return 2 if needed <= self.content_size.width else 0


class EditLine(Input):
    """Hidden until `edit` lays it over a row. Enter keeps the text, esc leaves it as it was."""

    DEFAULT_CSS = """
    EditLine {
        layer: edit; position: absolute; display: none; background: $panel; color: $foreground;
    }
    EditLine.editing { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel", tooltip="Change nothing"),
    ]

    class Left(Message):
        """Nothing is changed."""

    def __init__(self) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.run_id = ""
        self.what = ""  # tags or note

    def edit(self, rows: RowList, run_id: str, what: str, text: str) -> None:
        """Lay the line over the cell of the row under the cursor, or over all of the row."""
        self.run_id, self.what = run_id, what
        x, width = rows.column_region(what)
        if width < 24:
            x, width = min(x, max(0, rows.line_width - 40)), 40
        self.styles.offset = (x, rows.cursor - rows.scroll_offset.y + 1)
        self.styles.width = min(width, rows.line_width - x)
        self.placeholder = "words, with spaces between" if what == "tags" else "a note"
        self.value = text
        self.cursor_position = len(text)
        self.add_class("editing")
        self.focus()

    def action_leave(self) -> None:
        self.remove_class("editing")
        self.post_message(self.Left())

    def on_blur(self, event: Blur) -> None:
        """Clicked elsewhere: as esc."""
        if self.has_class("editing"):
            self.action_leave()


class ColumnsDialog(Dialog[tuple[str, ...] | None]):
    """Columns to choose from; returns the chosen ones, or None when stepped out of."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "choose", priority=True, tooltip="Show this column, or not"),
        Binding("enter", "accept", "show", priority=True, tooltip="Show these"),
        Binding("escape,q", "dismiss(None)", "cancel", tooltip="Change nothing"),
        Binding("j", "move(1)", "down", show=False),
        Binding("k", "move(-1)", "up", show=False),
    ]

    def __init__(self, known: Sequence[tuple[str, str]], shown: Iterable[str]) -> None:
        super().__init__()
        self._known, self.chosen = known, set(shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_subtitle = "space chooses · enter shows them · esc cancels"
            yield Static("Columns; with none chosen, those that tell the runs apart.",
                         classes="question")  # fmt: skip
            yield MarkedOptions(*(self._line(*one) for one in self._known), markup=False)

    def _line(self, name: str, text: str) -> str:
        return f"{Status.FINISHED.mark if name in self.chosen else ' '} {text}"

    def on_mount(self) -> None:
        self.query_one(MarkedOptions).focus()

    @on(MarkedOptions.OptionSelected)
    def action_turn(self) -> None:
        columns = self.query_one(MarkedOptions)
        at = columns.highlighted or 0
        self.chosen ^= {self._known[at][0]}
        columns.replace_option_prompt_at_index(at, self._line(*self._known[at]))

    def action_accept(self) -> None:
        self.dismiss(tuple(name for name, _ in self._known if name in self.chosen))

    def action_move(self, step: int) -> None:
        self.query_one(MarkedOptions).move(step)
