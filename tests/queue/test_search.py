"""Searches: what they draw, what becomes of it, and that nothing is trained twice.

The executor is made up: how good a training is, is worked out from its learning rate.
"""

from __future__ import annotations

import errno
import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from workbench.cli.queue import queue_table
from workbench.errors import EnvironmentProblem, RunError
from workbench.leaderboard.store import Leaderboard
from workbench.model.architecture import analyse
from workbench.model.hyperparameters import Overrides
from workbench.model.spec import TrainingSpec
from workbench.queue import runner as runner_module
from workbench.queue import service
from workbench.queue.runner import Runner
from workbench.queue.search import Search, SearchFolder, checked_search, enqueue_search, search_cost
from workbench.queue.space import drawn, full_name, parse_space, spec_with, values_text
from workbench.queue.store import QueueState, QueueStore, Trial
from workbench.queue.study import TrialSource
from workbench.queue.view import QueueWatch
from workbench.runs import control, lock
from workbench.runs.estimate import START_SECONDS, Speed
from workbench.runs.events import Ended, Epoch, Failed, Finished, Pruned, Stopped
from workbench.runs.folder import RunFolder, all_runs, create_run
from workbench.runs.log import write_event
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.screens.queue.screen import trial_cell

SPACE = ("learning_rate=log:1e-4..1e-1", "optimizer=sgd,adam", "batch_size=30,60,120")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.002)


def base(home: Home, preset: str = "nn-1", **overrides: int) -> TrainingSpec:
    plan = Plan(Overrides(**overrides), validation="0.15")
    return specs_for(home, preset, plan)[0].model_copy(update={"tested": False})


def search(home: Home, *space: str, preset: str = "nn-1", **facts: object) -> Search:
    wanted = {"trials": 8, "seeds": 2, "pruner": "none", **facts}
    own = {"preset": preset, "base": base(home, preset), "space": space or SPACE, **wanted}
    return Search.model_validate(own)


def goodness(spec: TrainingSpec) -> float:
    """Best at a learning rate of 0.01, and what it is does not depend on the images."""
    return round(0.9 - 0.1 * abs(math.log10(spec.training.optimizer.learning_rate) + 2), 6)


@dataclass
class MadeUpJob:
    """A run whose epochs come one a look."""

    folder: RunFolder
    descriptor: int
    ending: str
    epochs: int = 0

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    def stop(self) -> None:
        control.request(self.folder.path, control.Command.STOP)

    def ended(self) -> bool:
        if self.descriptor < 0:
            return True
        spec = self.folder.spec
        if control.requested(self.folder.path) is control.Command.PRUNE:
            self._end(Pruned(time.time(), self.epochs, 1, 1.0, 1e3))
        elif self.ending == "stopped":
            self._end(Stopped(time.time(), 1, 1, 1.0, 1e3))
        elif self.ending == "diverged":
            self._end(Failed(time.time(), 1, 1, 1.0, 1e3, reason="diverged", message="diverged"))
        elif self.epochs < spec.training.epochs:
            self.epochs += 1
            so_far = goodness(spec) * (0.5 + 0.5 * self.epochs / spec.training.epochs)
            write_event(self.folder.events_file, Epoch(
                time.time(), self.epochs, self.epochs, 0.1, 0.9, epoch_seconds=1.0, seconds=1.0,
                images_per_second=1e3,
                validation_loss=None if spec.tested else 0.1,
                validation_accuracy=None if spec.tested else so_far,
            ))  # fmt: skip
        else:
            found = goodness(spec)
            best = spec.training.epochs - 1 if spec.training.early_stopping else None
            self._end(Finished(
                time.time(), spec.training.epochs, self.epochs, 1.0, 1e3, best_epoch=best,
                test_accuracy=found if spec.tested else None,
                validation_accuracy=None if spec.tested else found,
            ))  # fmt: skip
        return self.descriptor < 0

    def _end(self, ending: Ended) -> None:
        write_event(self.folder.events_file, ending)
        os.close(self.descriptor)
        self.descriptor = -1


