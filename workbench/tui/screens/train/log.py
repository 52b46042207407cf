"""The worker's own words: the tail of `worker.log`, followed while it is open."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Log, Static

from workbench.files import open_file
from workbench.runs.folder import RunFolder
from workbench.settings import style_sheet
from workbench.tui.screens.dialog import Dialog

TAIL_BYTES = 200_000
LOOK_SECONDS = 0.5
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")


def clean(data: bytes) -> str:
    """Text that cannot move the cursor: escape sequences and control characters taken out."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
    text = text.replace("\r", "\n").expandtabs(4)
    return "".join(letter for letter in text if letter == "\n" or letter.isprintable())


def read_tail(path: Path, offset: int | None) -> tuple[str, int]:
    """What was written since `offset` (None: the last of it), and where that ends."""
    try:
        with open_file(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES) if offset is None else min(offset, size))
            text, end = clean(file.read()), file.tell()
    except OSError:
        text, end = "", offset or 0
    return ("The worker has written nothing yet.\n" if offset is None and not text else text), end


class LogScreen(Dialog[None]):
    """The log over the run's screen."""

    CSS_PATH: ClassVar = style_sheet("log")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,l", "dismiss", "close", tooltip="Back to the curves"),
        Binding("j,down", "line(1)", "down", show=False),
        Binding("k,up", "line(-1)", "up", show=False),
    ]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="log-dialog"):
            yield Static(str(self._folder.log_file), classes="muted", id="log-path", markup=False)
            yield Log(id="log-text")

    def on_mount(self) -> None:
        self.query_one("#log-dialog").border_title = "the worker's log"
        self.query_one(Log).focus()
        self._follow()

    @work
    async def _follow(self) -> None:
        offset: int | None = None
        while True:
            text, offset = await asyncio.to_thread(read_tail, self._folder.log_file, offset)
            if text:
                self.query_one(Log).write(text)
            await asyncio.sleep(LOOK_SECONDS)

    def action_line(self, step: int) -> None:
        """Scroll a line."""
        self.query_one(Log).scroll_relative(y=step, animate=False)
