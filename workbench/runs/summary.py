"""A run in about 1 kB: what lists, the leaderboard and `--json` show, and what is said at its end.

Runs of any kind are compared by it, setting by setting.
"""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field
from pydantic import Tag as Variant

from workbench.config import NO_COMMAND, Config
from workbench.errors import EnvironmentProblem, UserError
from workbench.formats import epochs_done, metric_text, percent, points
from workbench.model.architecture import analyse
from workbench.model.hyperparameters import optimizer_text
from workbench.runs.events import EVALUATED, Ended, Epoch, Failed, Finished
from workbench.runs.folder import RunFolder
from workbench.runs.log import History, last_ending, whole_epochs
from workbench.runs.record import Kept, RunRecord, ScriptRecord, Setting, flat_settings
from workbench.runs.status import Status
from workbench.runs.trouble import constant_answer, only_answer

# Up to how many epochs a summary tells each; the run's own log has them all.
MOST_EPOCHS = 100
GOAL = 0.99  # the share of the test images to which the time is told
HEADLINES = ("val_accuracy", "accuracy", "val_loss", "loss")  # those that are told first

Values = tuple[Setting, ...]  # of a setting, one a run; None where it has none


def _iso(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is no date and time") from error
    return text


class Summary(Kept):
    """What is to be said of every run, of a preset or of a script.

    A diverged run has `diverged` set and no accuracy. `status` is what data has; `state` is what
    people read, which tells more kinds apart.
    """

    run_id: str
    title: str
    status: Status
    diverged: bool = False
    message: str = ""
    epochs: int  # 0: not known
    epochs_completed: int = 0
    train_seconds: float | None = None  # of training steps alone: no tests, no pauses
    started_at: Annotated[str, AfterValidator(_iso)]  # ISO 8601, UTC
    tags: tuple[str, ...] = ()
    note: str = ""
    host: str
    cpu: str
    cores: int
    preparing: str = Field(default="", exclude=True)  # what a living run waits for
    labels_stamp: int = Field(default=0, exclude=True)  # of labels.json when read

    @property
    def state(self) -> Status:
        """What the run is doing, or how it came out, as people read it."""
        if self.diverged:
            return Status.DIVERGED
        if self.status is Status.RUNNING and self.preparing:
            return Status.PREPARING
        return self.status

    @property
    def name(self) -> str:
        """What lists call it: its preset, or what a script calls itself."""
        return self.title

    @property
    def status_words(self) -> tuple[str, ...]:
        """All words for its state: a diverged run is failed too, a collapsed one finished."""
        return self.state.word, self.state.value, self.status.value

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class RunSummary(Summary):
    """One run of a preset: facts and results. Accuracies are fractions of the test images.

    `test_accuracy` is that after the last whole epoch and the only one that is ranked or
    compared; `best_epoch_test_accuracy` stands beside it and is never used for a choice.
    `validation_accuracy` is of the images held out, where settings are chosen by them.
    """

    preset: str
    test_accuracy: float | None = None
    test_loss: float | None = None
    best_epoch_test_accuracy: float | None = None
    best_epoch: int | None = None
    validation_accuracy: float | None = None
    validation_loss: float | None = None
    # After each whole epoch, the first first; empty where a log or entry does not tell them all.
    epoch_test_accuracies: tuple[float, ...] = ()
    # Until the end of the first epoch after which at least 99 % of the test images were right:
    # seconds of training, and from the start of the worker's process, where it began for this run.
    seconds_to_99: float | None = None
    cold_seconds_to_99: float | None = None
    batch_size: int
    optimizer: str
    optimizer_text: str
    learning_rate: float
    momentum: float | None = None
    schedule: str
    seed: int
    precision: str
    parameters: int | None = None
    images_per_second: float | None = None
    dataset: str
    # The class that the network answers to every test image; None where it tells them apart.
    collapsed_to: int | None = Field(default_factory=lambda facts: _by_accuracy(facts))
    train_limit: int | None = None
    settings_key: str
    threads: int | None = None  # None: as many as cores
    tensorflow: str
    keras: str

    @property
    def name(self) -> str:
        return self.preset

    @property
    def images_text(self) -> str:
        """`3k`, the training images where not all of them; else empty."""
        limit = self.train_limit or 0
        return f"{limit / 1000:g}k" if limit >= 1000 else str(limit or "")

    @property
    def result(self) -> str:
        """`97.16 %`, the accuracy on the test set."""
        return percent(self.test_accuracy)

    @property
    def state(self) -> Status:
        """As of every run; one that answers one class to all images is told apart."""
        if self.status is Status.FINISHED and self.collapsed_to is not None and not self.diverged:
            return Status.COLLAPSED
        return super().state

    @property
    def accuracy(self) -> float | None:
        """Of the test images, or of those held out where it was not tested."""
        return self.validation_accuracy if self.test_accuracy is None else self.test_accuracy


class ScriptSummary(Summary):
    """One run of a script: what it told of itself, and the last value of each of its metrics."""

    kind: Literal["script"] = "script"
    config: dict[str, Setting] = Field(default_factory=dict)
    metrics: dict[str, float | None] = Field(default_factory=dict)  # null: not a number
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    step: int = 0
    framework: str = ""
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def headline(self) -> tuple[str, float] | None:
        """The metric by which a list tells how it came out, and its value."""
        known = {name: value for name, value in self.metrics.items() if value is not None}
        for name in (*HEADLINES, *known):
            if name in known:
                return name, known[name]
        return None

    @property
    def result(self) -> str:
        """`val_loss 0.0921`, its headline in words."""
        return f"{self.headline[0]} {metric_text(*self.headline)}" if self.headline else ""

    @property
    def config_text(self) -> str:
        """`lr 0.001, batch 32`: its configuration in one line."""
        return ", ".join(f"{name} {value}" for name, value in self.config.items())


AnySummary = Annotated[
    Annotated[RunSummary, Variant("preset")] | Annotated[ScriptSummary, Variant("script")],
    # Only a script's says so.
    Discriminator(
        lambda data: (
            (data.get("kind") if isinstance(data, dict) else getattr(data, "kind", "")) or "preset"
        )
    ),
]


def summary_of(
    folder: RunFolder, status: Status | None = None, history: History | None = None
) -> AnySummary:
    """The summary of a run of any kind; otherwise as `summarise`."""
    record = folder.record
    if not isinstance(record, ScriptRecord):
        return summarise(folder, status, history)
    script, status = record.script, status or folder.status()
    ending = last_ending(folder.events_file) if not status.alive else None
    if ending:
        results, metrics = _ended(ending), ending.metrics or {}
    else:
        history = history or folder.history()
        results, metrics = _so_far(history) | {"step": history.step}, history.metrics
    planned = history.planned_epochs if history and not ending else 0
    facts = vars(script) | _facts_of(folder) | results  # what has the name of a field
    facts |= {"title": script.name, "status": status, "epochs": planned or script.epochs}
    facts["metrics"] = {
        name: value if math.isfinite(value) else None for name, value in metrics.items()
    }
    return ScriptSummary.model_validate(facts)


def _facts_of(folder: RunFolder) -> dict[str, Any]:
    """What the summaries of both kinds say alike: where and when it was started, and its labels."""
    record = folder.record
    started = datetime.fromtimestamp(record.created_at, UTC).isoformat(timespec="seconds")
    known = {"run_id": folder.run_id, "started_at": started}
    return vars(record.environment) | known | labels_of(folder)


def _ended(ending: Ended) -> dict[str, Any]:
    """What an ending says of a run of either kind, with what has the name of a field."""
    diverged = isinstance(ending, Failed) and ending.diverged
    found = vars(ending) | {"diverged": diverged, "train_seconds": ending.seconds}
    if diverged:
        found |= dict.fromkeys(EVALUATED)
    if isinstance(ending, Finished) and ending.confusion:
        found["collapsed_to"] = only_answer(ending.confusion)
    return found


def _so_far(history: History) -> dict[str, Any]:
    """The same of a run without one."""
    return {
        "epochs_completed": history.epochs_completed,
        "train_seconds": history.seconds or None,
        "preparing": history.waiting_for,
    }


def summarise(
    folder: RunFolder, status: Status | None = None, history: History | None = None
) -> RunSummary:
    """The summary of a preset's run in any state.

    `history` spares reading the log of one that goes on.

    Raises:
        RunError: the run's folder is gone or its spec.json damaged, or it is of a script.
    """
    spec = folder.spec
    settings = spec.training
    status = status or folder.status()
    ending = last_ending(folder.events_file) if not status.alive else None
    if ending:
        epochs = whole_epochs(folder.events_file)
        results = _ended(ending) | _by_epoch(epochs, ending.epochs_completed)
    else:
        results = results_so_far(history or folder.history())
    if results.get("parameters") is None:
        results["parameters"] = analyse(spec.architecture).parameters
    # Of these what has the name of a field.
    facts = vars(spec) | vars(settings) | vars(settings.optimizer) | _facts_of(folder) | results
    facts |= {
        "status": status,
        "optimizer": settings.optimizer.kind,
        "optimizer_text": optimizer_text(settings.optimizer),
        "schedule": settings.schedule.kind,
        "dataset": spec.dataset.name,
        "train_limit": spec.dataset.train_limit,
        "settings_key": spec.settings_key,
    }
    return RunSummary.model_validate(facts)


def damaged(run_id: str) -> RunSummary:
    """What filters can say of a run that cannot be read: its id and that it is damaged."""
    fields = RunSummary.model_fields.items()
    nothing: dict[str, Any] = {
        name: "" if field.annotation is str else None for name, field in fields
    }
    nothing |= {
        "run_id": run_id,
        "status": Status.DAMAGED,
        "diverged": False,
        "tags": (),
        "epoch_test_accuracies": (),
    }
    return RunSummary.model_construct(**nothing)


def labels_of(folder: RunFolder) -> dict[str, Any]:
    """The run's tags and note, as fields of its summary."""
    read = folder.labels_stamp  # first: a change meanwhile is noticed later
    labels = folder.labels
    return {"tags": labels.tags, "note": labels.note, "labels_stamp": read}


def collapsed_to(ending: Finished, dataset: str) -> int | None:
    """The class that a trained network answers to every test image; None where to none.

    By the confusion matrix, and where none was kept by the accuracy on MNIST.
    """
    if ending.confusion:
        return only_answer(ending.confusion)
    return _by_accuracy(
        {"dataset": dataset, "status": Status.FINISHED, "test_accuracy": ending.test_accuracy}
    )


def _by_accuracy(facts: dict[str, Any]) -> int | None:
    """The same from what an entry of an earlier version says."""
    accuracy = facts.get("test_accuracy")
    finished = facts.get("status") is Status.FINISHED
    if not finished or facts.get("dataset") != "mnist" or accuracy is None:
        return None
    return constant_answer(accuracy)


def _by_epoch(epochs: Sequence[Epoch], completed: int) -> dict[str, Any]:
    """What epochs 1 to `completed` tell one by one; no accuracies where one of them is missing."""
    told = [epoch for epoch in epochs if epoch.epoch <= completed]
    whole = [epoch.epoch for epoch in told] == list(range(1, completed + 1))
    values = tuple(round(epoch.test_accuracy, 6) for epoch in told)
    told_all = whole and completed <= MOST_EPOCHS and all(map(math.isfinite, values))
    first = next((epoch for epoch in told if epoch.test_accuracy >= GOAL), None) if whole else None
    return {
        "epoch_test_accuracies": values if told_all else (),
        "seconds_to_99": first.seconds if first else None,
        "cold_seconds_to_99": first.cold_seconds if first else None,
    }


def results_so_far(history: History) -> dict[str, Any]:
    """The results of a run without an ending, as fields of its summary."""
    by_epoch = _by_epoch(history.epochs, history.epochs_completed)
    return history.results | _so_far(history) | by_epoch


@dataclass(frozen=True)
class Difference:
    """What differs between runs: settings, then results, each by its name."""

    run_ids: tuple[str, ...]
    settings: dict[str, Values]
    results: dict[str, Values]


def difference(folders: Sequence[RunFolder]) -> Difference:
    """Compare runs; what they share is left out.

    Raises:
        RunError: a run's folder is gone or damaged.
    """
    summaries = [summary_of(folder) for folder in folders]
    results: list[dict[str, Setting]] = []
    for summary in summaries:
        found: dict[str, Setting] = {"state": summary.state.word, "seconds": summary.train_seconds}
        if isinstance(summary, RunSummary):
            found |= {name: getattr(summary, name) for name in EVALUATED}
        else:
            found |= summary.metrics
        results.append(found)
    return Difference(
        tuple(folder.run_id for folder in folders),
        _differing([settings_of(folder.record) for folder in folders]),
        _differing(results),
    )


def settings_of(record: RunRecord) -> dict[str, Setting]:
    """All that a run was started with, by name: what decides its result, then where it ran."""
    found: dict[str, Setting]
    if isinstance(record, ScriptRecord):
        script = record.script
        found = {"name": script.name, "command": shlex.join(script.command), **script.config}
        found |= {"framework": script.framework, **script.versions}
        environment = record.environment.model_dump(exclude={"tensorflow", "keras", "numpy"})
    else:
        spec = record.spec
        layers = enumerate(spec.architecture.layers, 1)
        found = {f"layer {number}": layer.words() for number, layer in layers}
        rest = spec.model_dump(mode="json", exclude={"architecture", "title", "training"})
        found |= flat_settings({**spec.training.model_dump(mode="json"), **rest})
        environment = record.environment.model_dump()
    return found | flat_settings(environment)


def _differing(runs: Sequence[dict[str, Setting]]) -> dict[str, Values]:
    names = dict.fromkeys(name for run in runs for name in run)
    rows = {name: tuple(run.get(name) for run in runs) for name in names}
    return {name: values for name, values in rows.items() if len(set(map(repr, values))) > 1}


def ending_words(summary: AnySummary, apart: float | None = None) -> str:
    """`nn-1 finished: 95.25 %, paper +0.11`, or how else it ended.

    `apart` is how far its accuracy lies from the paper's, in percentage points.
    """
    head = f"{summary.name} {summary.state.word}"
    match summary.state:
        case Status.FINISHED:
            beside = "" if apart is None else f", paper {points(apart)}"
            return f"{head}: {summary.result}{beside}" if summary.result else head
        case Status.COLLAPSED:
            return f"{head}: {summary.result}, one class for every image"
        case Status.DIVERGED | Status.FAILED if summary.message:
            return f"{head}: {summary.message}"
    known = summary.epochs > 0  # a script need not tell how many
    return (
        f"{head} after {epochs_done(summary.epochs_completed, summary.epochs)}" if known else head
    )


def tell_command(words: str) -> None:
    """Run the user's own command, where one is set, with these words as its last.

    It runs in a session of its own and is not waited for: a run's end does not depend on it.

    Raises:
        EnvironmentProblem: it cannot be run.
    """
    command = Config()["notify"]
    if command in NO_COMMAND:
        return
    try:
        subprocess.Popen(
            [*command, words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(
            f"notify: {command[0]} cannot be run ({error}); `mnist-workbench config notify` "
            "shows what is set"
        ) from error


def tell_of_script(folder: RunFolder) -> None:
    """Tell the user's command of a script's end; nothing of it may end the script."""
    with suppress(UserError, OSError):
        tell_command(ending_words(summary_of(folder)))