@dataclass
class MadeUpExecutor:
    """`ending` says of each spec how it ends."""

    home: Home
    ending: Callable[[TrainingSpec], str] = lambda spec: "finished"
    submitted: list[TrainingSpec] = field(default_factory=list)
    taken_up: list[str] = field(default_factory=list)
    jobs: list[MadeUpJob] = field(default_factory=list)
    living: list[MadeUpJob] = field(default_factory=list)  # workers that outlived their queue
    most_at_once: int = 0
    is_local: bool = True

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int = 1) -> MadeUpJob:
        self.submitted.append(spec)
        return self._job(*create_run(self.home, spec, labels, by))

    def take_up(self, run_id: str) -> MadeUpJob | None:
        folder = RunFolder(self.home.runs / run_id)
        if not folder.path.exists() or folder.status() is Status.FINISHED:
            return None
        self.taken_up.append(run_id)
        for job in self.living:
            if job.run_id == run_id and job.descriptor >= 0:
                return job
        descriptor = lock.acquire(folder.lock_file)
        assert descriptor is not None
        return self._job(folder, descriptor)

    def _job(self, folder: RunFolder, descriptor: int) -> MadeUpJob:
        job = MadeUpJob(folder, descriptor, self.ending(folder.spec))
        self.jobs.append(job)
        self.most_at_once = max(self.most_at_once, sum(job.descriptor >= 0 for job in self.jobs))
        return job


def run_queue(home: Home, executor: MadeUpExecutor) -> QueueState:
    store = QueueStore(home)
    store.folder.mkdir(exist_ok=True)
    descriptor = lock.acquire(store.runner_lock)
    assert descriptor is not None
    thread = threading.Thread(target=Runner(home, executor, descriptor).run, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return store.read()


def study_of(home: Home, search_id: str) -> optuna.Study:
    """As anyone reads it, optuna-dashboard for one."""
    journal = home.path / "searches" / search_id / "study.journal"
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return optuna.load_study(study_name=search_id, storage=storage)


# The space


def test_a_space_is_ranges_and_lists(home: Home) -> None:
    space = parse_space([*SPACE, "layers.2.units=16..128", "lr-x=1"][:4], base(home))
    assert [item.name for item in space] == [
        "optimizer.learning_rate", "optimizer.kind", "batch_size", "layers.2.units",
    ]  # fmt: skip
    rate, kind, batch, units = space
    assert (rate.low, rate.high, rate.log) == (1e-4, 1e-1, True)
    assert kind.choices == ("sgd", "adam") and batch.choices == (30, 60, 120)
    assert (units.low, units.high, units.log) == (16, 128, False)


def test_the_values_of_a_trial_make_its_spec(home: Home) -> None:
    own = base(home, "cnn-2")
    texts = ["lr=0.1,0.2", "momentum=0.5,0.6", "opt=sgd,adam", "layers.1.filters=4,8",
             "layers.1.kernel_size=3,5", "epochs=2,3"]  # fmt: skip
    space = parse_space(texts, own)
    values = {
        "optimizer.learning_rate": 0.2, "optimizer.momentum": 0.5, "optimizer.kind": "sgd",
        "layers.1.filters": 4, "layers.1.kernel_size": "5×5", "epochs": 3,
    }  # fmt: skip
    spec = spec_with(own, space, values)
    layer = spec.architecture.layers[0]
    assert (layer.filters, layer.kernel_size) == (4, (5, 5))
    optimizer = spec.training.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.momentum) == ("sgd", 0.2, 0.5)
    assert spec.training.epochs == 3 and not spec.tested
    # Adam has no momentum: what is drawn for it is left out, and the trial is not lost.
    adam = spec_with(own, space, {**values, "optimizer.kind": "adam"}).training.optimizer
    assert (adam.kind, adam.learning_rate) == ("adam", 0.2)
    assert "lr=0.2" in values_text(space, values) and "opt=sgd" in values_text(space, values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning_rate=log:0..1", "no logarithm of 0"),
        ("learning_rate=2..1", "2..1 is an empty range"),
        ("learning_rate=1..1", "1..1 is an empty range"),
        ("learning_rat=1,2", 'did you mean "learning_rate"?'),
        ("learning_rate=1..x", '"x" is not a number'),
        ("learning_rate=nan..1", "nan"),
        ("learning_rate=1,,2", "a value is missing"),
        ("learning_rate=0,1", "0 is too small"),
        ("learning_rate", "give a range or values"),
        ("learning_rate=log:1,2", "log: belongs to a range"),
        ("batch_size=1.5..3", "1.5"),
        ("optimizer=sgd..adam", "list its values"),
        ("optimizer=sgd,adm", 'no "adm"'),
        ("rho=0.1..0.9", "nothing in this space has it"),
        ("layers.4.units=1,2", "no layer 4; nn-1 has 1 to 3"),
        ("layers.0.units=1,2", "no layer 0"),
        ("layers.2.unit=1,2", 'did you mean "units"?'),
        ("layers.units=1,2", "layers.1.filters"),
    ],
)
def test_what_is_no_space_is_one_line(home: Home, text: str, words: str) -> None:
    with pytest.raises(RunError) as caught:
        parse_space([text], base(home))
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"space": ()}, "nothing to search"),
        ({"space": ("lr=0.1,0.2", "learning_rate=1,2")}, "named twice"),
        ({"sampler": "grid"}, "a grid takes values, not a range"),
        ({"sampler": "cmaes", "space": ("lr=0.1,0.2",)}, "needs a range"),
        ({"space": ("schedule=constant,reduce_on_plateau",)}, "search with another schedule"),
    ],
)
def test_what_does_not_go_together(home: Home, facts: dict[str, object], words: str) -> None:
    with pytest.raises(RunError, match=words):
        checked_search(search(home).model_copy(update=facts))


