"""What leaves for people holds nothing that a terminal obeys."""

from __future__ import annotations

import json
import tomllib

import pytest

from tests.support import is_safe
from workbench.text import json_text, one_line, toml_string, visible, without_unsafe

HOSTILE = "\x1b]0;pwned\x07\x1b[31mred\x9b5m\u202egnp\u2066\ufeff\x00\x7f\u2028"


def test_unsafe_characters_are_spelled_out() -> None:
    assert visible("\x1b[31m\x9b\u202e") == "\\x1b[31m\\x9b\\u202e"
    assert visible("a\nb\tc") == "a\\nb\\tc"
    assert visible("a\nb\tc", keep="\n") == "a\nb\\tc"
    assert is_safe(visible(HOSTILE)) and not is_safe(HOSTILE)
    assert visible("\udcff") == "\\udcff"


@pytest.mark.parametrize("text", ["", "97.49 ± 0.05 %", "名前 – ✓ é", "😀", "a\u00a0b"])
def test_what_is_safe_stays(text: str) -> None:
    assert visible(text) == text and without_unsafe(text) == text and is_safe(text)


def test_one_line_is_one_line() -> None:
    assert one_line("  a \n b\t\tc ") == "a b c"
    assert one_line(HOSTILE).count("\n") == 0 and is_safe(one_line(HOSTILE))


def test_json_comes_back_as_it_went_in_and_is_safe() -> None:
    data = {"note": HOSTILE + "\U000e0001 名前"}
    text = json_text(data)
    assert json.loads(text) == data
    assert is_safe(text.replace("\n", "")) and "名前" in text
    assert json_text(data, ascii_only=True).isascii()


def test_toml_comes_back_as_it_went_in_and_is_safe() -> None:
    text = HOSTILE + '\U000e0001 名前 "quoted" \\ back'
    written = f"title = {toml_string(text)}"
    assert is_safe(written)
    assert tomllib.loads(written) == {"title": text}
    assert tomllib.loads(f"title = {toml_string(chr(0xDCFF))}") == {"title": "?"}
