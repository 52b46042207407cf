"""Models over vectors as in the paper's Figures 1 and 2: columns of joined neurons, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from workbench.model.diagram_svg_canvas import (
    FAINT,
    LINE_HEIGHT,
    PAINTS,
    TEXT_SIZE,
    Canvas,
    Point,
    text_width,
)
from workbench.model.diagram_svg_stages import Stage

RADIUS = 7.5
APART = 21.0  # from one neuron's centre to the next
ALL_SHOWN = 10  # neurons; of more, some stand for all
MOST_HALF = 8  # neurons above, and as many below, the dots for those left out
LEAST_HALF = 3
DOTS = 54.0  # room of the dots between the halves
ROW_WIDTH = 1100.0
ROW_GAP = 40.0
NARROWEST_GAP = 150.0
WIDEST_GAP = 230.0
CONNECTION = "#8b949c"


def draw_neurons(canvas: Canvas, stages: tuple[Stage, ...]) -> None:
    """The stages as columns from left to right, in further rows beyond `ROW_WIDTH`."""
    labels = _names(stages)
    widest = max(
        text_width(line)
        for stage, name in zip(stages, labels, strict=True)
        for line in (_measured(name, stage), _operation(stage), *stage.notes)
    )
    gap = max(NARROWEST_GAP, widest + 26)
    share = max(2, int(ROW_WIDTH // gap) + 1)
    if len(stages) <= share and len(stages) > 1:
        gap = max(gap, min(WIDEST_GAP, 700.0 / (len(stages) - 1)))
    longest = max((stage.part.shape[0] for stage in stages if stage.part.shape), default=1)
    start = 0
    while start < len(stages):
        # The last column of a row opens the next, so that its connections are seen.
        end = min(start + share, len(stages))
        top = canvas.bottom + ROW_GAP if start else 0.0
        _draw_row(canvas, stages[start:end], labels[start:end], longest, gap, top)
        start = end if end == len(stages) else end - 1


def _names(stages: tuple[Stage, ...]) -> list[str]:
    """`Input layer`, `Hidden layer 1`, …, `Output layer`, as in the paper's tables."""
    names, hidden = [], 0
    for stage in stages:
        match stage.part.role:
            case "input":
                names.append("Input layer")
            case "output":
                names.append("Output layer")
            case "problem":
                names.append(stage.operation[0])
            case _:
                hidden += 1
                names.append(f"Hidden layer {hidden}")
    return names


def _measured(name: str, stage: Stage) -> str:
    return f"{name} ∈ ℝ{stage.size}" if stage.size else name


def _operation(stage: Stage) -> str:
    if stage.part.role == "input":
        return ""
    if stage.part.shape is None:
        return stage.operation[-1]
    return " ".join(stage.operation)


def _draw_row(
    canvas: Canvas,
    stages: Sequence[Stage],
    names: Sequence[str],
    longest: int,
    gap: float,
    top: float,
) -> None:
    reach = _height(longest, longest) / 2
    middle = top + reach
    columns = [_places(stage, longest, number * gap, middle) for number, stage in enumerate(stages)]
    for number, (here, there) in enumerate(pairwise(columns), start=1):
        if stages[number].part.shape is not None:
            _join(canvas, here, there)
    for stage, places in zip(stages, columns, strict=True):
        _draw_column(canvas, stage, places, middle)
    for number, (stage, name) in enumerate(zip(stages, names, strict=True)):
        _label(canvas, stage, name, number * gap, middle + reach + RADIUS + TEXT_SIZE + 12)


def _join(canvas: Canvas, here: list[Point], there: list[Point]) -> None:
    """A line from each neuron of a column to each of the next."""
    pairs = [
        ((x + RADIUS, y), (other_x - RADIUS, other_y))
        for x, y in here
        for other_x, other_y in there
    ]
    canvas.lines(pairs, CONNECTION, width=0.4, group="connections")


def _draw_column(canvas: Canvas, stage: Stage, places: list[Point], middle: float) -> None:
    paint, x = PAINTS[stage.part.role], places[0][0]
    if stage.part.shape is None:
        arm = RADIUS
        cross = [
            ((x - arm, middle - arm), (x + arm, middle + arm)),
            ((x - arm, middle + arm), (x + arm, middle - arm)),
        ]
        canvas.lines(cross, paint.line, width=2.5, group="problem")
        return
    for place in places:
        canvas.circle(place, RADIUS, paint, group="neuron")
    if stage.part.shape[0] > len(places):
        for step in (-1, 0, 1):
            canvas.circle((x, middle + step * 9), 1.4, paint, group="dots")


def _label(canvas: Canvas, stage: Stage, name: str, x: float, baseline: float) -> None:
    problem = stage.part.shape is None
    colour = PAINTS["problem"].line if problem else FAINT
    if problem:
        canvas.text(x, baseline, name, colour=colour, group="layer")
    else:
        canvas.text(x, baseline, f"{name} ∈ ℝ", raised=stage.size, group="layer")
    for line in (_operation(stage), *stage.notes):
        if line:
            baseline += LINE_HEIGHT + 1
            canvas.text(x, baseline, line, colour=colour, group="operation")


def _half(size: int, longest: int) -> int:
    """How many neurons are drawn on either side of the dots. Less than proportional."""
    share = (size / max(longest, 1)) ** 0.3
    return max(LEAST_HALF, round(MOST_HALF * float(share)))


def _height(size: int, longest: int) -> float:
    """From the first neuron's centre to the last one's."""
    if size <= ALL_SHOWN:
        return APART * (size - 1)
    return 2 * APART * (_half(size, longest) - 1) + DOTS


def _places(stage: Stage, longest: int, x: float, middle: float) -> list[Point]:
    """The centres of a column's neurons, around the middle, from the top."""
    if stage.part.shape is None:
        return [(x, middle)]
    size = stage.part.shape[0]
    first = middle - _height(size, longest) / 2
    if size <= ALL_SHOWN:
        return [(x, first + APART * number) for number in range(size)]
    last = middle + _height(size, longest) / 2
    half = _half(size, longest)
    upper = [(x, first + APART * number) for number in range(half)]
    lower = [(x, last - APART * number) for number in reversed(range(half))]
    return [*upper, *lower]
