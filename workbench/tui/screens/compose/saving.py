"""Keeping the draft as a preset of the user's own: a name, and a question before overwriting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from textual.app import App

from workbench.errors import PresetError, UserError
from workbench.model.draft import EMPTY, DraftHistory
from workbench.model.paper_models import SHIPPED, why_taken
from workbench.model.preset import Preset, find_preset, own_preset_files, save_preset
from workbench.settings import Home
from workbench.tui.screens.dialog import ChoiceDialog, TextDialog

LONGEST_NAME, LONGEST_TITLE = 64, 80  # characters, as in a preset
_QUESTION = "Save the model under which name?"


def checked_name(typed: str) -> tuple[str, str]:
    """A preset's name and title from what was typed: `Café net, 2nd!` is `cafe-net-2nd`.

    Raises:
        PresetError: nothing of it can be a name, it is too long, or a name of the paper.
    """
    title = " ".join("".join(sign for sign in typed if sign.isprintable()).split())
    letters = unicodedata.normalize("NFKD", title.lower())
    plain = "".join(sign for sign in letters if not unicodedata.combining(sign))
    name = re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:LONGEST_NAME].rstrip("-._")
    if not name:
        raise PresetError(f"name: a letter from a to z or a digit at least (given: {title!r})")
    if len(title) > LONGEST_TITLE:
        raise PresetError(f"name: at most {LONGEST_TITLE} characters (given: {len(title)})")
    if name in SHIPPED:
        raise PresetError(f"{why_taken(name)}; choose another name")
    return name, title


def suggested_name(history: DraftHistory) -> str:
    """The name the draft was saved under, or one made from where it began."""
    kept = history.kept
    if kept is EMPTY:
        return ""
    return f"{kept.name[:57]}-edited" if kept.name in SHIPPED else kept.name


class Saving:
    """Asks until the draft is saved or the person steps out; `done` gets the saved preset."""

    def __init__(
        self, app: App[None], home: Home, history: DraftHistory, done: Callable[[Preset], None]
    ) -> None:
        self._app, self._home, self._history, self._done = app, home, history, done

    def save(self) -> None:
        """Save one's own model under its name; ask for one where it has none yet."""
        kept = self._history.kept
        try:
            unchanged = kept.name not in SHIPPED and find_preset(kept.name, self._home) == kept
        except UserError:
            unchanged = False  # never saved, or damaged or deleted since
        if unchanged:
            self._write(self._history.named(kept.name, kept.title), kept.name, overwrite=True)
        else:
            self.ask()

    def ask(self, typed: str | None = None) -> None:
        """Ask for a name."""
        value = suggested_name(self._history) if typed is None else typed
        self._app.push_screen(TextDialog(_QUESTION, value, "a-name-of-your-own"), self._named)

    def _named(self, typed: str | None) -> None:
        if typed is None:
            return
        try:
            name, title = checked_name(typed)
        except PresetError as error:
            self._complain(error)
            self.ask(typed)
            return
        # A name kept as it was keeps its title too.
        kept = self._history.kept
        preset = self._history.named(name, kept.title if kept.name == name else title)
        if name not in {path.stem for path in own_preset_files(self._home)}:
            self._write(preset, typed, overwrite=False)
            return

        def answered(answer: str | None) -> None:
            if answer == "overwrite":
                self._write(preset, typed, overwrite=True)
            elif answer == "other":
                self.ask(typed)

        question = f"A preset {name} exists already."
        answers = [("other", "Choose another name"), ("overwrite", f"Overwrite {name}")]
        self._app.push_screen(ChoiceDialog(question, answers), answered)

    def _write(self, preset: Preset, typed: str, *, overwrite: bool) -> None:
        try:
            path = save_preset(preset, self._home, overwrite=overwrite)
        except UserError as error:
            self._complain(error)
            if isinstance(error, PresetError):
                self.ask(typed)
            return
        self._app.notify(f"Saved as {preset.name} in {path}", markup=False)
        self._done(preset)

    def _complain(self, error: UserError) -> None:
        self._app.notify(str(error), severity="error", timeout=10, markup=False)
