"""`runs plot`: the curves of runs as a figure for a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import ForceOption, RunArguments, chosen_runs, complete_from
from workbench.cli.output import check_free, note, write_shared
from workbench.errors import RunError, UserError
from workbench.figures.curves import render
from workbench.figures.rendering import form_of
from workbench.figures.traces import MOST_RUNS, SMOOTHING, CurveOptions, Trace, trace_of
from workbench.runs.curves import Axis, Metric
from workbench.text import visible

BOTH = "both"


def plot(
    runs: RunArguments,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Where to: .svg, .png or .pdf."),
    ],
    x: Annotated[Axis, typer.Option("--x", help="epochs, steps or time.")] = Axis.EPOCHS,
    metric: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="accuracy, loss or both; of a script any that it has logged.",
            autocompletion=complete_from(*Metric, BOTH),
        ),
    ] = BOTH,
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
) -> None:
    """Draw the curves of a run, or of up to six, as SVG, PNG or PDF.

    One run: training and test together, beside the paper's accuracy. Several: laid over each
    other, told apart by line and mark as well. A run may still be training. Of a script its loss
    is drawn and what it has logged beside that, an accuracy first.

    Example: mnist-workbench runs plot 7kq2 x3fd --metric accuracy -o curves.svg
    """
    form = form_of(output)
    weight = SMOOTHING if smoothing is None else smoothing
    if not 0.0 <= weight < 1.0:
        raise UserError(f"smoothing: {weight:g} is not from 0 to below 1, such as 0.8")
    folders = chosen_runs(runs)
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
    view = CurveOptions(x, _metrics(traces, metric), log, weight)
    write_shared(output, render(traces, view, form))


def _metrics(traces: Sequence[Trace], asked: str) -> tuple[str, ...]:
    """The metrics to draw: the one that is asked for, or the first two that there are.

    Raises:
        UserError: no run has logged it.
    """
    known = list(dict.fromkeys(name for trace in traces for name in trace.curves.names))
    if asked in known:
        return (asked,)
    if asked == BOTH:
        return tuple(sorted(known[:2], key=lambda name: name == Metric.LOSS))
    shown = ", ".join(visible(name) for name in known)
    raise UserError(f'metric "{visible(asked)}" was not logged; choose one of {shown}')
