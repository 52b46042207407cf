"""Results as a file to hand on: written by `export --entries`, read by `leaderboard import`.

The file is one JSON object: the format's name, a version number and `entries`, full summaries
with settings, seed, result, machine and versions. The same runs give the same bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from workbench.errors import EnvironmentProblem, UserError
from workbench.files import UnfitFile, read_file
from workbench.leaderboard.grouping import machine_of
from workbench.leaderboard.store import ENDED
from workbench.model.validated import fault_words
from workbench.runs.status import Status
from workbench.runs.summary import MOST_EPOCHS, RunSummary

FORMAT = "mnist-workbench results"
VERSION = 1
LARGEST_BYTES = 20_000_000  # 10,000 results take half of it; more would be slow on every screen
LONGEST_TEXT = 10_000  # letters; a note has at most 2,000
LARGEST_NUMBER = 2**63
ANEW = "write it with `mnist-workbench export -o FILE.json --entries`"

# A run's id names a folder of a home, so it must not lead out of it.
_RUN_ID = re.compile(r"\w[\w.-]{0,79}")
_NUMBERS = re.compile(r"\[\n[-\d.,e\s]+\]")
_ACCURACIES = ("test_accuracy", "best_epoch_test_accuracy", "validation_accuracy")


class ImportRefused(UserError):
    """A file that is not taken: of another kind, damaged, too large or too new."""


def results_of(summaries: Iterable[RunSummary]) -> list[RunSummary]:
    """The runs that are results: finished or diverged, sorted by preset, settings and seed.

    A run that was stopped or failed otherwise is none; its message may name folders, too.
    """
    chosen = (run for run in summaries if run.status is Status.FINISHED or run.diverged)
    return sorted(chosen, key=lambda run: (run.preset, run.settings_key, run.seed, run.run_id))


def to_file(summaries: Iterable[RunSummary]) -> str:
    """The results among these runs as the file's text, ending in a newline."""
    # By way of pydantic: it alone writes a NaN as null.
    entries = json.loads(
        to_json([run.to_json() for run in results_of(summaries)], inf_nan_mode="null")
    )
    data = {"format": FORMAT, "version": VERSION, "entries": entries}
    text = json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False)
    # Numbers of one list on one line.
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[0][1:-1].split())}]", text) + "\n"


def read_entries(path: Path) -> list[RunSummary]:
    """All entries of a file, each checked; also of a plain list of full summaries.

    Raises:
        ImportRefused: the file or one of its entries is not as it should be. The text names the
            entry, counted from 1.
        EnvironmentProblem: the file cannot be read.
    """
    try:
        entries = _entries(path)
    except ValueError as error:
        raise ImportRefused(f"{path}: {error}; nothing is imported, {ANEW}") from error
    if not entries:
        raise ImportRefused(
            f"{path}: there are no results in it; nothing is imported, export it again once a run "
            "has finished"
        )
    found: list[RunSummary] = []
    places: dict[str, int] = {}
    for place, entry in enumerate(entries, 1):
        try:
            run = _checked(entry)
        except ValueError as error:
            raise ImportRefused(
                f"{path}: entry {place}: {error}; nothing is imported, {ANEW}"
            ) from error
        first = places.setdefault(run.run_id, place)
        if first != place:
            raise ImportRefused(
                f"{path}: entry {place}: run {run.run_id} is entry {first} already; "
                "nothing is imported, take one of the two away"
            )
        found.append(run)
    return found


def machines(summaries: Iterable[RunSummary]) -> dict[str, int]:
    """How many of the runs were made on each machine, the most first, by its text."""
    found = Counter(machine_of(run).text for run in summaries)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _entries(path: Path) -> list[Any]:
    """The list of entries, whichever way the file holds it.

    Raises:
        ValueError: what is wrong with the file.
    """
    try:
        content = read_file(path, LARGEST_BYTES)
    except FileNotFoundError as error:
        raise ImportRefused(f"{path}: there is no such file; name one that exists") from error
    except UnfitFile as error:
        raise ValueError(error.strerror) from error
    except OSError as error:
        raise EnvironmentProblem(
            f"{path}: cannot be read ({error.strerror or error}); nothing is imported"
        ) from error
    try:
        data = from_json(content.removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from error
    if isinstance(data, dict):
        if data.get("format") != FORMAT:
            raise ValueError("no file of results")
        version = data.get("version")
        if isinstance(version, int) and version > VERSION:
            raise ImportRefused(
                f"{path}: version {version} of the format, and this program reads {VERSION}; "
                "install a newer mnist-workbench"
            )
        if type(version) is not int or version < 1:
            raise ValueError("its version is no number from 1 on")
        data = data.get("entries")
    if not isinstance(data, list):
        raise ValueError("holds no list of entries")
    return data


def _checked(entry: Any) -> RunSummary:
    """An entry as a summary.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(entry, dict):
        raise ValueError("is no JSON object")
    try:
        # As JSON: there a list may become a tuple, and nothing else becomes what it is not.
        run = RunSummary.model_validate_json(to_json(entry), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "missing":
            raise ValueError(f"{field} is missing, so it is no full entry") from error
        raise ValueError(f"{field} {fault_words(fault)}") from error
    if not _RUN_ID.fullmatch(run.run_id):
        raise ValueError("run_id is no id of a run")
    if run.status not in ENDED:
        raise ValueError(f"status is {run.status.value}, and only runs that ended are taken")
    for name, value in run:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is not finite")
        if isinstance(value, int | float) and abs(value) >= LARGEST_NUMBER:
            raise ValueError(f"{name} is beyond all numbers")
        texts = value if isinstance(value, tuple) else (value,)
        if any(isinstance(text, str) and len(text) > LONGEST_TEXT for text in texts):
            raise ValueError(f"{name} has more than {LONGEST_TEXT:,} letters")
    accuracies = [(name, getattr(run, name)) for name in _ACCURACIES]
    accuracies += [("epoch_test_accuracies", value) for value in run.epoch_test_accuracies]
    for name, value in accuracies:
        if value is not None and not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value:g}, and accuracies lie between 0 and 1")
    if len(run.epoch_test_accuracies) > MOST_EPOCHS:
        raise ValueError(f"epoch_test_accuracies are more than {MOST_EPOCHS}")
    for name, value in run:
        if isinstance(value, int | float) and value < 0:
            raise ValueError(f"{name} is less than 0")
    return run
