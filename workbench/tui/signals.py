"""What a terminal can be told beside its screen, and whether it knows: notification, progress."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Mapping

from workbench.text import without_unsafe

ANSWER_SECONDS = 1.0  # a slow connection's way there and back
LONGEST_ANSWER = 4096

# By the names in TERM, TERM_PROGRAM or LC_TERMINAL (which ssh often hands on).
OSC_9 = ("kitty", "ghostty", "wezterm", "iterm")
OSC_777 = ("rxvt", "foot", "contour")
PROGRESS = ("ghostty", "wezterm", "iterm", "conemu")


def _names(environment: Mapping[str, str]) -> str:
    return " ".join(
        environment.get(name, "") for name in ("TERM", "TERM_PROGRAM", "LC_TERMINAL")
    ).lower()


def _known(names: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    mentioned = _names(environment)
    return any(name in mentioned for name in names)


def _through_tmux(sequence: str, environment: Mapping[str, str]) -> str:
    """In tmux an escape sequence for the terminal around it is wrapped."""
    if not environment.get("TMUX"):
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def notification(words: str, environment: Mapping[str, str] = os.environ) -> str:
    """The sequence that shows a notification on the desktop; empty where it is not known."""
    plain = without_unsafe(words)
    if _known(OSC_777, environment):
        body = plain.replace(";", ",")
        return _through_tmux(f"\x1b]777;notify;mnist-workbench;{body}\x07", environment)
    if _known(OSC_9, environment):
        # Beginning with a digit and a semicolon it would mean something else, as progress does.
        return _through_tmux(f"\x1b]9;{plain.replace(';', ',')}\x07", environment)
    return ""


def progress(share: float | None, environment: Mapping[str, str] = os.environ) -> str:
    """The sequence that shows progress from 0 to 1 at the window's icon, or takes it away."""
    known = "WT_SESSION" in environment or _known(PROGRESS, environment)
    if not known or environment.get("TMUX"):
        return ""
    return "\x1b]9;4;0;\x07" if share is None else f"\x1b]9;4;1;{100 * share:.0f}\x07"


def has_light_background() -> bool | None:
    """Whether the terminal's background is light, asked by OSC 11; None where it does not say."""
    return is_light(answer_to("\x1b]11;?\x07"))


def answer_to(question: str) -> str:
    """What the terminal answers to an escape sequence, and what it is (DA1) in any case.

    After the question stands one that any terminal answers: so none is waited for in vain.
    """
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):
        return ""
    answer = b""
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        os.write(sys.stdout.fileno(), f"{question}\x1b[c".encode())
        until = time.monotonic() + ANSWER_SECONDS
        while len(answer) < LONGEST_ANSWER and not _answered(answer):
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                break
            answer += os.read(descriptor, 256)
    except (OSError, termios.error):
        return ""
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
    return answer.decode("ascii", "replace")


def _answered(answer: bytes) -> bool:
    """Whether the second question's answer, `ESC [ ? … c`, is there."""
    start = answer.find(b"\x1b[?")
    return start >= 0 and b"c" in answer[start:]


def is_light(answer: str) -> bool | None:
    """What `ESC ] 11 ; rgb:RRRR/GGGG/BBBB` says of the background; None: nothing."""
    _, found, rest = answer.partition("]11;rgb:")
    parts = rest.replace("\x07", "\x1b").partition("\x1b")[0].split("/")
    if not found or len(parts) != 3:
        return None
    try:
        red, green, blue = (int(part, 16) / (16.0 ** len(part) - 1) for part in parts)
    except (ValueError, ZeroDivisionError):
        return None
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # ITU-R BT.709
    return luminance > 0.5
