"""The moving display: two lines that no terminal wraps, and a terminal left as it was."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from tests.support import ended_run, made_run
from workbench.cli.follow import epoch_line, follow, moving_lines, result_lines
from workbench.cli.output import _PLAIN, Display
from workbench.cli.run import note_known, watch
from workbench.leaderboard.store import Leaderboard
from workbench.model.tables import paper_table
from workbench.runs.events import Batch, Epoch, Preparing, Started
from workbench.runs.log import History
from workbench.runs.plan import Plan, specs_for
from workbench.runs.status import Status
from workbench.runs.summary import summarise
from workbench.settings import Home

CHUNK = Batch(1.0, 1, 10, 10, 12.3456, 1.0, 1_234_567.0, 1.0)
EPOCH = Epoch(1.0, 10, 1000, 12.3456, 1.0, 12.3456, 1.0, 177_000.0, 3_540.0, 9_000.0)


def drawn(history: History, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(moving_lines(history))
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
    assert len(epoch_line(EPOCH, 10, short=True)) <= 80


def test_the_display_is_closed_however_following_ends(home: Home) -> None:
    closed = []

    class Broken(Display):
        def line(self, *words: object, **how: object) -> None:
            raise BrokenPipeError

        def close(self) -> None:
            closed.append(True)

    folder = made_run(home)
    with pytest.raises(BrokenPipeError):
        follow(folder, Broken(io.StringIO()))
    assert closed == [True]


def test_a_limit_beyond_the_data_is_none(home: Home) -> None:
    plain, limited, fewer = (
        specs_for(home, "nn-1", Plan(train_limit=limit))[0] for limit in (None, 60_000, 59_999)
    )
    assert plain.settings_key == limited.settings_key != fewer.settings_key


def test_a_seed_that_has_its_result_is_said_before_it_is_trained_again(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ended_run(home, accuracy=0.9514)
    ended_run(home, "stopped", seed=1)
    Leaderboard(home).sync()
    spec = first.record.spec
    note_known(home, [spec.model_copy(update={"seed": 1})])  # stopped: no result yet
    assert capsys.readouterr().err == ""
    note_known(home, [spec])
    said = capsys.readouterr().err
    assert f"run {first.run_id} has these settings and seed 0 already (95.14 %)" in said
    assert "seed 2 is free" in said
    home.leaderboard.write_text("{ torn")
    note_known(home, [spec])  # keeps nobody from training


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({}, "finished  NN model 1, seed 0, float32: 11.35 % of the test images, "),
        ({"collapsed_to": 1}, "collapsed NN model 1, seed 0, float32: 11.35 % of the test"),
        ({"status": Status.KILLED}, "killed    NN model 1, seed 0, float32: after 2 of 10"),
        ({"status": Status.CRASHED}, "crashed   NN model 1, seed 0, float32: the worker died"),
        ({"status": Status.FAILED, "message": "no"}, "failed    NN model 1, seed 0, float32: no"),
    ],
)
def test_a_run_is_told_by_the_word_that_lists_show(
    home: Home, facts: dict[str, object], line: str
) -> None:
    summary = summarise(ended_run(home, accuracy=0.1135))
    collapsed_in_the_paper = paper_table(7).rows[7].spec().settings_key
    facts = {"collapsed_to": None, "settings_key": collapsed_in_the_paper, **facts}
    summary = summary.model_copy(update=facts)
    lines = result_lines(summary)
    assert lines[0].startswith(line) and "86" not in lines[0]
    assert len(lines) == (2 if summary.status in (Status.KILLED, Status.CRASHED) else 1)
    if summary.state is Status.COLLAPSED:
        assert lines[0].endswith("it answers 1 to every test image; paper 11.35 %")
        own = paper_table(3).rows[0].spec().settings_key
        learned = result_lines(summary.model_copy(update={"settings_key": own}))
        assert learned[0].endswith("paper 95.14 %")  # no difference to what is of another kind


def test_json_of_a_run_that_failed_comes_with_a_line_for_the_person(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where nothing could be logged: its worker is gone, and a full disk took its ending."""
    folder = made_run(home)
    assert watch([folder], as_json=True, quiet=True) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["status"] == "crashed"
    assert "crashed" in told.err and f"mnist-workbench resume {folder.run_id}" in told.err


def test_the_mark_of_each_state_has_a_letter_on_a_terminal_without_utf_8() -> None:
    for state in Status:
        assert state.mark.translate(_PLAIN).isascii() and len(state.mark.translate(_PLAIN)) == 1
