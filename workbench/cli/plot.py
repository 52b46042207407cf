"""`runs plot`: the curves of runs as a figure for a report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import ForceOption, HomeOption, RunArguments, complete_from, current_home
from workbench.cli.output import check_free, note, write_shared
from workbench.errors import RunError, UserError
from workbench.figures.rendering import form_of, render
from workbench.figures.view import MOST_RUNS, SMOOTHING, View, trace_of
from workbench.runs.curves import Axis, Metric
from workbench.runs.folder import find_run


class XAxis(StrEnum):
    """What the x axis counts."""

    EPOCHS = "epochs"
    STEPS = "steps"
    TIME = "time"


class Curves(StrEnum):
    """What is plotted."""

    ACCURACY = "accuracy"
    LOSS = "loss"
    BOTH = "both"


def plot(
    runs: RunArguments,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Where to: .svg, .png or .pdf."),
    ],
    x: Annotated[XAxis, typer.Option("--x", help="epochs, steps or time.")] = XAxis.EPOCHS,
    metric: Annotated[Curves, typer.Option(help="accuracy, loss or both.")] = Curves.BOTH,
    log: Annotated[
        bool, typer.Option("--log", help="Logarithmic; accuracies by the errors left.")
    ] = False,
    smoothing: Annotated[
        float | None,
        typer.Option(
            metavar="WEIGHT",
            help="Of the training: 0 not at all, then up to below 1; 0.8 left out.",
            autocompletion=complete_from("0", "0.3", "0.6", "0.8", "0.9", "0.95", "0.98", "0.99"),
        ),
    ] = None,
    force: ForceOption = False,
    home: HomeOption = None,
) -> None:
    """Draw the curves of a run, or of up to six, as SVG, PNG or PDF.

    One run: training and test together, beside the paper's accuracy. Several: laid over each
    other, told apart by line and mark as well. A run may still be training.

    Example: mnist-workbench runs plot 7kq2 x3fd --metric accuracy -o curves.svg
    """
    form = form_of(output)
    weight = SMOOTHING if smoothing is None else smoothing
    if not 0.0 <= weight < 1.0:
        raise UserError(f"smoothing: {weight:g} is not from 0 to below 1, such as 0.8")
    place = current_home()
    folders = list(
        {found.run_id: found for found in (find_run(place, run) for run in runs)}.values()
    )
    if len(folders) > MOST_RUNS:
        raise RunError(f"{len(folders)} runs are too many for one plot: name {MOST_RUNS} or fewer")
    check_free(output, force=force)
    traces = [trace_of(folder) for folder in folders]
    for trace in traces:
        if trace.fault:
            note(f"mnist-workbench: {trace.fault}")
    if all(trace.empty for trace in traces):
        names = ", ".join(trace.run_id for trace in traces)
        raise RunError(
            f"run {names}: nothing to plot, as no step has been trained; try again later"
        )
    metrics = tuple(Metric) if metric is Curves.BOTH else (Metric(metric.value),)
    write_shared(output, render(traces, View(Axis(x.value), metrics, log, weight), form))
