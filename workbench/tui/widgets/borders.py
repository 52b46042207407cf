"""Words in a panel's border."""

from __future__ import annotations

from textual.widget import Widget


def say_in_border(widget: Widget, title: str | None = None, subtitle: str | None = None) -> None:
    """Set the title and the subtitle, as markup; None leaves one as it is.

    Setting one sends the whole panel over the connection, so what stands there already is not
    set again.
    """
    if title is not None and widget.border_title != title:
        widget.border_title = title
    if subtitle is not None and (widget.border_subtitle or "") != subtitle:
        widget.border_subtitle = subtitle
