"""`predict`, `runs errors`, `runs classes`, `runs compare`, `runs inside`: what models answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from workbench.cli import options
from workbench.cli.output import (
    check_free,
    console,
    note,
    print_json,
    print_table,
    say,
    speaks_unicode,
    write_shared,
)
from workbench.data import digits
from workbench.data.npz import TestImages
from workbench.errors import DatasetError, RunError
from workbench.figures.images import (
    MOST_IMAGES,
    Captioned,
    ascii_lines,
    classes_figure,
    fitted,
    grid_figure,
    half_block_lines,
    sheets_figure,
)
from workbench.figures.rendering import form_of, render_figure
from workbench.formats import count, number, percent
from workbench.leaderboard.table import RIGHT, Columns, Heading, Table, cell, table_of
from workbench.predictions.answers import (
    ClassOrder,
    ClassResult,
    Indices,
    Pair,
    Together,
    best_guesses,
    by_class,
    calibration,
    caption_of,
    check_comparable,
    compare_all,
    compare_two,
    mistakes,
    pair_sentence,
    wrong_in,
)
from workbench.predictions.of_run import Predictions, images_of, other_answers, predictions_of
from workbench.predictions.predictor import Predictor
from workbench.runs.folder import RunFolder, find_run
from workbench.settings import default_home

DEFAULT_LIMIT = 20
Record = dict[str, Any]
FigureOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Draw it: .svg, .png or .pdf."),
]


def _run_for(run: str, output: Path | None, force: bool) -> RunFolder:
    """The run, where a figure of it could be written: else nothing is worked out in vain."""
    if output is not None:
        form_of(output)
        check_free(output, force=force)
    return find_run(default_home(), run)


def _write_figure(output: Path, draw: Callable[[], Any]) -> None:
    write_shared(output, render_figure(draw, form_of(output)))


def errors(
    run: options.RunArgument,
    true: Annotated[
        int | None, typer.Option("--true", metavar="CLASS", help="Only images of this class.")
    ] = None,
    predicted: Annotated[
        int | None,
        typer.Option("--predicted", metavar="CLASS", help="Only images taken for this class."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000_000, help="The first N of them.")
    ] = DEFAULT_LIMIT,
    output: FigureOption = None,
    images: Annotated[
        bool, typer.Option("--images", help="Draw them in the terminal, two characters high a row.")
    ] = False,
    force: options.ForceOption = False,
    form: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """List the test images that a run's model gets wrong, the surest mistakes first.

    "Wrong in" counts all of your runs on the same images, this one included.

    Example: mnist-workbench runs errors 7kq2 --true 4 --predicted 9
    """
    folder = _run_for(run, output, force)
    found = predictions_of(folder)
    wrong = mistakes(found, true, predicted)
    shown = wrong[:limit]
    if output is not None:
        if not len(wrong):
            raise RunError(f"run {folder.run_id}: no wrong answer to draw; ask for other classes")
        drawn = _captioned(found, shown[:MOST_IMAGES], images_of(folder))
        which = f"{len(drawn)} of {len(wrong)} wrong images"
        title = f"{folder.spec.title}, run {folder.run_id}: {which}"
        _write_figure(output, lambda: grid_figure(drawn, title))
        return
    if form is options.ListFormat.RICH and (images or not len(wrong)):
        if len(wrong):
            _draw(_captioned(found, shown, images_of(folder)))
        else:
            note(f"run {folder.run_id}: no wrong answer among these images")
        return
    runs = other_answers(default_home(), found, folder.run_id) | {folder.run_id: found}
    records = [_record(found, index, runs) for index in shown.tolist()]
    if form is options.ListFormat.JSON:
        about = {"run_id": folder.run_id, "images": len(found), "wrong": len(wrong)}
        print_json(about | {"errors": records})
    else:
        print_table(_errors_table(folder, records, len(wrong)))


def _record(found: Predictions, index: int, runs: Mapping[str, Predictions]) -> dict[str, Any]:
    wrong = wrong_in(index, runs)
    return {
        "image": index,
        "true": int(found.truth[index]),
        "predicted": int(found.predicted[index]),
        "confidence": round(float(found.confidence[index]), 4),
        "guesses": [
            {"class": answer, "probability": round(probability, 4)}
            for answer, probability in best_guesses(found, index)
        ],
        "wrong_in": len(wrong),
        "wrong_runs": wrong,
        "runs": len(runs),
    }


def _errors_table(folder: RunFolder, records: list[dict[str, Any]], wrong: int) -> Table:
    def following(one: Record) -> str:
        second = [guess for guess in one["guesses"] if guess["class"] != one["predicted"]]
        return f"{second[0]['class']} ({percent(second[0]['probability'])})" if second else ""

    columns: Columns[Record] = [
        (Heading("Image", RIGHT), lambda one: one["image"]),
        (Heading("Is", RIGHT), lambda one: one["true"]),
        (Heading("Taken for", RIGHT), lambda one: one["predicted"]),
        (Heading("Sure to", RIGHT), lambda one: percent(one["confidence"])),
        (Heading("Next guess", weight=2), following),
        (
            Heading("Wrong in", RIGHT, 1),
            lambda one: f"{one['wrong_in']} of {count(one['runs'], 'run')}",
        ),
    ]
    title = f"Run {folder.run_id}: {count(wrong, 'image')} wrong"
    if len(records) < wrong:
        title += f", the {len(records)} surest"
    return table_of(title, records, columns)


def _captioned(found: Predictions, shown: Indices, images: TestImages) -> list[Captioned]:
    return [Captioned(images.pixels(index), caption_of(found, index)) for index in shown.tolist()]


def _draw(drawn: list[Captioned]) -> None:
    """As many images beside each other as the terminal is wide."""
    from rich.segment import Segment, Segments
    from rich.text import Text

    screen = console()
    pixels = [fitted(image.pixels, screen.width, 1000) for image in drawn]
    width = pixels[0].shape[1] + 2
    a_row = max(1, (screen.width + 2) // width)
    coloured = screen.color_system is not None and speaks_unicode(sys.stdout)
    for start in range(0, len(drawn), a_row):
        part = slice(start, start + a_row)
        screen.print(Text("".join(image.caption.ljust(width) for image in drawn[part])))
        if coloured:
            for lines in zip(*(half_block_lines(one) for one in pixels[part]), strict=True):
                line = [segment for one in lines for segment in (*one, Segment("  "))]
                screen.print(Segments(line))
        else:
            for texts in zip(*(ascii_lines(one) for one in pixels[part]), strict=True):
                screen.print(Text("  ".join(texts)))


def inside(
    run: options.RunArgument,
    image: Annotated[
        int, typer.Option("--image", metavar="N", min=0, help="Which test image, from 0 on.")
    ] = 0,
    output: FigureOption = None,
    force: options.ForceOption = False,
    form: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """Show what a run's model makes of one test image, layer by layer.

    Where it looks: a black square covers each part of the image in turn; red is where the
    probability of its answer then falls, blue where it rises. Then the feature maps of each
    convolution, the filters of the first, and how a Dense layer on the pixels weighs them.

    Example: mnist-workbench runs inside 7kq2 --image 583 -o inside.png
    """
    folder = _run_for(run, output, force)
    images = images_of(folder)
    pixels = images.stored(image)
    with closing(Predictor()) as predictor:
        found = predictor.look_inside(folder, pixels)
    answer = f"a {found.answer}, {100 * found.probability:.1f} % sure"
    title = f"Run {folder.run_id}, image {image}: {answer}"
    whole = [Captioned(images.pixels(image), "image"), Captioned(found.looked, "where it looks")]

    if output is not None:
        sheets = [(one.title, one.enlarged) for one in found.sheets]
        _write_figure(output, lambda: sheets_figure(whole, sheets, title))
    elif form is options.ListFormat.JSON:
        print_json({"run_id": folder.run_id, "image": image, **found.to_json()})
    else:
        say(title)
        _draw(whole)
        for sheet in found.sheets:
            say()
            say(sheet.title)
            _draw([Captioned(one, "") for one in sheet.enlarged])


def classes(
    run: options.RunArgument,
    sort: Annotated[
        ClassOrder, typer.Option(help="class, or the worst first by precision, recall or f1.")
    ] = ClassOrder.CLASS,
    output: FigureOption = None,
    force: options.ForceOption = False,
    form: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """Show precision, recall and F1 of each class, and how far confidences can be trusted.

    Example: mnist-workbench runs classes 7kq2 --sort recall
    """
    folder = _run_for(run, output, force)
    found = predictions_of(folder)
    results, trust = sort.sort(by_class(found)), calibration(found)
    if output is not None:
        title = f"{folder.spec.title}, run {folder.run_id}, by class"
        _write_figure(output, lambda: classes_figure(results, trust, title))
        return
    if form is options.ListFormat.JSON:
        print_json(
            {
                "run_id": folder.run_id,
                "accuracy": found.accuracy,
                "classes": [result.to_json() for result in results],
                "calibration": trust.to_json(),
            }
        )
        return
    columns: Columns[ClassResult] = [
        (Heading("Class", RIGHT), lambda result: result.number),
        (Heading("Images", RIGHT), lambda result: f"{result.images:,}"),
        (Heading("Precision", RIGHT), lambda result: percent(result.precision)),
        (Heading("Recall", RIGHT), lambda result: percent(result.recall)),
        (Heading("F1", RIGHT), lambda result: number(result.f1, ".4f")),
    ]
    print_table(table_of(f"Run {folder.run_id} by class", results, columns, [trust.sentence]))


def compare(
    runs: options.RunArguments,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000, help="Images listed of each kind.")
    ] = 10,
    form: options.ListFormatOption = options.ListFormat.RICH,
) -> None:
    """Compare models image by image: two by McNemar's exact test, several together.

    Of two: what only one gets right, and how often chance alone would part them so far. Of two or
    more: the accuracy of their majority vote and of their mean probabilities, how often they
    agree, and the images most of them get wrong.

    Example: mnist-workbench runs compare 7kq2 x3fd
    """
    folders = options.chosen_runs(runs)
    if len(folders) < 2:
        raise RunError("name two runs or more to compare")
    names = [folder.run_id for folder in folders]
    found = [predictions_of(folder) for folder in folders]
    check_comparable(list(zip(names, found, strict=True)))
    together = compare_all(found)
    pair = compare_two(*found) if len(found) == 2 else None

    if form is not options.ListFormat.JSON:
        print_table(_comparison(names, found, together, pair, limit))
        return
    data: Record = {
        "runs": names,
        "images": len(found[0]),
        "accuracies": list(together.accuracies),
        "majority_vote": together.vote,
        "mean_probability": together.mean_probability,
        "agreement": together.agreement.tolist(),
        "hardest": [
            {
                "image": index,
                "true": int(found[0].truth[index]),
                "wrong_in": int(together.wrong[index]),
            }
            for index in together.hardest[:limit].tolist()
        ],
    }
    if pair is not None:
        data["pair"] = {
            "only_first": pair.only_a.tolist(),
            "only_second": pair.only_b.tolist(),
            "both": len(pair.both),
            "neither": len(pair.neither),
            "p_value": pair.p_value,
        }
    print_json(data)


def _comparison(
    names: list[str],
    found: list[Predictions],
    together: Together,
    pair: Pair | None,
    limit: int,
) -> Table:
    headings = (
        Heading("Run"),
        Heading("Accuracy", RIGHT),
        *(Heading(f"= {name}", RIGHT, 1) for name in names),
    )
    rows = tuple(
        (
            cell(name),
            cell(percent(together.accuracies[place])),
            *(cell(percent(float(share))) for share in together.agreement[place]),
        )
        for place, name in enumerate(names)
    )
    notes = []
    if pair is not None:
        notes = [
            pair_sentence(pair, *names),
            f"Only {names[0]} is right on {len(pair.only_a):,}, only {names[1]} on "
            f"{len(pair.only_b):,}, both on {len(pair.both):,}, neither on "
            f"{count(len(pair.neither), 'image')}.",
        ]
        for name, indices in zip(names, (pair.only_a, pair.only_b), strict=True):
            if len(indices):
                notes.append(f"Only {name}: images {_listed(indices.tolist(), limit)}")
    notes.append(together.sentence)
    notes.append(f"Hardest images: {_listed(together.hardest.tolist(), limit)}")
    title = f"{count(len(names), 'model')} on {count(len(found[0]), 'image')}"
    return Table(title, headings, rows, tuple(notes))


def _listed(indices: list[int], limit: int) -> str:
    shown = ", ".join(str(index) for index in indices[:limit])
    return shown + (", …" if len(indices) > limit else "")


MOST_FILES = 1_000


def predict(
    run: options.RunArgument,
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
    if len(images) > MOST_FILES:
        raise DatasetError(f"{len(images):,} images at once; name {MOST_FILES:,} or fewer")
    folder = find_run(default_home(), run)
    dataset = folder.spec.dataset
    placed = not raw and dataset.path is None and dataset.name == "mnist"
    shape = None if placed else dataset.image_shape
    seen, said = zip(*(_as_model_input(path, shape) for path in images), strict=True)
    with closing(Predictor()) as predictor:
        answers = predictor.ask([folder], np.stack(seen))
    for fault in answers.faults.values():
        raise RunError(f"run {folder.run_id}: {fault}")
    found: list[Record] = []
    for path, ground, row in zip(images, said, answers.tables[folder.run_id], strict=True):
        first, second = (int(place) for place in (-row).argsort(kind="stable")[:2])
        found.append(
            {
                "image": str(path),
                "predicted": first,
                "confidence": float(row[first]),
                "next": second,
                "next_confidence": float(row[second]),
                "ground": ground,
                "probabilities": row.tolist(),
            }
        )
    if as_json:
        print_json({"run_id": folder.run_id, "images": found})
        return
    columns: Columns[Record] = [
        (Heading("Image"), lambda one: one["image"]),
        (Heading("Answer", RIGHT), lambda one: one["predicted"]),
        (Heading("Sure to", RIGHT), lambda one: f"{100 * one['confidence']:.1f} %"),
        (
            Heading("Next guess"),
            lambda one: f"{one['next']} ({100 * one['next_confidence']:.1f} %)",
        ),
        (Heading("Seen as", weight=1), lambda one: one["ground"]),
    ]
    print_table(table_of(f"Run {folder.run_id}", found, columns))
    if placed:
        note("digits were scaled and centred as MNIST's were; --raw only scales the image")


def _as_model_input(
    path: Path, shape: tuple[int, int, int] | None
) -> tuple[NDArray[np.uint8], str]:
    """The image scaled to a shape (H, W, C) or placed as MNIST did, and how it was taken."""
    pixels = digits.read_picture(path)
    if shape is not None:
        return digits.fitted_to(pixels, shape), "as it is"
    grey = digits.as_grey(pixels)
    dark = digits.is_dark_on_light(grey)
    digit = digits.like_mnist(digits.without_ground(255 - grey if dark else grey))
    if not digit.any():
        raise DatasetError(f"image {path}: nothing is drawn on it; name an image with a digit")
    return digit[:, :, None], "dark on light" if dark else "light on dark"
