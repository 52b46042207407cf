"""`presets` and `show`: which models there are, and what one looks like."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import (
    HomeOption,
    ListFormat,
    MaxPixelOption,
    complete_from,
    complete_presets,
    current_home,
)


def presets(
    output: Annotated[ListFormat, typer.Option("--format", help="rich or json.")] = ListFormat.RICH,
    home: HomeOption = None,
) -> None:
    """List the models of the paper and your own."""
    from workbench.cli.output import note, print_json
    from workbench.model.library import own_presets, paper_presets
    from workbench.model.shapes import analyse

    own, errors = own_presets(current_home())
    for error in errors:
        note(f"mnist-workbench: {error}")
    listed = [*paper_presets(), *own]
    if output is ListFormat.JSON:
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
    from workbench.cli.output import print_table
    from workbench.formats import percent
    from workbench.leaderboard.table import Align, Heading, Table, Tone, cell
    from workbench.model.paper_models import PAPER

    rows = tuple(
        (
            cell(preset.name, Tone.STRONG),
            cell(preset.title),
            cell(f"{analyse(preset.architecture).parameters:,}"),
            cell(percent(preset.paper.accuracy) if preset.paper else "–"),
            cell(preset.summary),
        )
        for preset in listed
    )
    headings = (
        Heading("Name"),
        Heading("Title", weight=1),
        Heading("Parameters", Align.RIGHT),
        Heading("Paper", Align.RIGHT),
        Heading("In brief", weight=2),
    )
    title = f"Presets: the models of {PAPER}" + ("; and yours" if own else "")
    print_table(Table(title, headings, rows))


class ShowFormat(StrEnum):
    """How a model is shown."""

    TABLE = "table"
    DIAGRAM = "diagram"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"
    JSON = "json"
    TOML = "toml"
    PYTHON = "python"


def show(
    preset: Annotated[
        str,
        typer.Argument(
            metavar="PRESET_OR_FILE",
            help="A preset's name, or a preset's TOML file.",
            autocompletion=complete_presets,
        ),
    ],
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
            "-o",
            "--output",
            metavar="FILE",
            help="Where a picture goes: .svg, .png or .pdf.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Show the model as it is trained on this data set: its images and classes.",
            autocompletion=complete_from("mnist", "fashion_mnist", "cifar10", "cifar100"),
            show_default=False,
        ),
    ] = None,
    max_pixel: MaxPixelOption = None,
    home: HomeOption = None,
) -> None:
    """Show a model: layers, shapes, parameters, settings.

    Example: mnist-workbench show cnn-2 --format diagram
    """
    from workbench.cli import show as views
    from workbench.cli.plot import form_of
    from workbench.data.catalogue import describe_dataset
    from workbench.errors import UserError
    from workbench.model.library import find_preset

    chosen = find_preset(preset, current_home())
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
            views.print_table(chosen)
        case ShowFormat.DIAGRAM:
            views.print_diagram(chosen)
        case ShowFormat.SVG | ShowFormat.PNG | ShowFormat.PDF:
            views.write_figure(chosen, output.value, file, force=force)
        case ShowFormat.JSON:
            views.print_preset_json(chosen)
        case ShowFormat.TOML:
            views.print_toml(chosen)
        case ShowFormat.PYTHON:
            views.print_script(chosen, data)
