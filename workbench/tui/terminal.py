"""What a terminal can be told and asked beside its screen, and the way all goes to it."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter

from workbench.text import without_unsafe

if TYPE_CHECKING:
    from workbench.tui.changed_cells import ChangedCells


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


# One transparent pixel, which a terminal with kitty's protocol says whether it could show.
KITTY_QUESTION = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
# textual-image waits 0.1 s for an answer. Over a slower connection its answers would be taken for
# keys, and images of 100 kB would not be wanted.
MOST_SECONDS = 0.07
NO_PLACEHOLDERS = "warpterminal"  # says that it knows kitty's protocol, and does not know all


def graphics_here(wanted: str) -> Any:
    """textual-image's widget for this terminal; None where half blocks have to do.

    `wanted` is the setting `images`. Call it before Textual reads what the terminal says.
    """
    if wanted == "blocks" or "NO_COLOR" in os.environ or find_spec("textual_image") is None:
        return None
    asked = time.monotonic()
    answer = answer_to(KITTY_QUESTION)
    if time.monotonic() - asked > MOST_SECONDS:
        return None
    protocol = protocol_of(answer) if wanted == "auto" else wanted
    try:
        return _widget(protocol) if protocol else None
    finally:
        answer_to("")  # what comes late is read here, and not taken for keys


def protocol_of(answer: str, environment: Mapping[str, str] = os.environ) -> str:
    """`sixel`, `kitty` or nothing, by the answer to `KITTY_QUESTION` and to what follows it.

    tmux answers for itself, whatever the terminal around it can do.
    """
    inside = environment.get("TMUX") or environment.get("TERM", "").startswith(("screen", "tmux"))
    if inside:
        return ""
    _, _, attributes = answer.partition("\x1b[?")
    # The protocol that more terminals do well first: WezTerm and Konsole say that they have both.
    if "4" in attributes.partition("c")[0].split(";")[1:]:
        return "sixel"
    known = environment.get("TERM_PROGRAM", "").lower() != NO_PLACEHOLDERS
    return "kitty" if known and "i=31;OK" in answer else ""


def _widget(protocol: str) -> Any:
    try:
        from textual_image.widget import SixelImage, TGPImage  # asks for the size of a cell
        from textual_image.widget.sixel import _ImageSixelImpl
    except (ImportError, ArithmeticError, ValueError, OSError):  # such as one of no size
        return None
    if protocol == "kitty":
        return TGPImage
    from rich.control import Control

    class Sixels(_ImageSixelImpl, inherit_css=False):
        """Goes on in the image's last line: what stands beside it would be drawn a line lower."""

        def _get_sixel_segments(self, sixel_data: str) -> list[Segment]:
            place, image, _ = super()._get_sixel_segments(sixel_data)
            region = self.screen.find_widget(self).visible_region
            return [place, image, Control.move_to(region.right, region.bottom - 1).segment]

    class Image(SixelImage, Renderable=SixelImage._Renderable):
        def compose(self) -> ComposeResult:
            yield Sixels(self.image)

    return Image


class InLine:
    """Stdout as textual-image writes to it, put in line with what Textual writes.

    Straight to the terminal, from another thread than Textual's, it would come amid the sequences
    that are being written there.
    """

    def __init__(self, stdout: Any, write: Callable[[str], None]) -> None:
        self._stdout, self.write = stdout, write

    def flush(self) -> None:
        """Nothing waits here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


class _Output:
    """The terminal as a file to write to; what cannot be written any more is dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _changed_cells() -> ChangedCells | None:
    """What sends only the cells that change; None where Textual's own parts are not as expected."""
    try:
        from workbench.tui.changed_cells import tried
    except ImportError:
        return None
    return tried()


class TerminalDriver(LinuxDriver):
    """Textual's driver, whose writing outlives the terminal.

    Textual writes in a thread, out of a queue of bounded length. An error would end that thread,
    and once the queue is full, the app would wait for it forever.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file: Any = _Output(self._file)
        self._title = self._progress = ""
        self._shown = _changed_cells()
        # The kernel's console has no title, and older ones print what would set it.
        self._has_title = os.environ.get("TERM") != "linux"

    def set_title(self, title: str) -> None:
        """Name the terminal's window or tab; written only where it changes."""
        if self._has_title and title != self._title:
            self._title = title
            self.write(f"\x1b]2;{title}\x07")

    def set_progress(self, share: float | None) -> None:
        """Show progress from 0 to 1 at the window's icon, or none; written when it changes."""
        sequence = progress(share)
        if sequence != self._progress and (self._progress or share is not None):
            self._progress = sequence
            self.write(sequence)

    def notify_desktop(self, words: str) -> None:
        """Show a notification outside of the terminal, where it can."""
        self.write(notification(words))

    def only_changes(self, update: Any) -> Any:
        """In place of an update of the screen one that writes what differs from what is shown."""
        return self._shown.only(update) if self._shown else update

    def start_application_mode(self) -> None:
        """Keep the title that the terminal has; what it shows is not known yet."""
        if self._shown:
            self._shown.forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._has_title:
            self._title = ""
            self.write("\x1b[22;2t")

    def stop_application_mode(self) -> None:
        """Put the title back, and take progress away."""
        self.set_progress(None)
        if self._has_title:
            self.write("\x1b[23;2t")
        super().stop_application_mode()


class _SafeLines(LineFilter):
    """Takes out what a terminal would obey, where no widget has spelled it out."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of a line; unsafe characters take no cell, so that nothing moves."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(without_unsafe(text), style, control) for text, style, control in segments]


SAFE_LINES = _SafeLines()
