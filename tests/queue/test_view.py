"""The queue as it is looked at: how far it is and how long it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest

from tests.queue.scripted import ScriptedExecutor, spec, wanted
from workbench.formats import moment, rough_duration
from workbench.leaderboard.store import Leaderboard
from workbench.model.architecture import analyse
from workbench.queue import planning, service
from workbench.queue.planning import PlannedTrial, TrialPlan, plan_trials
from workbench.queue.store import QueueState, QueueStore, Trial, identity
from workbench.queue.view import (
    QueueView,
    QueueWatch,
    headline,
    plan_sentence,
    process_lost,
    short_time_left,
    time_words,
    view_of,
)
from workbench.runs.estimate import START_SECONDS, Speed, expected_training
from workbench.runs.events import Batch, Epoch, Started
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventWriter
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.runs.watchlist import WatchedRun
from workbench.settings import Home


def speed(images_per_second: float = 10_000.0) -> Speed:
    """Of NN model 1 at batch 32."""
    work = analyse(spec().architecture).multiply_adds
    return Speed(work, False, 32, "float32", images_per_second)


def seen(
    trials: list[Trial],
    speeds: list[Speed],
    living: dict[str, WatchedRun],
    *,
    running: bool = True,
    results: Iterable[RunSummary] = (),
) -> QueueView:
    state = QueueState(trials=trials, jobs=2)
    return view_of(
        state,
        running=running,
        living=living,
        results=planning.results(results),
        estimate=lambda trial: expected_training(trial.spec, speeds) if speeds else None,
    )


def expected() -> float:
    """How long a training of NN model 1 takes at that speed."""
    found = expected_training(spec(), [speed()])
    assert found is not None and not found.rough
    return found.seconds


def trial(name: str, state: Status = Status.WAITING, **values: object) -> Trial:
    return Trial.model_validate({"id": name, "spec": spec(), "state": state, **values})


def test_the_estimate_is_start_and_epochs() -> None:
    # Ten epochs of 60,000 images and a third of the work for 10,000 test images.
    assert expected() == pytest.approx(START_SECONDS + 10 * (60_000 + 10_000 / 3) / 10_000)
    for other in (expected_training(spec(), []), expected_training(spec(table=6), [speed()])):
        assert other is not None and other.rough  # no run at all, and none with convolutions


def test_time_left_counts_what_trains_and_what_waits() -> None:
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    trials = [
        trial("a", Status.FINISHED),
        trial("b", Status.RUNNING, run_id="r1"),
        trial("c"),
    ]
    view = seen(trials, [speed()], {"r1": run})
    one = expected()
    assert view.seconds_left == pytest.approx(12.0 + one)
    assert (view.ended, len(view.pending), view.unknown) == (1, 2, 0)


def test_what_trains_side_by_side_does_not_take_its_times_one_after_the_other() -> None:
    living = {
        "r1": WatchedRun(RunFolder(Path("r1")), seconds_left=12.0),
        "r2": WatchedRun(RunFolder(Path("r2")), seconds_left=20.0),
    }
    trials = [
        trial("a", Status.RUNNING, run_id="r1"),
        trial("b", Status.RUNNING, run_id="r2"),
        trial("c"),
    ]
    one = expected()
    assert seen(trials, [speed()], living).seconds_left == pytest.approx(16.0 + one)


def test_what_is_not_known_is_said_so() -> None:
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    trials = [trial("b", Status.RUNNING, run_id="r1"), trial("c"), trial("d")]
    view = seen(trials, [], {"r1": run})
    assert view.seconds_left == pytest.approx(12.0)
    assert view.unknown == 2
    assert seen(trials[1:], [], {}).seconds_left is None
    assert seen([], [], {}).seconds_left == 0


def test_a_queue_without_a_runner_is_unfinished(home: Home) -> None:
    service.enqueue(home, wanted(0), "reproduce")
    watch = QueueWatch(home)
    view = watch.look({})
    assert view.unfinished and not view.running
    with QueueStore(home).change() as state:
        state.put(state.trials[0].model_copy(update={"state": Status.FINISHED}))
    assert not watch.look({}).unfinished  # the change is seen


def test_a_run_that_ended_without_a_runner_has_its_result(home: Home) -> None:
    job = ScriptedExecutor(home).submit(spec(), Labels(), "sweep")
    job.end("finished")
    trials = [trial("a", Status.RUNNING, run_id=job.run_id)]
    view = seen(trials, [], {}, running=False, results=[summarise(job.folder)])
    assert view.trials[0].trial.state is Status.FINISHED
    assert view.trials[0].accuracy == 0.95
    assert (view.ended, view.pending, view.lost) == (1, (), False)
    assert seen(trials, [], {}, running=True).trials[0].trial.state is Status.RUNNING


def test_without_a_runner_what_trains_on_is_named_and_the_rest_has_crashed() -> None:
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    trials = [
        trial("a", Status.RUNNING, run_id="r1"),
        trial("b", Status.RUNNING, run_id="r2"),
        trial("c"),
    ]
    view = seen(trials, [], {"r1": run}, running=False)
    assert view.lost and view.unfinished and not view.running
    assert [item.state.word for item in view.trials] == ["training", "crashed", "waiting"]
    assert process_lost(view) == "the queue's process is gone; run r1 trains on"
    assert [item["state"] for item in view.to_json()["trials"]] == ["running", "crashed", "waiting"]
    # So it is for those who follow others of its trials.
    assert process_lost(view.only(["c"])) == process_lost(view) and view.only(["c"]).lost
    nobody = seen(trials[1:], [], {}, running=False)
    assert process_lost(nobody) == "the queue's process is gone"
    assert not seen(trials[2:], [], {}, running=False).lost  # it was told to stop
    assert not seen(trials, [], {"r1": run}).lost


def test_a_queue_that_has_ended_says_nothing_of_the_jobs_of_the_next() -> None:
    ended = [trial("a", Status.FINISHED)]
    assert seen(ended, [], {}, running=False).jobs == 1
    assert seen(ended, [], {}, running=True).jobs == 2
    assert seen([*ended, trial("b")], [], {}, running=False).jobs == 2


def test_what_was_begun_is_estimated_by_the_epochs_that_remain(home: Home) -> None:
    ScriptedExecutor(home).submit(spec(7), Labels(), "run").end("finished")  # tells the speed
    began = ScriptedExecutor(home).submit(spec(0), Labels(), "sweep")
    began.end("stopped")  # after one epoch of ten
    board = Leaderboard(home)
    board.sync()
    service.enqueue(home, wanted(0, 1), "sweep")
    view = QueueWatch(home).look({})
    begun, fresh = (item.seconds_left for item in view.trials)
    assert begun is not None and fresh is not None
    epoch = (fresh - START_SECONDS) / 10
    assert begun == pytest.approx(START_SECONDS + 9 * epoch)
    found = plan_trials(home, wanted(0, 1))
    assert found.epochs_done == {identity(spec(0)): 1}
    # While it is taken up, before its pace is known.
    with QueueStore(home).change() as state:
        state.put(
            state.trials[0].model_copy(update={"state": Status.RUNNING, "run_id": began.run_id})
        )
    living = {began.run_id: WatchedRun(began.folder, summary=summarise(began.folder))}
    assert QueueWatch(home).look(living).trials[0].seconds_left == pytest.approx(begun)


def test_where_some_times_are_unknown_the_rest_is_the_least() -> None:
    assert time_words(1.9, 34) == "at least 1.9 s (34 trials of unknown length)"
    assert time_words(1.9, 1, left=True) == "at least 1.9 s left (1 trial of unknown length)"
    assert time_words(90.0, 0).startswith("about 90 s, until ")
    assert time_words(None, 3).startswith("how long is not known yet")
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    view = seen([trial("b", Status.RUNNING, run_id="r1"), trial("c")], [], {"r1": run})
    assert short_time_left(view) == "at least 12 s left"
    assert short_time_left(seen([], [], {})) == ""


def test_what_nothing_like_it_tells_is_guessed_by_the_processors_speed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.estimate.multiply_add_rate", lambda: 1e11)
    cnn, half = spec(table=6), spec(table=6).model_copy(update={"precision": "bfloat16"})
    guess = expected_training(cnn, [])
    assert guess is not None
    assert expected_training(half, []) is None
    known = TrialPlan((), (), (PlannedTrial(spec()),))
    assert "rough" not in plan_sentence(known, [speed()])
    mixed = plan_sentence(TrialPlan((), (), (PlannedTrial(spec()), PlannedTrial(cnn))), [speed()])
    one = expected()
    assert f"2 to train: about {rough_duration(one + guess.seconds)}, until" in mixed
    assert mixed.endswith("(rough: 1 of a kind new here).")
    assert "(1 trial of unknown length)" in plan_sentence(
        TrialPlan((), (), (PlannedTrial(cnn), PlannedTrial(half))), []
    )


def test_a_model_of_another_size_is_guessed_by_runs_of_its_kind_not_by_the_processor(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.estimate.multiply_add_rate", lambda: 1e3)
    large, small = spec(table=6, row=2), spec(table=6)
    assert analyse(large.architecture).multiply_adds > 4 * analyse(small.architecture).multiply_adds
    done = create_run(home, large, Labels(), "run")
    writer = EventWriter(done[0].events_file)
    service.enqueue(home, [PlannedTrial(small)], "reproduce")
    watch = QueueWatch(home)
    hours = watch.look({}).seconds_left
    assert hours is not None and hours > 1e6  # by the processor alone, slow as it is said to be
    # As soon as a run has trained one epoch, and not only when it has ended.
    writer.write(Epoch(time.time(), 1, 1000, 0.2, 0.9, 0.2, 0.95, 1000.0, 60.0, 60.0))
    living = {
        done[0].run_id: WatchedRun(
            done[0],
            summary=summarise(done[0]).model_copy(update={"epochs_completed": 1}),
            step=1000,
            seconds_left=9.0,
        )
    }
    view = watch.look(living)
    assert view.guessed == 1 and view.unknown == 0
    assert view.seconds_left is not None and view.seconds_left < 3600
    writer.close()
    os.close(done[1])


def test_what_waits_is_told_by_what_trains_from_its_first_minute(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.estimate.multiply_add_rate", lambda: 1e8)
    now, later = spec(table=8, row=0), spec(table=8, row=2)  # CNN model 2 at batch 30 and 60
    folder, held = create_run(home, now, Labels(), "run")
    writer = EventWriter(folder.events_file)
    writer.write(Started(0.0, 1, 9, 5, 2000, 60_000, False, "cpu"))
    service.enqueue(home, [PlannedTrial(later)], "reproduce")
    watch = QueueWatch(home)
    rough = watch.look({folder.run_id: WatchedRun(folder)})
    assert rough.guessed == 1 and rough.seconds_left is not None and rough.seconds_left > 86_400
    for step, seconds in ((10, 20.0), (210, 26.0)):  # 1,000 images a second, once compiled
        writer.write(Batch(0.0, 1, step, 10, 0.3, 0.9, 9.0, seconds=seconds))
    view = watch.look({folder.run_id: WatchedRun(folder, step=210, seconds_left=300.0)})
    assert view.guessed == 0
    epochs = later.training.epochs * (60_000 + 10_000 / 3) / 1000
    assert view.seconds_left == pytest.approx(epochs, rel=0.05)
    writer.close()
    os.close(held)


def test_a_long_queue_in_brief_keeps_what_one_asks_about() -> None:
    trials = [
        *(trial(f"d{n}", Status.FINISHED) for n in range(40)),
        trial("bad", Status.FAILED, message="the disk was full"),
        trial("now", Status.RUNNING, run_id="r1"),
        *(trial(f"w{n}") for n in range(58)),
    ]
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    view = seen(trials, [speed()], {"r1": run})
    brief, done, waiting = view.in_brief()
    ids = [item.trial.id for item in brief.trials]
    assert ids == [*(f"d{n}" for n in range(35, 40)), "bad", "now", *(f"w{n}" for n in range(8))]
    assert (done, waiting) == (35, 50)
    assert brief.only(["bad"]).in_brief() == (brief.only(["bad"]), 0, 0)
    one = expected()
    assert view.place("w0") == (1, pytest.approx(12.0))
    assert view.place("w2") == (3, pytest.approx(12.0 + 2 * one))
    assert view.place("now") == (0, None)
    assert seen(trials, [speed()], {}, running=False).place("w2") == (3, None)


def test_what_the_queue_says_in_the_morning(home: Home) -> None:
    queued = service.enqueue(home, wanted(0, 1, 2), "sweep")
    with QueueStore(home).change() as state:
        for place, ending in enumerate(("finished", "error", "finished")):
            job = ScriptedExecutor(home).submit(spec(place), Labels(), "sweep")
            job.end(ending)
            os.utime(job.folder.events_file, (1e9, 1e9 + 60 * place))
            ended = Status.FAILED if ending == "error" else Status.FINISHED
            state.put(state.trials[place].model_copy(update={"state": ended, "run_id": job.run_id}))
    at = moment(1e9 + 120)
    watch = QueueWatch(home)
    said = f"all 3 ended at {at} · 1 failed · s tries again"
    assert headline(watch.look({}), "s") == (said, "warning")
    service.drop(home, [queued[1]])
    assert headline(watch.look({}), "s") == (f"all 2 done at {at}", "good")
    with QueueStore(home).change() as state:
        state.put(state.trials[0].model_copy(update={"state": Status.WAITING}))
    words, _ = headline(watch.look({}), "`queue start`")
    assert words.startswith(f"stopped at {at}, 1 of 2 to train; `queue start` resumes · about ")


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.5, "22:30"), (2.5, "Thu 00:30"), (30, "Fri 04:00"), (24 * 9, "23 Nov 22:00")],
)
def test_a_time_on_another_day_names_the_day(hours: float, words: str) -> None:
    now = datetime(2029, 11, 14, 22, 0).timestamp()  # a Wednesday
    assert moment(now + 3600 * hours, now) == words


def test_the_view_as_data() -> None:
    data = seen([trial("a", message="why")], [], {}).to_json()
    assert data["trials"][0]["message"] == "why"
    assert data["trials"][0]["state"] == "waiting"
    assert data["seconds_left"] is None
    assert data["trials_without_estimate"] == 1
