"""Options, arguments and completions that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import QueryError
from workbench.files import typed_path
from workbench.settings import HOME_VARIABLE, default_home

if TYPE_CHECKING:
    from workbench.model.spec import Precision
    from workbench.runs.folder import RunFolder


class ListFormat(StrEnum):
    RICH = "rich"
    JSON = "json"


class TableFormat(StrEnum):
    RICH = "rich"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"


def checked_precision(name: str) -> Precision:
    """A precision as typed; a QueryError where there is none of that name."""
    from workbench.model.spec import PRECISIONS

    for known in PRECISIONS:
        if name == known:
            return known
    raise QueryError(f'precision: "{name}" is not one of {", ".join(PRECISIONS)}')


def complete_presets(incomplete: str) -> list[str]:
    """Preset names, the paper's and the user's, for the shell."""
    from workbench.model.paper_models import SHIPPED
    from workbench.model.preset import own_preset_files

    names = [*SHIPPED, *(path.stem for path in own_preset_files(default_home()))]
    return [name for name in names if name.startswith(incomplete)]


def complete_runs(incomplete: str) -> list[str]:
    """Run ids for the shell, by name alone: no run is opened."""
    try:
        names = sorted(path.name for path in default_home().runs.iterdir())
    except OSError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_from(*choices: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [name for name in choices if name.startswith(incomplete)]


def _use_home(value: Path | None) -> Path | None:
    if value is not None:
        # Through the environment, so that the workers find the same folder.
        os.environ[HOME_VARIABLE] = str(typed_path(value))
    return value


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        callback=_use_home,
        metavar="FOLDER",
        help=f"Keep all data in this folder (also {HOME_VARIABLE}).",
    ),
]

ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="What trains: local (this machine) or ray; `mnist-workbench config executor` else.",
        autocompletion=complete_from("local", "ray"),
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="The Ray cluster: auto (that of this machine), HOST:PORT or ray://HOST:PORT.",
    ),
]

# What is trained

PresetArgument = Annotated[
    str,
    typer.Argument(
        metavar="PRESET_OR_FILE",
        help="A preset's name (`mnist-workbench presets`) or a preset's TOML file.",
        autocompletion=complete_presets,
    ),
]
DatasetOption = Annotated[
    str,
    typer.Option(
        help="mnist, fashion_mnist, cifar10, cifar100, or the path of an .npz.",
        autocompletion=complete_from("mnist", "fashion_mnist", "cifar10", "cifar100"),
    ),
]
TrainLimitOption = Annotated[
    int | None, typer.Option(metavar="N", help="Only the first N training images.")
]
MaxPixelOption = Annotated[
    float | None,
    typer.Option(
        metavar="N", help="A data file's pixels go from 0 to N, where neither 1 nor 255 is meant."
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        help="float32, bfloat16, or float16 for older GPUs.",
        autocompletion=complete_from("float32", "bfloat16", "float16"),
    ),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(metavar="WORD", help="A word to find the run by; may be repeated."),
]

ValidationOption = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Hold out a share of the training images (0.15), or a number, to choose settings by; "
        '"file": the x_val and y_val of an .npz.',
    ),
]
EarlyStoppingOption = Annotated[
    int | None,
    typer.Option(
        metavar="EPOCHS",
        help="End when the validation loss has not fallen for this long; the best weights count.",
    ),
]
MinDeltaOption = Annotated[
    float | None,
    typer.Option(metavar="LOSS", help="The least fall that early stopping counts."),
]

# Many trainings

SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        metavar="N",
        help="Seeds 0 to N-1 of each; 1 unless `mnist-workbench config seeds` says otherwise.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Trainings at once; 1 unless said otherwise. One training keeps all cores busy: "
        "two on the same few cores each take about twice as long.",
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be trained and how long; train nothing.")
]

# How it is followed and shown

DetachOption = Annotated[bool, typer.Option("--detach", help="Return at once.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]
ListFormatOption = Annotated[ListFormat, typer.Option("--format", help="rich or json.")]
TableFormatOption = Annotated[
    TableFormat, typer.Option("--format", help="rich, markdown, csv, json or latex.")
]

# Which runs


def chosen_runs(names: Iterable[str]) -> list[RunFolder]:
    """The runs of these ids, or their beginnings, each once.

    Raises:
        RunError: there is none of a name, or several.
    """
    from workbench.runs.folder import find_run

    found = [find_run(default_home(), name) for name in names]
    return list({folder.run_id: folder for folder in found}.values())


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's id, or its beginning.", autocompletion=complete_runs
    ),
]
RunArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN", help="Ids of runs, or their beginnings.", autocompletion=complete_runs
    ),
]
