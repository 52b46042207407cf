"""A model as an SVG file in the manner of the paper's Figures 1 to 4, for a report.

The paper's figures were made with NN-SVG: columns of neurons for models over vectors (its FCNN
style), stacks of feature maps and slanted bars for models over images (its LeNet style). The
same model always gives the same text.
"""

from __future__ import annotations

from workbench.model.architecture import Architecture
from workbench.model.diagram_svg_blocks import draw_blocks
from workbench.model.diagram_svg_canvas import LINE_HEIGHT, PAINTS, Canvas
from workbench.model.diagram_svg_neurons import draw_neurons
from workbench.model.diagram_svg_stages import Stage, stages_of
from workbench.model.shapes import Analysis, analyse


def diagram_svg(architecture: Architecture, title: str, *, analysis: Analysis | None = None) -> str:
    """The model as the text of an SVG file; `title` names it for who cannot see it.

    A model that is impossible is drawn up to the layer that does not fit, and the reason stands
    beneath it.
    """
    analysis = analysis or analyse(architecture)
    stages = stages_of(architecture, analysis)
    canvas = Canvas()
    flat = all(stage.part.is_vector for stage in stages)
    (draw_neurons if flat else draw_blocks)(canvas, stages)
    if analysis.problem is not None:
        _say(canvas, f"Impossible: {analysis.problem}")
    return canvas.document(f"{title}: architecture", _description(stages, analysis))


def _say(canvas: Canvas, sentence: str) -> None:
    """A sentence beneath the drawing, in lines of no more than 72 letters."""
    from textwrap import wrap

    middle = canvas.middle
    baseline = canvas.bottom + 2 * LINE_HEIGHT
    for number, line in enumerate(wrap(sentence, 72)):
        canvas.text(
            middle,
            baseline + number * LINE_HEIGHT,
            line,
            colour=PAINTS["problem"].line,
            group="problem",
        )


def _description(stages: tuple[Stage, ...], analysis: Analysis) -> str:
    """The model in words: `Input 1@28×28; Conv2D 3×3, ReLU: 32@28×28; …`."""
    said = []
    for stage in stages:
        made = " ".join(stage.operation)
        words = f"{made} {stage.size}" if stage.part.role == "input" else f"{made}: {stage.size}"
        said.append(", ".join([words.removesuffix(": "), *stage.notes]))
    text = f"{'; '.join(said)}. {analysis.parameters:,} parameters."
    return f"{text} Impossible: {analysis.problem}." if analysis.problem else text
