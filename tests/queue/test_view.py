"""The queue as it is looked at: how far it is and how long it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.queue.scripted import spec, wanted
from workbench.model.shapes import analyse
from workbench.queue import service
from workbench.queue.store import QueueState, QueueStore
from workbench.queue.trial import Trial, TrialState
from workbench.queue.view import START_SECONDS, QueueView, estimated_seconds, view_of
from workbench.runs.estimate import Speed
from workbench.runs.folder import RunFolder
from workbench.runs.watchlist import WatchedRun
from workbench.settings import Home


def speed(images_per_second: float = 10_000.0) -> Speed:
    """Of NN model 1 at batch 32."""
    work = analyse(spec().architecture).multiply_adds
    return Speed(work, False, 32, "float32", images_per_second)


def seen(trials: list[Trial], speeds: list[Speed], living: dict[str, WatchedRun]) -> QueueView:
    state = QueueState(trials=trials)
    return view_of(
        state,
        running=True,
        living=living,
        results={},
        estimate=lambda trial: estimated_seconds(trial.spec, speeds),
    )


def trial(name: str, state: TrialState = TrialState.WAITING, **values: object) -> Trial:
    return Trial.model_validate({"id": name, "spec": spec(), "state": state, **values})


def test_the_estimate_is_start_and_epochs() -> None:
    seconds = estimated_seconds(spec(), [speed()])
    assert seconds is not None
    # Ten epochs of 60,000 images and a third of the work for 10,000 test images.
    assert seconds == pytest.approx(START_SECONDS + 10 * (60_000 + 10_000 / 3) / 10_000)
    assert estimated_seconds(spec(), []) is None
    assert estimated_seconds(spec(table=6), [speed()]) is None  # a convolutional model


def test_time_left_counts_what_trains_and_what_waits() -> None:
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    trials = [
        trial("a", TrialState.FINISHED),
        trial("b", TrialState.RUNNING, run_id="r1"),
        trial("c"),
    ]
    view = seen(trials, [speed()], {"r1": run})
    one = estimated_seconds(spec(), [speed()])
    assert one is not None
    assert view.seconds_left == pytest.approx(12.0 + one)
    assert (view.ended, len(view.pending), view.unknown) == (1, 2, 0)


def test_what_trains_side_by_side_does_not_take_its_times_one_after_the_other() -> None:
    living = {
        "r1": WatchedRun(RunFolder(Path("r1")), seconds_left=12.0),
        "r2": WatchedRun(RunFolder(Path("r2")), seconds_left=20.0),
    }
    trials = [
        trial("a", TrialState.RUNNING, run_id="r1"),
        trial("b", TrialState.RUNNING, run_id="r2"),
        trial("c"),
    ]
    one = estimated_seconds(spec(), [speed()])
    assert one is not None
    assert seen(trials, [speed()], living).seconds_left == pytest.approx(16.0 + one)


def test_what_is_not_known_is_said_so() -> None:
    run = WatchedRun(RunFolder(Path("r1")), seconds_left=12.0)
    trials = [trial("b", TrialState.RUNNING, run_id="r1"), trial("c"), trial("d")]
    view = seen(trials, [], {"r1": run})
    assert view.seconds_left == pytest.approx(12.0)
    assert view.unknown == 2
    assert seen(trials[1:], [], {}).seconds_left is None
    assert seen([], [], {}).seconds_left == 0


def test_a_queue_without_a_runner_is_interrupted(home: Home) -> None:
    from workbench.queue.watch import QueueWatch

    service.enqueue(home, wanted(0), "reproduce")
    watch = QueueWatch(home)
    assert watch.look({}).interrupted
    with QueueStore(home).change() as state:
        state.put(state.trials[0].model_copy(update={"state": TrialState.FINISHED}))
    assert not watch.look({}).interrupted  # the change is seen


def test_the_view_as_data() -> None:
    data = seen([trial("a", message="why")], [], {}).to_json()
    assert data["trials"][0]["message"] == "why"
    assert data["trials"][0]["state"] == "waiting"
    assert data["seconds_left"] is None
    assert data["trials_without_estimate"] == 1
