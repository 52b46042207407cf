"""Durations, points of time and counts are written one way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from workbench.formats import clock, count, duration, epochs_done, local_iso, local_time, moment
from workbench.formats import rough_duration as rough

NOON = datetime(2025, 11, 23, 12, 0, tzinfo=UTC).timestamp()
DAY = 86_400


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "XST-3")  # three hours ahead of UTC
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_one_duration_reads_alike_wherever_it_stands() -> None:
    assert clock(5025) == "1:23:45"
    assert duration(5025) == rough(5025) == "1 h 24 min"


@pytest.mark.parametrize(
    ("seconds", "running", "words", "roughly"),
    [
        (0.42, "0:00", "0.4 s", "0.4 s"),
        (9.96, "0:10", "10.0 s", "10 s"),
        (59.97, "1:00", "1 min 00 s", "60 s"),
        (161, "2:41", "2 min 41 s", "3 min"),
        (3569, "59:29", "59 min 29 s", "59 min"),
        (3599.6, "1:00:00", "1 h 00 min", "1 h 00 min"),
    ],
)
def test_durations_round_without_a_gap(
    seconds: float, running: str, words: str, roughly: str
) -> None:
    assert (clock(seconds), duration(seconds), rough(seconds)) == (running, words, roughly)


def test_what_is_not_known_is_a_dash() -> None:
    assert clock(None) == clock(float("nan")) == clock(float("inf")) == duration(None) == "–"


def test_points_of_time_are_local() -> None:
    assert local_time("2025-11-23T22:38:00+00:00") == "2025-11-24 01:38 XST"
    assert moment(NOON, NOON) == moment("2025-11-23T12:00:00+00:00", NOON) == "15:00"
    assert moment(NOON + DAY, NOON) == "Mon 15:00"
    assert moment(NOON - DAY, NOON) == "22 Nov 15:00"
    assert moment(NOON + 20 * DAY, NOON) == "13 Dec 15:00"
    assert moment(NOON - 400 * DAY, NOON) == "2024-10-19"


@pytest.mark.parametrize(
    "iso",
    ["0001-01-01", "0001-01-01T00:00+23:00", "9999-12-31T23:59:59", "9999-12-31T23:59:59-23:00"],
)
def test_no_point_of_time_is_too_far(iso: str) -> None:
    assert local_time(iso) and local_iso(iso) and moment(iso)


def test_one_is_singular() -> None:
    assert [count(n, "run") for n in (0, 1, 1234)] == ["0 runs", "1 run", "1,234 runs"]
    assert count(2, "class", "classes") == "2 classes"
    assert epochs_done(1, 1) == "1 of 1 epoch"
