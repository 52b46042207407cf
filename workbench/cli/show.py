"""`presets`, `show`: which models there are; one as table, diagram, figure, file or script."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli import options
from workbench.cli.output import (
    check_free,
    console,
    note,
    print_json,
    print_table,
    put,
    speaks_unicode,
    write_shared,
)
from workbench.data.catalogue import dataset_with, describe_dataset
from workbench.data.facts import DatasetFacts
from workbench.errors import UserError
from workbench.figures.rendering import ImageFormat, form_of
from workbench.formats import percent
from workbench.leaderboard.table import RIGHT, Columns, Heading, Tone, cell, table_of
from workbench.model.architecture import analyse
from workbench.model.describe import architecture_rows, as_ascii, settings_lines
from workbench.model.paper_models import PAPER
from workbench.model.preset import Preset, find_preset, own_presets, preset_toml, shipped_presets
from workbench.settings import default_home


def presets(
    output: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """List the models of the paper, one for speed, and your own."""
    own, errors = own_presets(default_home())
    for error in errors:
        note(f"mnist-workbench: {error}")
    listed = [*shipped_presets(), *own]
    if output is options.ListFormat.JSON:
        print_json(
            [
                {
                    "name": preset.name,
                    "title": preset.title,
                    "part": preset.part,
                    "summary": preset.summary,
                    "parameters": analyse(preset.architecture).parameters,
                    "paper_accuracy": preset.paper.accuracy if preset.paper else None,
                    "paper_table": preset.paper.table if preset.paper else None,
                }
                for preset in listed
            ]
        )
        return
    columns: Columns[Preset] = [
        (Heading("Name"), lambda one: cell(one.name, Tone.STRONG)),
        (Heading("Title", weight=1), lambda one: one.title),
        (Heading("Parameters", RIGHT), lambda one: f"{analyse(one.architecture).parameters:,}"),
        (Heading("Paper", RIGHT), lambda one: percent(one.paper.accuracy if one.paper else None)),
        (Heading("In brief", weight=2), lambda one: one.summary),
    ]
    title = f"Presets: the models of {PAPER}" + ("; and yours" if own else "")
    print_table(table_of(title, listed, columns))


class ShowFormat(StrEnum):
    TABLE = "table"
    DIAGRAM = "diagram"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"
    JSON = "json"
    TOML = "toml"
    PYTHON = "python"


def show(
    preset: options.PresetArgument,
    output: Annotated[
        ShowFormat | None,
        typer.Option(
            "--format",
            help="table: as the paper prints it; diagram: as its figures; svg, png, pdf: the same "
            "as a picture for a report; json; toml: to start a preset of your own; python: a Keras "
            "script that needs nothing of this program.",
            show_default="table",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where a picture goes: .svg, .png or .pdf."
        ),
    ] = None,
    force: options.ForceOption = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Show the model as it is trained on this data set: its images and classes.",
            autocompletion=options.complete_from("mnist", "fashion_mnist", "cifar10", "cifar100"),
        ),
    ] = None,
    max_pixel: options.MaxPixelOption = None,
) -> None:
    """Show a model: layers, shapes, parameters, settings.

    Example: mnist-workbench show cnn-2 --format diagram
    """
    chosen = find_preset(preset, default_home())
    data = None if dataset is None else describe_dataset(dataset, max_pixel)
    if data is not None:
        fitted = chosen.architecture.fitted_to(data.image_shape, data.classes)
        chosen = chosen.model_copy(update={"architecture": fitted})
    if file is not None:
        ending = ShowFormat(form_of(file).value)
        if output not in (None, ending):
            raise UserError(f"-o {file}: this is no name for {output}; leave out one of both")
        output = ending
    match output:
        case ShowFormat.TABLE | None:
            print_model(chosen)
        case ShowFormat.DIAGRAM:
            from workbench.model.diagram import draw

            out, ascii_only = console(), not speaks_unicode(sys.stdout)
            out.print(draw(chosen.architecture, out.width, ascii_only=ascii_only).text())
        case ShowFormat.SVG | ShowFormat.PNG | ShowFormat.PDF:
            write_figure(chosen, output.value, file, force=force)
        case ShowFormat.JSON:
            print_preset_json(chosen)
        case ShowFormat.TOML:
            put(preset_toml(chosen))
        case ShowFormat.PYTHON:
            print_script(chosen, data)


def print_model(preset: Preset) -> None:
    """The architecture as the paper's Tables 1, 2, 4 and 5 print it, and the settings."""
    from rich.table import Table as RichTable
    from rich.text import Text

    ascii_only = not speaks_unicode(sys.stdout)
    analysis = analyse(preset.architecture)
    out = console()
    place = ""
    if preset.paper is not None:
        place = f"  Section {preset.paper.section}, Table {preset.paper.table}: "
        place += percent(preset.paper.accuracy)
    out.print(Text(preset.title, style="bold"), Text(place, style="dim"))
    if preset.summary:
        out.print(preset.summary)
    out.print()
    table = RichTable(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("layer", no_wrap=True)
    table.add_column("operation")
    table.add_column("output dimensions", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    for row in architecture_rows(preset.architecture, analysis, ascii_only=ascii_only):
        count = "" if not row.parameters else f"{row.parameters:,}"
        table.add_row(row.layer, Text("\n".join(row.operation)), row.output, count)
    out.print(table)
    out.print()
    totals = (
        f"{analysis.parameters:,} parameters, {analysis.multiply_adds:,} multiply-adds an image"
    )
    out.print(totals, style="bold")
    if analysis.problem:
        out.print(Text(f"impossible: {analysis.problem}", style="red"))
    out.print()
    settings = RichTable.grid(padding=(0, 2, 0, 0))
    marks: list[str] = []
    for line in settings_lines(preset):
        mark = ""
        if line.inferred:
            if line.inferred not in marks:
                marks.append(line.inferred)
            mark = f" [{marks.index(line.inferred) + 1}]"
        value = as_ascii(line.value) if ascii_only else line.value
        settings.add_row(Text(line.label, style="dim"), Text(value + mark))
    out.print(settings)
    for number, reason in enumerate(marks, start=1):
        out.print(Text(f"[{number}] inferred: {reason}", style="dim"))


def print_preset_json(preset: Preset) -> None:
    analysis = analyse(preset.architecture)
    data = preset.model_dump(mode="json")
    data["parameters"] = analysis.parameters
    data["multiply_adds"] = analysis.multiply_adds
    data["paper_accuracy"] = preset.paper.accuracy if preset.paper else None
    data["problem"] = str(analysis.problem) if analysis.problem else None
    data["shapes"] = [
        {
            "layer": facts.index,
            "kind": facts.layer.kind,
            "input_shape": list(facts.input_shape),
            "output_shape": list(facts.output_shape),
            "parameters": facts.parameters,
            "trainable": facts.trainable,
            "multiply_adds": facts.multiply_adds,
        }
        for facts in analysis.layers
    ]
    print_json(data)


def print_script(preset: Preset, data: DatasetFacts | None) -> None:
    """A Keras script that repeats the training and needs nothing of this program.

    Without `data` it is for the named data set whose images the model takes; where there is
    none, it asks for a file.
    """
    from workbench.model.keras_script import keras_script
    from workbench.runs.plan import dataset_ref

    data = data or dataset_with(preset.architecture.input_shape, preset.architecture.classes)
    spec = preset.spec(dataset_ref(data) if data else None)
    put(keras_script(spec, asks_for_data=data is None))


def write_figure(preset: Preset, form: str, output: Path | None, *, force: bool) -> None:
    """The model as a figure in the manner of the paper's Figures 1 to 4, for a report.

    To a file, or to standard output where that is no terminal (SVG also where it is).

    Raises:
        UserError: the file exists or cannot be written, or the terminal would get bytes.
    """
    from workbench.figures.architecture import render_architecture

    wanted = ImageFormat(form)
    if output is not None:
        check_free(output, force=force)
    elif wanted is not ImageFormat.SVG and sys.stdout.isatty():
        raise UserError(f"{wanted}: not for a terminal; name a file, as in -o model.{wanted}")
    content = render_architecture(preset.architecture, preset.title, wanted)
    if output is not None:
        write_shared(output, content)
    elif wanted is ImageFormat.SVG:
        text = content.decode("utf-8")
        if not speaks_unicode(sys.stdout):
            # XML has a way of its own to write any letter; the encoding named is true of ASCII too.
            text = text.encode("ascii", "xmlcharrefreplace").decode("ascii")
        put(text)
    else:
        sys.stdout.buffer.write(content)
