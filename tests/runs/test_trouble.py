"""Trouble in words: where the loss is no number, and where it runs away."""

from __future__ import annotations

import math

from workbench.runs.events import Batch
from workbench.runs.trouble import Watch


def batch(step: int, loss: float) -> Batch:
    return Batch(0.0, 2, step, 10, loss, 0.1, 1000.0, 1.0)


def test_a_good_run_gives_no_words() -> None:
    watch = Watch(10)
    for step in range(100):
        watch.look(batch(step, 2.3 - step / 50))
    assert watch.trouble is None


def test_not_a_number_is_said_once_where_it_began() -> None:
    watch = Watch(10)
    for step, loss in ((10, 1.0), (20, math.nan), (30, math.nan)):
        watch.look(batch(step, loss))
    assert watch.trouble is not None
    assert watch.trouble.step == 20
    assert "epoch 2, step 20" in watch.trouble.words


def test_one_bad_chunk_is_chance_and_many_are_not() -> None:
    watch = Watch(10)
    watch.look(batch(1, 50.0))
    assert watch.trouble is None
    watch.look(batch(2, 1.0))
    for step in range(3, 9):
        watch.look(batch(step, 50.0))
    assert watch.trouble is not None
    assert watch.trouble.step == 3
    assert "run away" in watch.trouble.words
    watch.look(batch(9, 1.0))
    assert watch.trouble is None


def test_a_run_resumed_before_the_trouble_is_well_again() -> None:
    watch = Watch(10)
    watch.look(batch(20, math.nan))
    watch.forget_after(10)
    assert watch.trouble is None