@pytest.mark.parametrize("typed", ["layers.1.units", "lr", "optimizer.learning_rate", "batch"])
def test_an_error_names_the_setting_in_full_for_forms(home: Home, typed: str) -> None:
    with pytest.raises(RunError) as caught:
        parse_space([f"{typed}=2..1"], base(home))
    assert caught.value.field == full_name(typed)
    assert str(caught.value) == f"--set {typed_as(caught.value.field)}: {caught.value.reason}"


def typed_as(name: str) -> str:
    return name if name.startswith("layers") else name.rpartition(".")[2]


def test_values_drawn_for_the_cost_lie_in_the_space(home: Home) -> None:
    space = parse_space([*SPACE, "layers.2.units=log:8..64", "momentum=0..0.9"], base(home))
    for values in drawn(space, 50, 3):
        for item in space:
            value = values[item.name]
            if item.choices:
                assert value in item.choices
            else:
                assert isinstance(value, int | float) and item.low <= value <= item.high
        assert isinstance(values["layers.2.units"], int)
    assert drawn(space, 2, 3) == drawn(space, 2, 3) != drawn(space, 2, 4)


def test_the_cost_is_of_all_trials_and_the_final_trainings(home: Home) -> None:
    wanted = search(home, "learning_rate=0.1,0.2", trials=10, seeds=2)
    speed = Speed(analyse(wanted.base.architecture).multiply_adds, False, 32, "float32", 51_000.0)
    cost = search_cost(wanted, [speed])
    one = START_SECONDS + 10 * (51_000 + 9_000 / 3) / 51_000
    assert cost.expected is not None and not cost.expected.rough
    assert cost.expected.seconds == pytest.approx(one * (10 + 2 / 0.85))
    assert cost.sentence.startswith("10 trials and 2 final trainings: about ")
    half = search(home, "layers.3.pool_size=2,40", preset="cnn-2", trials=10)
    found = search_cost(half, [])
    assert 10 < len(found.impossible) < 54 and "drawn at random are impossible" in found.notes[0]
    with pytest.raises(RunError, match="nothing in this space can be trained: layer 3"):
        search_cost(search(home, "layers.3.pool_size=40,41", preset="cnn-2"), [])


# A search


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_the_chosen_settings_alone_are_tested(home: Home, sampler: str) -> None:
    wanted = search(home, sampler=sampler)
    enqueue_search(home, wanted)
    executor = MadeUpExecutor(home)
    state = run_queue(home, executor)
    (entry,) = state.searches
    assert entry.state is Status.FINISHED and entry.to_come == 0
    trials, finals = executor.submitted[:8], executor.submitted[8:]
    assert not any(spec.tested for spec in trials)
    assert {spec.dataset.validation for spec in trials} == {wanted.base.dataset.validation}
    assert [(spec.seed, spec.tested, spec.dataset.images) for spec in finals] == [
        (0, True, 60_000), (1, True, 60_000),
    ]  # fmt: skip
    best = max(trials, key=goodness)
    assert finals[0].training.optimizer == best.training.optimizer
    result = SearchFolder(home, wanted.id).result()
    assert result is not None
    assert result.validation_accuracy == goodness(best)
    assert result.test_accuracies == (goodness(best),) * 2
    assert result.counts == {"finished": 8}
    preset = result.preset("found", "Found")
    assert preset.training == finals[0].training
    runs = [folder.labels.tags for folder in all_runs(home)]
    assert len(runs) == 10 and all("search" in tags for tags in runs)
    assert sum("chosen" in tags for tags in runs) == 2
    tested = [run.test_accuracy for run in Leaderboard(home).sync().entries]
    assert sum(value is not None for value in tested) == 2


