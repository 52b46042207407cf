"""`runs tensorboard`, `runs import`, `watch`: logs for other programs, and from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import RunArguments, TagOption, chosen_runs, current_home
from workbench.cli.output import note, say
from workbench.files import typed_path
from workbench.formats import count
from workbench.runs.record import checked_labels
from workbench.runs.tensorboard import import_logs, watch_logs, write_tensorboard


def tensorboard(
    runs: RunArguments,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="A folder a run is made in it.")
    ],
) -> None:
    """Write TensorBoard's event files.

    All scalars by step, with their times, and the settings as its hparams.

    Example: mnist-workbench runs tensorboard 7kq2 -o logs
    """
    for path in write_tensorboard(chosen_runs(runs), typed_path(output)):
        note(f"wrote {path}")


def take_in(
    logs: Annotated[
        Path,
        typer.Argument(
            metavar="LOGS",
            help="A folder of TensorBoard's event files, a CSV file of Keras's CSVLogger, or a "
            "file with a JSON object a line.",
        ),
    ],
    tag: TagOption = None,
) -> None:
    """Take other programs' logs in as runs.

    Example: mnist-workbench runs import logs/ --tag old
    """
    folders = import_logs(current_home(), typed_path(logs), checked_labels(tag or [], ""))
    for folder in folders:
        say(folder.run_id)
    note(f"{count(len(folders), 'run')} taken in")


def watch(
    logs: Annotated[Path, typer.Argument(metavar="LOGS", help="As for `runs import`.")],
    tag: TagOption = None,
) -> None:
    """Follow logs that another program is writing.

    Its runs are shown as they grow, on any screen, until Ctrl-C.

    Example: mnist-workbench watch logs/
    """
    labels = checked_labels(tag or [], "")
    watch_logs(current_home(), typed_path(logs), labels, lambda folder: say(folder.run_id))
