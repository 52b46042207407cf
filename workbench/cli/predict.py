"""`predict`: what a run's model sees in image files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.options import RunArgument, current_home
from workbench.cli.output import note, print_json, print_table
from workbench.data import digits
from workbench.errors import DatasetError, RunError
from workbench.leaderboard.table import Align, Heading, Table, cell
from workbench.model.spec import DatasetRef
from workbench.predictions.predictor import Predictor
from workbench.runs.folder import find_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MOST_FILES = 1_000


def predict(
    run: RunArgument,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="PNG or JPEG files of any size.")
    ],
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Only scale the image; do not place the digit as MNIST did."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Ask a run's model what is on images.

    For a model of MNIST the digit is cut out, scaled into a box of 20×20 and centred as MNIST's
    were; whether it is dark on light or light on dark is found out and said.

    Example: mnist-workbench predict 7kq2 digit.png
    """
    import numpy as np

    if len(images) > MOST_FILES:
        raise DatasetError(f"{len(images):,} images at once; name {MOST_FILES:,} or fewer")
    folder = find_run(current_home(), run)
    dataset = folder.spec.dataset
    seen, said = zip(*(_as_model_input(path, dataset, raw) for path in images), strict=True)
    with closing(Predictor()) as predictor:
        answers = predictor.ask([folder], np.stack(seen))
    for fault in answers.faults.values():
        raise RunError(f"run {folder.run_id}: {fault}")
    table = answers.tables[folder.run_id]
    found = [
        _found(path, ground, row) for path, ground, row in zip(images, said, table, strict=True)
    ]
    if as_json:
        print_json({"run_id": folder.run_id, "images": found})
        return
    right = Align.RIGHT
    headings = (
        Heading("Image"),
        Heading("Answer", right),
        Heading("Sure to", right),
        Heading("Next guess"),
        Heading("Seen as", weight=1),
    )
    rows = tuple(
        (
            cell(one["image"]),
            cell(one["predicted"]),
            cell(f"{100 * one['confidence']:.1f} %"),
            cell(f"{one['next']} ({100 * one['next_confidence']:.1f} %)"),
            cell(one["ground"]),
        )
        for one in found
    )
    print_table(Table(f"Run {folder.run_id}", headings, rows))
    if not raw and _is_mnist(dataset):
        note("digits were scaled and centred as MNIST's were; --raw only scales the image")


def _found(path: Path, ground: str, row: NDArray[np.float64]) -> dict[str, Any]:
    first, second = (int(place) for place in (-row).argsort(kind="stable")[:2])
    return {
        "image": str(path),
        "predicted": first,
        "confidence": float(row[first]),
        "next": second,
        "next_confidence": float(row[second]),
        "ground": ground,
        "probabilities": row.tolist(),
    }


def _is_mnist(dataset: DatasetRef) -> bool:
    return dataset.path is None and dataset.name == "mnist"


def _as_model_input(path: Path, dataset: DatasetRef, raw: bool) -> tuple[NDArray[np.uint8], str]:
    """The image as the model takes it, (H, W, C), and how it was taken."""
    pixels = digits.read_picture(path)
    if raw or not _is_mnist(dataset):
        return digits.fitted_to(pixels, dataset.image_shape), "as it is"
    grey = digits.as_grey(pixels)
    dark = digits.is_dark_on_light(grey)
    digit = digits.like_mnist(digits.without_ground(255 - grey if dark else grey))
    if not digit.any():
        raise DatasetError(f"image {path}: nothing is drawn on it; name an image with a digit")
    return digit[:, :, None], "dark on light" if dark else "light on dark"
