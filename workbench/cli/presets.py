"""`presets`: which models there are."""

from __future__ import annotations

from workbench.cli.options import HomeOption, ListFormat, ListFormatOption, current_home
from workbench.cli.output import note, print_json, print_table
from workbench.formats import percent
from workbench.leaderboard.table import Align, Heading, Table, Tone, cell
from workbench.model.library import own_presets, paper_presets
from workbench.model.paper_models import PAPER
from workbench.model.shapes import analyse


def presets(
    output: ListFormatOption = ListFormat.RICH,
    home: HomeOption = None,
) -> None:
    """List the models of the paper and your own."""
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