def test_screens_read_how_far_it_is_without_optuna(home: Home) -> None:
    own = base(home, epochs=9)
    enqueue_search(home, wanted := search(home, base=own, pruner="median", trials=20))
    run_queue(home, MadeUpExecutor(home))
    progress, study = SearchFolder(home, wanted.id).progress(), study_of(home, wanted.id)
    assert [trial.values for trial in progress.trials] == [trial.params for trial in study.trials]
    assert progress.best is not None and progress.best.accuracy == study.best_value
    assert [trial.number for trial in progress.trials if trial.outcome == "pruned"] == [
        trial.number for trial in study.trials if trial.state is TrialState.PRUNED
    ]
    for trial, known in zip(progress.trials, study.trials, strict=True):
        assert trial.run_id == known.user_attrs["run"] and trial.curve == known.intermediate_values
    # The made-up executor's accuracy depends on the learning rate alone.
    assert max(progress.importance, key=progress.importance.__getitem__) == (
        "optimizer.learning_rate"
    )
    result = SearchFolder(home, wanted.id).result()
    assert result is not None and result.importance == progress.importance


def test_optunas_own_api_reads_the_study(home: Home) -> None:
    enqueue_search(home, wanted := search(home))
    run_queue(home, MadeUpExecutor(home))
    study = study_of(home, wanted.id)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 8
    assert set(study.best_params) == {"optimizer.learning_rate", "optimizer.kind", "batch_size"}
    best = study.best_trial
    folder = RunFolder(home.runs / best.user_attrs["run"])
    assert folder.spec.training.optimizer.learning_rate == best.params["optimizer.learning_rate"]
    assert best.value == goodness(folder.spec)
    assert len(best.intermediate_values) == folder.spec.training.epochs
    importance = optuna.importance.get_param_importances(study)
    assert set(importance) == set(study.best_params)


def test_a_grid_is_gone_through_once(home: Home) -> None:
    space = ("learning_rate=0.1,0.01", "batch_size=30,60")
    enqueue_search(home, wanted := search(home, *space, sampler="grid", trials=40))
    executor = MadeUpExecutor(home)
    state = run_queue(home, executor)
    assert state.searches[0].state is Status.FINISHED
    drawn = {
        (spec.training.optimizer.learning_rate, spec.training.batch_size)
        for spec in executor.submitted[:-2]
    }
    assert len(executor.submitted) == 6 and len(drawn) == 4
    assert len(study_of(home, wanted.id).trials) == 4


def test_several_jobs_work_on_one_study(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=12))
    with QueueStore(home).change() as state:
        state.jobs = 3
    said: list[str] = []

    def ending(spec: TrainingSpec) -> str:
        said.append(QueueStore(home).read().searches[0].message)
        return "finished"

    executor = MadeUpExecutor(home, ending)
    run_queue(home, executor)
    assert executor.most_at_once == 3
    assert not any("time is up" in words for words in said)  # the last ones train, and no more come
    assert said[-1].startswith("12 of 12 trials, best ")
    study = study_of(home, wanted.id)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 12
    assert len({spec.settings_key for spec in executor.submitted[:12]}) == 12


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("pruner", ["hyperband", "median", "wilcoxon"])
def test_pruned_trials_are_kept_and_said_to_be_pruned(home: Home, pruner: str) -> None:
    own = base(home, epochs=9)
    wanted = search(home, base=own, pruner=pruner, trials=30, sampler="random")
    enqueue_search(home, wanted)
    state = run_queue(home, MadeUpExecutor(home))
    pruned = [trial for trial in state.trials if trial.state is Status.PRUNED]
    assert pruned, "none of 30 was hopeless"
    study = study_of(home, wanted.id)
    assert sum(trial.state is TrialState.PRUNED for trial in study.trials) == len(pruned)
    entries = {run.run_id: run for run in Leaderboard(home).sync().entries}
    for trial in pruned:
        assert trial.run_id is not None
        assert entries[trial.run_id].state is Status.PRUNED
        assert entries[trial.run_id].epochs_completed < 9
    result = SearchFolder(home, wanted.id).result()
    assert result is not None and result.counts["pruned"] == len(pruned)
    assert entries[str(result.run_id)].state is Status.FINISHED
    # Nobody goes on with them by the way.
    before = len(all_runs(home))
    assert not service.start(home)
    assert len(all_runs(home)) == before


