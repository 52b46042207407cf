"""The moving display: two lines that no terminal wraps, and a terminal left as it was."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import pytest
from rich.console import Console

from workbench.cli.follow import follow
from workbench.cli.progress import LiveView, SilentView, short_epoch_line
from workbench.runs.events import Batch, Epoch, Preparing, Started
from workbench.runs.folder import create_run
from workbench.runs.history import History
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.settings import Home

CHUNK = Batch(1.0, 1, 10, 10, 12.3456, 1.0, 1_234_567.0, 1.0)
EPOCH = Epoch(1.0, 10, 1000, 12.3456, 1.0, 12.3456, 1.0, 177_000.0, 3_540.0, 9_000.0)


def drawn(history: History, width: int) -> list[str]:
    out = io.StringIO()
    view = LiveView(io.StringIO())
    Console(file=out, width=width).print(view._render(history))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_is_two_lines_at_any_width(width: int) -> None:
    history = History(planned_epochs=10, steps_per_epoch=100)
    history.apply(Preparing(0.0, "compiling the first steps"))
    assert [line.strip() for line in drawn(history, width)] == ["compiling the first steps…"]
    for chunk in (CHUNK, replace(CHUNK, step=20, seconds=90_000.0)):
        history.apply(chunk)
        lines = drawn(history, width)
        assert len(lines) == 2 and max(map(len, lines)) <= width
    assert width == 40 or "left" in lines[0]
    assert "loss 12.3456" in lines[1]


def test_before_the_first_chunk_it_says_what_it_waits_for() -> None:
    history = History(planned_epochs=10, steps_per_epoch=100)
    assert "starting the worker" in drawn(history, 80)[0]
    history.apply(Started(1.0, 1, 10, 10, 100, 1000, True, "CPU"))
    assert "beginning the first epoch" in drawn(history, 80)[0]


def test_an_epochs_short_line_fits_80_columns() -> None:
    assert len(short_epoch_line(EPOCH, 10)) <= 80


def test_the_display_is_closed_however_following_ends(home: Home) -> None:
    closed = []

    class Broken(SilentView):
        def tick(self, history: History) -> None:
            raise BrokenPipeError

        def close(self) -> None:
            closed.append(True)

    folder, descriptor = create_run(home, specs_for(home, "nn-1", Plan())[0], Labels(), "run")
    os.close(descriptor)
    with pytest.raises(BrokenPipeError):
        follow(folder, Broken())
    assert closed == [True]


def test_a_limit_beyond_the_data_is_none(home: Home) -> None:
    plain, limited, fewer = (
        specs_for(home, "nn-1", Plan(train_limit=limit))[0] for limit in (None, 60_000, 59_999)
    )
    assert plain.settings_key == limited.settings_key != fewer.settings_key
