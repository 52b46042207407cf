"""Standard streams that nothing printed can break: none missing, no letter impossible."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from io import TextIOWrapper
from typing import TextIO

# A letter for a letter, so that tables keep their columns on a terminal without UTF-8.
_PLAIN = str.maketrans("–−‑×·…─━╸╺│✓✗●○◌■‖±‘’“”", "---x..----|+x*oo#|~''\"\"")


def speaks_unicode(stream: TextIO) -> bool:
    """Whether any letter can be written to the stream as it is."""
    return (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def make_streams_safe() -> None:
    """Stand in for standard streams that are closed, and write what can be written.

    A closed one has to be opened before anything else: the next file of the program would
    otherwise take its number, and a worker started with that as its output would lose it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
    codecs.register_error("workbench", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="workbench")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(_letter(letter) for letter in text), error.end


def _letter(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)[0]  # é is e with an accent, ² a raised 2
    return base if base.isascii() else "?"
