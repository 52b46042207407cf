"""One short text that is written in: a caret, and a first key that replaces it all."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

LONGEST = 40  # characters; no value of a form is longer
_KEYS = {
    "home": "start",
    "ctrl+a": "start",
    "end": "end",
    "ctrl+e": "end",
    "backspace": "before",
    "ctrl+h": "before",
    "delete": "after",
    "ctrl+u": "line",
    "ctrl+w": "line",
}


class TextLine:
    """`text` with a caret. A text just entered is chosen as a whole: typing replaces it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.caret = len(text)
        self.chosen = bool(text)

    def move(self, by: int) -> None:
        """Move the caret."""
        self.chosen = False
        self.caret = max(0, min(self.caret + by, len(self.text)))

    def insert(self, typed: str) -> None:
        """Write at the caret, or over what is chosen."""
        if self.chosen:
            self.text, self.caret, self.chosen = "", 0, False
        typed = "".join(sign for sign in typed if sign.isprintable())
        typed = typed[: LONGEST - len(self.text)]
        self.text = self.text[: self.caret] + typed + self.text[self.caret :]
        self.caret += len(typed)

    def takes(self, key: str) -> bool:
        """Whether a key that types nothing means anything here."""
        return key in _KEYS

    def key(self, key: str, typed: str | None) -> bool:
        """Take a key; whether it means anything here."""
        if typed:
            self.insert(typed)
            return True
        match _KEYS.get(key):
            case "start":
                self.move(-LONGEST)
            case "end":
                self.move(LONGEST)
            case "before":
                self._cut(self.caret - 1, self.caret)
            case "after":
                self._cut(self.caret, self.caret + 1)
            case "line":
                self._cut(0, self.caret)
            case _:
                return False
        return True

    def _cut(self, start: int, end: int) -> None:
        if self.chosen:
            start, end, self.chosen = 0, len(self.text), False
        start = max(0, start)
        self.text = self.text[:start] + self.text[end:]
        self.caret = start

    def shown(self) -> Text:
        """The text with its caret, or its choice, in reverse."""
        if self.chosen:
            return Text.assemble((self.text, Style(reverse=True)))
        under = self.text[self.caret : self.caret + 1] or " "
        return Text.assemble(
            self.text[: self.caret], (under, Style(reverse=True)), self.text[self.caret + 1 :]
        )
