"""What the screens share that show what models answer: Errors, Classes, Inside, Draw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from textual import work
from textual.containers import Vertical
from textual.events import Resize

from workbench.errors import UserError
from workbench.predictions.of_run import Predictions, predictions_of
from workbench.runs.folder import RunFolder
from workbench.tui.screens.base import WorkbenchScreen, unless_left


def panel(id: str, title: str = "") -> Vertical:  # noqa: A002  (Textual's own name)
    """A framed part of a screen, its title in the border."""
    made = Vertical(id=id, classes="panel")
    # A title that changes sends its whole panel again, so most are set once, here.
    made.border_title = title
    return made


class AnswersScreen(WorkbenchScreen):
    """A screen that asks models beside the keys, and draws what it has for the window's size."""

    def draw(self) -> None:
        raise NotImplementedError

    def say(self, sentence: str, word: str = "muted") -> None:
        """Say what is waited for, or (`word` is "bad") what cannot be."""
        raise NotImplementedError

    @work(exclusive=True, group="answers")
    async def ask(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do this now, in place of what was asked for before; what it refuses is said."""
        with unless_left(self):
            try:
                await what()
            except UserError as error:
                self.say(str(error), "bad")

    async def answers_of(self, folders: Sequence[RunFolder]) -> list[Predictions]:
        """What the runs' models answer; where they have to be asked, that is said.

        Raises:
            UserError: a run has no answers, and none can be made.
        """

        def asking() -> None:
            words = "asking the model; this takes some seconds…"
            self.app.call_from_thread(self.say, words)

        return await asyncio.to_thread(lambda: [predictions_of(one, asking) for one in folders])

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.draw)
