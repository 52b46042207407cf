"""The style sheets in `layouts/`: one for all screens, and one for each screen of its own.

A screen's own is read when the screen is first opened: Textual reads all that it knows anew for
each, which the first frame would wait for.
"""

from __future__ import annotations

from workbench.resources import resource_folder


def style_sheet(name: str) -> str:
    """The path of `layouts/NAME.tcss`, for a `CSS_PATH`."""
    return str(resource_folder("layouts") / f"{name}.tcss")
