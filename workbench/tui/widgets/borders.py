"""Words in a panel's border."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from workbench.text import visible


def say_in_border(
    widget: Widget, title: str | None = None, subtitle: str | Content | None = None
) -> None:
    """Set the title and the subtitle, strings as plain text; None leaves one as it is.

    Setting one sends the whole panel over the connection, so what stands there already is not
    set again.
    """
    if title is not None and widget.border_title != (text := Content(visible(title))).markup:
        widget.border_title = text
    if subtitle is not None:
        text = Content(visible(subtitle)) if isinstance(subtitle, str) else subtitle
        if (widget.border_subtitle or "") != text.markup:
            widget.border_subtitle = text
