"""`LiveCallback`: a `fit` of the user's own as a run, on any backend of Keras 3.

It uses the logs that Keras gives to every callback, and nothing of the backend.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any, Self

import keras

from workbench.files import replacing, write_file
from workbench.runs.logger import Run, harmless, start

EVALUATION = "evaluate/"  # before the names of what `evaluate` measured


class LiveCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Makes a run of the `fit` that it is given to: live curves, stop and pause from anywhere.

    Arguments as for `workbench.start`; with `save_model` the trained model is kept with the run.
    A second `fit` with the same callback goes on with the run. In a `with` block the run ends as
    failed as soon as an exception leaves it, without one when the program ends.

    Raises:
        RunError: a tag or note that cannot be, when `fit` begins.
    """

    def __init__(
        self,
        name: str = "",
        *,
        config: Mapping[str, Any] | object = None,
        tags: Iterable[str] = (),
        note: str = "",
        save_model: bool = False,
    ) -> None:
        super().__init__()
        self._facts: dict[str, Any] = {"name": name, "config": config, "tags": tags, "note": note}
        self._save_model = save_model
        self.run: Run | None = None  # once `fit` or `evaluate` has begun
        self._fitting = self._first_epoch = self._cut_short = False
        self._fits = 0
        self._steps_before = 0  # of earlier epochs
        self._batches = 0  # of this epoch that are done
        self._looked_at = 0  # of these, when the logs were last looked at
        self._logs: Mapping[str, Any] = {}  # as they were then
        self._within: dict[str, Any] = {}  # those that are told within an epoch
        self._means: frozenset[str] = frozenset()  # logs that are running means over the epoch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self.run is not None:
            self.run.finish(error)

    def give_up(self, error: Exception) -> None:
        if self.run is not None:
            self.run.give_up(error)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Make the run, or take it up again."""
        self._fitting = self._first_epoch = True
        if self.run is None:
            epochs, steps = self._planned("epochs"), self._planned("steps")
            self.run = start(**self._facts, epochs=epochs, steps_per_epoch=steps)
        self.run.go_on()
        self._fits += 1
        called_by = _callback_list()
        if called_by is not None:
            # At the end of the program its error is known, and says more.
            weakref.finalize(called_by, self._left, self._fits).atexit = False

    def _left(self, fit: int) -> None:
        """Keras's list of callbacks is gone, and with it the `fit` that had made it."""
        if self._fitting and self.run is not None and fit == self._fits:
            self._fitting = False
            self.run.finish(RuntimeError("an exception left fit, and the program caught it"))

    @harmless
    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras's running means begin anew."""
        run = self.run
        if run is None:
            return
        if self._first_epoch:
            self._first_epoch = False
            if epoch and not run.step:  # begun elsewhere: `initial_epoch`
                run.advance(epoch * self._planned("steps"), {}, epoch)
            epochs = run.epochs_done + self._planned("epochs") - epoch
            run.tell_plan(epochs, self._planned("steps"), self._describe(run))
            self._means = _means(self.model)
        self._steps_before, self._batches = run.step, 0
        self._looked_at, self._logs, self._cut_short = 0, {}, False

    @harmless
    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the stretch since the last point, now and then; hold a pause, pass a stop on."""
        run = self.run
        if run is None:
            return
        self._batches = batch + 1  # the last one of an execution of several steps
        if run.due:
            self._within.update(logs or {})
            self._point(run, logs or {})
        if run.should_stop and not self._cut_short:
            self._cut_short = self._batches != self._planned("steps")
            self.model.stop_training = True

    @harmless
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the rest of the epoch, and its own values with those of the validation data."""
        run, logs = self.run, logs or {}
        if run is None:
            return
        self._point(run, {name: logs[name] for name in self._within if name in logs})
        if self._cut_short:  # no whole epoch
            others = {name: value for name, value in logs.items() if name not in self._within}
            run.advance(run.step, others)
        else:
            run.end_epoch(**logs)
        if run.should_stop:
            self.model.stop_training = True

    @harmless
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Keep the model where that was asked for, and end the run."""
        run, self._fitting = self.run, False
        if run is None or run.folder is None:
            return
        self._describe(run)  # one that is built by its first batch
        if self._save_model:
            with replacing(run.folder / "model.keras", ending=".keras") as path:
                self.model.save(path)
        if not run.joined:
            run.finish()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """An `evaluate` of its own is recorded too, also without a `fit` before it."""
        if not self._fitting and self.run is None:
            self.run = start(**self._facts)

    @harmless
    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """The results of `evaluate`; those of `fit`'s validation come with its epochs."""
        run = self.run
        if self._fitting or run is None:
            return
        run.go_on()
        found = {f"{EVALUATION}{name}": value for name, value in (logs or {}).items()}
        run.advance(run.step, found)
        if not run.joined:
            run.finish()

    def _planned(self, name: str) -> int:
        """What `fit` says of its `epochs` or `steps`; 0 where it does not know."""
        return int((self.params or {}).get(name) or 0)

    def _point(self, run: Run, logs: Mapping[str, Any]) -> None:
        """What the batches since the last look have by themselves.

        The mean of a stretch is (n₂·m₂ − n₁·m₁) / (n₂ − n₁), of the running means m after n.
        """
        now, before = self._batches, self._looked_at
        if now == before:
            return
        values = {}
        for name, value in logs.items():
            if name in self._logs and _is_mean(name, self._means):
                value = (now * value - before * self._logs[name]) / (now - before)
            values[name] = value
        self._looked_at, self._logs = now, dict(logs)
        run.advance(self._steps_before + now, values)

    def _describe(self, run: Run) -> int:
        """Keep the architecture and its summary with the run; the number of parameters."""
        if run.folder is None or not self.model.built:
            return 0
        with suppress(Exception):  # a model of the user's own class may tell neither
            lines: list[str] = []
            self.model.summary(print_fn=lines.append, line_length=100)
            write_file(run.folder / "summary.txt", "\n".join(lines) + "\n")
            write_file(run.folder / "model.json", self.model.to_json())
        return int(self.model.count_params())


def _callback_list() -> Any:
    """Keras's list of the callbacks of the `fit` that calls just now; None where it is none."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name == "on_train_begin":
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList):
            return owner
        frame = frame.f_back
    return None


def _means(model: Any) -> frozenset[str]:
    """The names of a model's metrics that are means over the epoch; others count it as a whole."""
    found, left = set(), list(model.metrics)
    while left:
        metric = left.pop()
        left += getattr(metric, "metrics", None) or []
        if isinstance(metric, keras.metrics.Mean):
            found.add(metric.name)
    return frozenset(found)


def _is_mean(name: str, means: frozenset[str]) -> bool:
    """Whether a log is of such a metric; of several outputs, each has its name before it."""
    return name in means or any(name.endswith(f"_{mean}") for mean in means)
