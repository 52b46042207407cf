"""The first line: where one is, and what is training."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from workbench.runs.status import Status
from workbench.tui.run_feed import RunFeed, Seen

PLACES = (
    ("1", "Models"),
    ("2", "Compose"),
    ("3", "Runs"),
    ("4", "Leaderboard"),
    ("5", "Queue"),
    ("6", "Draw"),
)

GAPS = (3, 2, 1)  # letters between two places, as many as there is room for


class TitleBar(Widget):
    """`place` is the screen's name, `detail` what stands beside it, `living` running trainings."""

    DEFAULT_CSS = """
    TitleBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    place: reactive[str] = reactive("")
    detail: reactive[str] = reactive("")
    living: reactive[int] = reactive(0)

    def __init__(self, place: str = "", detail: str = "") -> None:
        super().__init__()
        self.set_reactive(TitleBar.place, place)
        self.set_reactive(TitleBar.detail, detail)

    def on_mount(self) -> None:
        self.auto_links = False  # no underlines but the one that says where one is
        feed = getattr(self.app, "run_feed", None)
        if isinstance(feed, RunFeed):
            self.living = len(feed.last.living)
            feed.seen.subscribe(self, self._runs_seen)

    def _runs_seen(self, seen: Seen) -> None:
        self.living = len(seen.living)

    def render(self) -> RenderResult:
        """The places with the current one marked; the right end says what trains."""
        mark, word = Status.RUNNING.mark, Status.RUNNING.word
        right = Text(f"{mark} {self.living} {word} " if self.living else "", no_wrap=True)
        left = Text(" ", no_wrap=True, overflow="ellipsis")
        places = sum(len(f"{key} {name}") for key, name in PLACES) + cell_len(self.detail)
        room = self.size.width - 1 - places
        if room < len(PLACES) * GAPS[1] + right.cell_len:
            right.plain = right.plain.replace(f" {word}", "")
        gap = next((gap for gap in GAPS if len(PLACES) * gap + right.cell_len <= room), GAPS[-1])
        for key, name in PLACES:
            here = name == self.place
            click = Style.from_meta({"@click": f"app.go({name.lower()!r})"})
            left.append(f"{key} ", style=Style(dim=True) + click)
            left.append(name, style=Style(bold=here or None, underline=here or None) + click)
            left.append(" " * gap)
        if self.detail:
            left.append(self.detail, style="dim")
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(left, right)
        return grid
