"""What leaves for people: one safe line of text, whatever it came in as.

Names, notes, arguments and files come from outside and may hold what a terminal would obey
(escape sequences), or what turns the direction of writing. People see such characters spelled out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# Control characters of both sets, line and paragraph separators, format characters (direction
# marks among them), lone surrogates.
_UNSAFE = ("Cc", "Cf", "Zl", "Zp", "Cs")
# Nearly all text is plain letters, which need no second look.
_SUSPECT = re.compile(r"[^\x20-\x7e]")
_SUSPECT_JSON = re.compile(r"[^\x20-\x7e\n]")  # between JSON's strings line ends are its own


def visible(text: str, keep: str = "") -> str:
    r"""The text with unsafe characters spelled out, as `\x1b` or `\u202e`; those in `keep` stay."""
    if text.isprintable():
        return text
    return _spelled_out(text, lambda sign: sign.encode("unicode_escape").decode("ascii"), keep)


def one_line(text: str) -> str:
    """The text as one line that is safe to print: whitespace becomes single spaces."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return visible(" ".join(text.split()))


def without_unsafe(text: str) -> str:
    """The text without its unsafe characters, for what has been laid out already."""
    return text if text.isprintable() else _spelled_out(text, lambda sign: "")


def json_text(data: object, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """The data as JSON whose strings have unsafe characters escaped; NaN is refused."""
    import json  # the first frame, which needs this module, writes no JSON

    def escape(sign: str) -> str:
        units = sign.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

    text = json.dumps(data, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    return _spelled_out(text, escape, suspect=_SUSPECT_JSON)


def toml_string(text: str) -> str:
    """The text as a TOML string with unsafe characters escaped; half a surrogate pair is `?`."""
    import json

    def escape(sign: str) -> str:
        return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"

    quoted = json.dumps(text.encode("utf-8", "replace").decode("utf-8"), ensure_ascii=False)
    return _spelled_out(quoted, escape)


def _spelled_out(
    text: str, spell: Callable[[str], str], keep: str = "", suspect: re.Pattern[str] = _SUSPECT
) -> str:
    """The text with its unsafe characters as `spell` has each; those in `keep` stay."""

    def one(match: re.Match[str]) -> str:
        sign = match[0]
        safe = sign in keep or unicodedata.category(sign) not in _UNSAFE
        return sign if safe else spell(sign)

    return suspect.sub(one, text)
