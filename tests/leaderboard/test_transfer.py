"""Results handed on as a file, and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.leaderboard.conftest import DEFAULTS
from workbench.errors import EnvironmentProblem, UserError
from workbench.leaderboard import transfer
from workbench.leaderboard.transfer import (
    ImportRefused,
    machines,
    read_entries,
    results_of,
    to_file,
)
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary

MakeSummary = Callable[..., RunSummary]

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
fractions = st.none() | st.floats(0.0, 1.0)
amounts = st.none() | st.floats(0.0, 1e18)
counts = st.integers(0, 2**62)


@st.composite
def summaries(draw: st.DrawFn) -> list[RunSummary]:
    ids = draw(
        st.lists(
            st.from_regex(r"[a-z0-9]{4}-[a-z0-9.-]{1,10}", fullmatch=True), unique=True, min_size=1
        )
    )
    return [
        RunSummary(
            **{
                **DEFAULTS,
                "run_id": run_id,
                "preset": draw(words),
                "title": draw(words),
                "test_accuracy": draw(fractions),
                "best_epoch_test_accuracy": draw(fractions),
                "epoch_test_accuracies": tuple(draw(st.lists(st.floats(0.0, 1.0), max_size=4))),
                "test_loss": draw(amounts),
                "train_seconds": draw(amounts),
                "momentum": draw(st.none() | st.floats(0.0, 1.0)),
                "seed": draw(counts),
                "parameters": draw(st.none() | counts),
                "train_limit": draw(st.none() | counts),
                "tags": tuple(draw(st.lists(words, max_size=3))),
                "note": draw(words),
                "message": draw(words),
                "settings_key": draw(words),
                "host": draw(words),
            }
        )
        for run_id in ids
    ]


@given(runs=summaries())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_entries_come_back(tmp_path: Path, runs: list[RunSummary]) -> None:
    file = tmp_path / "entries.json"
    text = to_file(runs)
    file.write_text(text, encoding="utf-8")
    assert read_entries(file) == results_of(runs)
    assert sorted(read_entries(file), key=lambda run: run.run_id) == sorted(
        runs, key=lambda run: run.run_id
    )
    assert to_file(reversed(runs)) == text
    plain = json.dumps([run.to_json() for run in runs])
    file.write_text("\ufeff" + plain, encoding="utf-8")
    assert read_entries(file) == runs


def test_entries_of_earlier_versions_are_read(tmp_path: Path, make_summary: MakeSummary) -> None:
    entry = make_summary(epoch_test_accuracies=(0.9, 0.97)).to_json()
    del entry["epoch_test_accuracies"]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(file_with(entries=[entry])))
    assert read_entries(file)[0].epoch_test_accuracies == ()


def test_numbers_of_a_list_stand_on_one_line(make_summary: MakeSummary) -> None:
    text = to_file([make_summary(epoch_test_accuracies=(0.9, 0.97), tags=("a", "b"))])
    assert '"epoch_test_accuracies": [0.9, 0.97],' in text
    assert '"tags": [\n' in text


def test_only_results_are_handed_on(make_summary: MakeSummary) -> None:
    finished = make_summary()
    diverged = make_summary(status=Status.FAILED, diverged=True, test_accuracy=None)
    others = [
        make_summary(status=Status.STOPPED),
        make_summary(status=Status.FAILED, message="/home/someone: the disk is full"),
    ]
    assert results_of([*others, diverged, finished]) == [finished, diverged]
    assert "/home" not in to_file(others)


def test_what_is_not_finite_is_missing(tmp_path: Path, make_summary: MakeSummary) -> None:
    file = tmp_path / "entries.json"
    file.write_text(to_file([make_summary(test_loss=float("nan"))]))
    assert read_entries(file)[0].test_loss is None


def file_with(**fields: Any) -> dict[str, Any]:
    return {"format": transfer.FORMAT, "version": transfer.VERSION, "entries": [], **fields}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'{"format": ', "no JSON"),
        (b"[NaN]", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'"text"', "no list of entries"),
        (b"{}", "no file of results"),
        (json.dumps(file_with(format="another")).encode(), "no file of results"),
        (json.dumps(file_with(format=["x"])).encode(), "no file of results"),
        (json.dumps(file_with(version=99)).encode(), "install a newer mnist-workbench"),
        (json.dumps(file_with(version="1")).encode(), "version is no number"),
        (json.dumps(file_with(version=True)).encode(), "version is no number"),
        (json.dumps(file_with(version=0)).encode(), "version is no number"),
        (json.dumps(file_with(entries={})).encode(), "no list of entries"),
        (json.dumps(file_with()).encode(), "there are no results in it"),
        (b"[]", "there are no results in it"),
        (json.dumps(file_with(entries=[7])).encode(), "entry 1: is no JSON object"),
        (b'[{"n": 3, "mean": 0.97}]', "entry 1: run_id is missing, so it is no full entry"),
    ],
)
def test_what_is_no_file_of_results(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(ImportRefused) as caught:
        read_entries(file)
    text = str(caught.value)
    assert said in text and str(file) in text and "\n" not in text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("run_id", "../../etc", "run_id is no id of a run"),
        ("run_id", "a\0b", "run_id is no id of a run"),
        ("run_id", "", "run_id is no id of a run"),
        ("run_id", "x" * 5000, "run_id is no id of a run"),
        ("test_accuracy", "0.97", "test_accuracy must be a number"),
        ("test_accuracy", 97.5, "accuracies lie between 0 and 1"),
        ("test_accuracy", -0.1, "accuracies lie between 0 and 1"),
        ("epoch_test_accuracies", [0.9, 97.5], "accuracies lie between 0 and 1"),
        ("epoch_test_accuracies", ["0.9"], "epoch_test_accuracies.0 must be a number"),
        ("epoch_test_accuracies", [0.9] * 101, "epoch_test_accuracies are more than 100"),
        ("seed", 1.5, "seed must be a whole number"),
        ("seed", True, "seed must be a whole number"),
        ("seed", 10**400, "seed is beyond all numbers"),
        ("epochs", -1, "epochs is less than 0"),
        ("status", "running", "only runs that ended"),
        ("status", "strange", "status must be"),
        ("tags", "best", "tags must be"),
        ("tags", [1], "tags.0 must be"),
        ("note", "x" * 20_000, "note has more than 10,000 letters"),
        ("started_at", "yesterday", "started_at is no date"),
        ("host", None, "host must be text"),
    ],
)
def test_a_damaged_entry_is_named(
    tmp_path: Path, make_summary: MakeSummary, field: str, value: Any, said: str
) -> None:
    entries = [make_summary().to_json(), {**make_summary().to_json(), field: value}]
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(file_with(entries=entries)))
    with pytest.raises(ImportRefused) as caught:
        read_entries(file)
    text = str(caught.value)
    assert text.startswith(f"{file}: entry 2: ") and said in text
    assert "nothing is imported" in text and "\n" not in text and len(text) < 400


def test_a_number_beyond_all_is_refused(tmp_path: Path, make_summary: MakeSummary) -> None:
    file = tmp_path / "bad.json"
    good = to_file([make_summary(test_loss=0.125)])
    file.write_text(good.replace("0.125", "1e999"))
    with pytest.raises(ImportRefused, match="entry 1: test_loss is not finite"):
        read_entries(file)


def test_a_run_twice_is_refused(tmp_path: Path, make_summary: MakeSummary) -> None:
    file = tmp_path / "twice.json"
    run = make_summary().to_json()
    file.write_text(json.dumps([run, run]))
    with pytest.raises(ImportRefused, match="entry 2: run r0001-cnn-2 is entry 1 already"):
        read_entries(file)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_entries(tmp_path / "none.json")
    with pytest.raises(UserError, match="is a folder"):
        read_entries(tmp_path)
    loop = tmp_path / "loop.json"
    os.symlink(loop, loop)
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        read_entries(loop)
    large = tmp_path / "large.json"
    large.write_text("[" + " " * 100 + "]")
    monkeypatch.setattr(transfer, "LARGEST_BYTES", 50)
    with pytest.raises(ImportRefused, match="larger than"):
        read_entries(large)


def test_machines_the_most_first(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(host="b"),
        make_summary(host="a"),
        make_summary(host="b", threads=2),
        make_summary(host="b", threads=1),
    ]
    assert list(machines(runs).items()) == [
        ("b (A Processor, 2 cores)", 2),
        ("a (A Processor, 2 cores)", 1),
        ("b (A Processor, 2 cores (1 thread a run))", 1),
    ]