def test_an_impossible_model_costs_no_training(home: Home) -> None:
    # A window of 40 has no place on an image of 28.
    space = ("layers.3.pool_size=2,40", "learning_rate=0.01,0.02,0.03")
    wanted = search(home, *space, preset="cnn-2", sampler="grid", trials=6)
    enqueue_search(home, wanted)
    executor = MadeUpExecutor(home)
    run_queue(home, executor)
    assert len(executor.submitted) == 3 + 2
    result = SearchFolder(home, wanted.id).result()
    assert result is not None and result.counts == {"finished": 3, "impossible": 3}
    lost = [t for t in study_of(home, wanted.id).trials if t.user_attrs["outcome"] == "impossible"]
    assert len(lost) == 3 and "layer" in lost[0].user_attrs["message"]


def test_the_same_values_are_not_trained_twice(home: Home) -> None:
    wanted = search(home, "batch_size=30,60", sampler="random", trials=8)
    enqueue_search(home, wanted)
    executor = MadeUpExecutor(home)
    run_queue(home, executor)
    assert len(executor.submitted) == 2 + 2
    study = study_of(home, wanted.id)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 8
    assert len({(t.params["batch_size"], t.value, t.user_attrs["run"]) for t in study.trials}) == 2


def test_what_diverged_is_no_choice(home: Home) -> None:
    wanted = search(home, sampler="random")
    enqueue_search(home, wanted)
    threshold = 3e-3

    def ending(spec: TrainingSpec) -> str:
        wild = spec.training.optimizer.learning_rate > threshold and not spec.tested
        return "diverged" if wild else "finished"

    state = run_queue(home, MadeUpExecutor(home, ending))
    result = SearchFolder(home, wanted.id).result()
    assert result is not None and set(result.counts) == {"finished", "diverged"}
    assert float(result.values["optimizer.learning_rate"]) <= threshold
    assert (
        sum(trial.state is Status.DIVERGED for trial in state.trials) == (result.counts["diverged"])
    )


def test_where_nothing_comes_to_a_result_it_says_so(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=3))
    (entry,) = run_queue(home, MadeUpExecutor(home, lambda spec: "diverged")).searches
    assert entry.state is Status.FAILED
    assert entry.message.startswith("no trial has a result: 3 of 3 trials (3 diverged)")
    assert SearchFolder(home, wanted.id).result() is None


def test_early_stopping_says_how_long_the_chosen_settings_are_trained(home: Home) -> None:
    own = specs_for(home, "cnn-1", Plan(Overrides(epochs=9, early_stopping=2), validation="0.15"))
    wanted = search(home, base=own[0].model_copy(update={"tested": False}), trials=3, seeds=1)
    enqueue_search(home, wanted)
    executor = MadeUpExecutor(home)
    run_queue(home, executor)
    final = executor.submitted[-1]
    assert final.tested and final.training.early_stopping is None
    assert final.training.epochs == 8  # the best epoch of the chosen trial
    result = SearchFolder(home, wanted.id).result()
    assert result is not None
    trial = next(s for s in executor.submitted if s.training.optimizer == final.training.optimizer)
    assert final.training.decay_rate == trial.training.decay_rate


def test_after_the_time_no_trial_begins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(runner_module.time, "monotonic", lambda: now[0])

    def ending(spec: TrainingSpec) -> str:
        now[0] += 0 if spec.tested else 30
        return "finished"

    enqueue_search(home, search(home, trials=40, timeout=100, seeds=1))
    executor = MadeUpExecutor(home, ending)
    (entry,) = run_queue(home, executor).searches
    assert len(executor.submitted) == 4 + 1  # at 0, 30, 60 and 90 seconds
    assert entry.state is Status.FINISHED and "time is up" in entry.message


