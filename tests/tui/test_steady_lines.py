"""What a changed line redraws."""

from __future__ import annotations

import pytest

from workbench.tui.widgets.steady_lines import Line, changed_cells


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        ((("loss 0.12", ""),), (("loss 0.13", ""),), (8, 9)),
        ((("loss", ""),), (("loss", "muted"),), (0, 4)),
        ((("ab", ""), ("c", "muted")), (("ab", ""), ("cd", "muted")), (3, 4)),
        # The same letters in the same colours, cut into other pieces.
        ((("ab", ""),), (("a", ""), ("b", "")), None),
        ((), (("", "muted"),), None),
        ((("一", ""),), (("ab", ""),), (0, 2)),
    ],
)
def test_only_the_cells_that_differ(
    before: Line, after: Line, cells: tuple[int, int] | None
) -> None:
    assert changed_cells(before, after) == cells
