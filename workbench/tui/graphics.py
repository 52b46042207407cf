"""Images by a graphics protocol, where the terminal has one and textual-image is installed.

Half blocks show an image of MNIST pixel by pixel already; larger images they have to shrink.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from textual.app import ComposeResult

from workbench.tui import signals

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
    answer = signals.answer_to(KITTY_QUESTION)
    if time.monotonic() - asked > MOST_SECONDS:
        return None
    protocol = protocol_of(answer) if wanted == "auto" else wanted
    try:
        return _widget(protocol) if protocol else None
    finally:
        signals.answer_to("")  # what comes late is read here, and not taken for keys


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
    from rich.segment import Segment

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