# Cut off


class Killed(BaseException):
    """As kill -9 at some place: nothing is tidied up."""


def killed_at(home: Home, executor: MadeUpExecutor, monkeypatch: pytest.MonkeyPatch, when: str,
              count: int) -> None:  # fmt: skip
    """Run the queue until `when` is reached for the `count`-th time, and no further."""
    seen = [0]

    def counted(real: Callable[..., object], before: bool) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            seen[0] += 1
            if seen[0] == count and before:
                raise Killed
            result = real(*arguments, **named)
            if seen[0] == count:
                raise Killed
            return result

        return call

    store = QueueStore(home)
    store.folder.mkdir(exist_ok=True)
    descriptor = lock.acquire(store.runner_lock)
    assert descriptor is not None
    with monkeypatch.context() as patch:
        match when:
            case "asked":  # drawn, and the queue does not know
                patch.setattr(TrialSource, "next", counted(TrialSource.next, False))
            case "queued":  # in the queue, and its run is not there
                patch.setattr(executor, "submit", counted(executor.submit, True))
            case "begun":  # its run is there, and the queue does not know
                patch.setattr(executor, "submit", counted(executor.submit, False))
            case "ended":  # ended, and neither queue nor study know
                patch.setattr(runner_module, "outcome_of", counted(runner_module.outcome_of, True))
            case "settled":  # the queue knows, and the study does not
                patch.setattr(TrialSource, "_tell", counted(TrialSource._tell, True))
        with pytest.raises(Killed):
            Runner(home, executor, descriptor).run()
    os.close(descriptor)


@pytest.mark.parametrize("when", ["asked", "queued", "begun", "ended", "settled"])
@pytest.mark.parametrize("count", [1, 4])
def test_killed_anywhere_it_goes_on_and_trains_nothing_twice(
    home: Home, when: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_home = Home(tmp_path / "whole")
    enqueue_search(whole_home, wanted := search(home, trials=6))
    run_queue(whole_home, MadeUpExecutor(whole_home))

    enqueue_search(home, wanted)
    first = MadeUpExecutor(home)
    second = MadeUpExecutor(home, living=first.jobs)
    killed_at(home, first, monkeypatch, when, count)
    with QueueStore(home).change() as state:  # as `queue start` does
        for trial in state.trials:
            if trial.state is Status.RUNNING:
                state.put(trial.model_copy(update={"state": Status.WAITING}))
    state = run_queue(home, second)
    assert state.searches[0].state is Status.FINISHED
    keys = [(spec.settings_key, spec.seed) for spec in first.submitted + second.submitted]
    assert len(set(keys)) == len(keys)
    mine, theirs = study_of(home, wanted.id).trials, study_of(whole_home, wanted.id).trials
    assert [trial.params for trial in mine] == [trial.params for trial in theirs]
    assert [trial.value for trial in mine] == [trial.value for trial in theirs]
    assert [trial.state for trial in mine] == [TrialState.COMPLETE] * 6


def test_half_a_line_of_the_journal_is_cut_off(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=4))
    run_queue(home, MadeUpExecutor(home))
    journal = SearchFolder(home, wanted.id).journal
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"wor')
    enqueue_search(home, wanted.model_copy(update={"trials": 6}))
    run_queue(home, MadeUpExecutor(home))
    assert len(study_of(home, wanted.id).trials) == 6


def test_more_trials_go_on_with_the_same_study(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=3))
    run_queue(home, MadeUpExecutor(home))
    again = MadeUpExecutor(home)
    more = wanted.model_copy(update={"trials": 5})
    assert more.id == wanted.id
    enqueue_search(home, more)
    run_queue(home, again)
    assert sum(not spec.tested for spec in again.submitted) == 2


def test_a_trial_stopped_by_hand_is_replaced_and_not_tried_again(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=3, sampler="random", seeds=1))
    stopped: list[TrainingSpec] = []

    def ending(spec: TrainingSpec) -> str:
        if not stopped:
            stopped.append(spec)
            return "stopped"
        return "finished"

    state = run_queue(home, MadeUpExecutor(home, ending))
    assert state.trials[0].state is Status.STOPPED
    result = SearchFolder(home, wanted.id).result()
    assert result is not None and result.counts == {"stopped": 1, "finished": 3}
    assert not service.start(home)  # nothing waits: it is not taken up again


def test_a_larger_budget_reaches_a_search_at_work(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=2, seeds=1))
    executor = MadeUpExecutor(home)

    def ending(spec: TrainingSpec) -> str:
        if len(executor.submitted) == 2:
            enqueue_search(home, wanted.model_copy(update={"trials": 4}))
        return "finished"

    executor.ending = ending
    run_queue(home, executor)
    assert [spec.tested for spec in executor.submitted] == [False] * 4 + [True]


def test_a_study_that_cannot_be_read_fails_that_search_alone(home: Home) -> None:
    enqueue_search(home, wanted := search(home, trials=2))
    SearchFolder(home, wanted.id).journal.write_text("no journal\nat all\n")
    enqueue_search(home, other := search(home, "batch_size=30,60", trials=2))
    states = {entry.id: entry for entry in run_queue(home, MadeUpExecutor(home)).searches}
    assert states[wanted.id].state is Status.FAILED and "damaged" in states[wanted.id].message
    assert states[other.id].state is Status.FINISHED


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        (-1, {"op_code": 99}),
        (-1, {"op_code": []}),
        (-1, {"values": [[]]}),
        (2, {"param_name": "another"}),
    ],
)
def test_a_study_of_wrong_values_is_damaged(
    home: Home, line: int, damage: dict[str, object]
) -> None:
    enqueue_search(home, wanted := search(home, trials=2))
    run_queue(home, MadeUpExecutor(home))
    journal = SearchFolder(home, wanted.id).journal
    lines = journal.read_text().splitlines()
    place = [n for n, text in enumerate(lines) if set(damage) <= set(json.loads(text))][line]
    lines[place] = json.dumps(json.loads(lines[place]) | damage)
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(RunError, match="is damaged"):
        TrialSource(home, wanted.id)


def test_a_full_disk_holds_a_search_up_and_does_not_end_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue_search(home, wanted := search(home, trials=2))
    begin, full = optuna.create_study, [OSError(errno.ENOSPC, "No space left on device")]

    def create_study(**facts: Any) -> optuna.Study:
        if full:
            raise full.pop()
        return begin(**facts)

    monkeypatch.setattr(optuna, "create_study", create_study)
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.01)
    states = {entry.id: entry for entry in run_queue(home, MadeUpExecutor(home)).searches}
    assert not full and states[wanted.id].state is Status.FINISHED


def test_without_optuna_one_line_says_what_to_install(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    from workbench.queue.search import require_optuna

    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'mnist-workbench\[search\]'"):
        require_optuna()
    enqueue_search(home, search(home))
    (entry,) = run_queue(home, MadeUpExecutor(home)).searches
    assert entry.state is Status.FAILED and "mnist-workbench[search]" in entry.message


def test_a_dropped_search_makes_no_more_trials(home: Home) -> None:
    enqueue_search(home, wanted := search(home))
    assert service.drop(home, [wanted.id]) == 1
    executor = MadeUpExecutor(home)
    assert run_queue(home, executor).searches == [] and executor.submitted == []


def test_a_trial_of_an_older_queue_is_of_no_search() -> None:
    assert Trial.model_fields["search"].default is None


def test_lists_tell_validation_accuracy_from_that_of_the_test(home: Home) -> None:
    enqueue_search(home, search(home, trials=1, seeds=1))
    run_queue(home, MadeUpExecutor(home))
    Leaderboard(home).sync()  # as workers record what they end with
    view = QueueWatch(home).look({})
    trial, final = view.trials
    assert trial.accuracy == final.accuracy  # the made-up executor's
    assert [trial.of_validation, final.of_validation] == [True, False]
    told = [(data["test_accuracy"], data["validation_accuracy"]) for data in
            (trial.to_json(), final.to_json())]  # fmt: skip
    assert told == [(None, trial.accuracy), (final.accuracy, None)]
    cells = [trial_cell(item, "accuracy", 6, bars=True) for item in (trial, final)]
    assert [str(cell[0])[-1] for cell in cells] == ["v", "0"]
    table = queue_table(view)
    assert "val" in str(table.rows[0]) and "% val" not in str(table.rows[1])
