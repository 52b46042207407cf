"""The source of a search's trials: an Optuna study that is asked and told. Only here is Optuna.

The study's journal is the truth: which values were drawn, what each epoch gave, how each trial
ended. The queue's trials are what is being done about it. Whatever a kill cuts off is made good by
comparing the two, so that nothing is trained twice and no value is lost. Each trial's suggestion
depends on the study and its number alone: a search that was cut off draws what it would have drawn.
"""

from __future__ import annotations

import math
import time
import warnings
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from workbench.errors import EnvironmentProblem, PresetError, RunError, UserError, refused
from workbench.formats import count, percent
from workbench.model.forms import FieldKind
from workbench.model.spec import TrainingSpec
from workbench.queue.search import (
    FEWEST_FOR_IMPORTANCE,
    TAG,
    Search,
    SearchFolder,
    SearchProgress,
    SearchResult,
    SearchTrial,
)
from workbench.queue.space import Parameter, values_text
from workbench.queue.store import Trial, identity
from workbench.runs.events import Epoch
from workbench.runs.folder import RunFolder
from workbench.runs.log import EventReader
from workbench.runs.plan import require_memory
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home

# What Optuna raises over a journal that is none of its own, or not any more.
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
OUTCOME = "outcome"  # how a trial came out, in the study: Optuna knows fewer states than there are
RUN = "run"
BEST_SHARE = 0.25  # of the trials: what they have in common is important
PROGRESS_SECONDS = 1.0  # between two writings while only epochs come

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # Wilcoxon's pruner


def distribution(item: Parameter) -> optuna.distributions.BaseDistribution:
    """What Optuna draws a parameter from."""
    kinds = optuna.distributions
    if item.choices:
        return kinds.CategoricalDistribution(item.choices)
    if item.field.kind is FieldKind.NUMBER:
        return kinds.FloatDistribution(item.low, item.high, log=item.log)
    return kinds.IntDistribution(int(item.low), int(item.high), log=item.log)


class TrialSource:
    """One search at work. Belongs to the queue's process, of which there is one a home."""

    def __init__(self, home: Home, search_id: str) -> None:
        """Open the study, or begin it.

        Raises:
            UserError: the search's files are gone, damaged, or of another version.
            OSError: the disk refuses the study's journal.
        """
        self._home = home
        self._folder = SearchFolder(home, search_id)
        self._search = self._folder.read()
        self._space = self._search.parameters
        self._distributions = {item.name: distribution(item) for item in self._space}
        self._readers: dict[int, EventReader] = {}
        self._kept: object = ()  # what was written down last, and when
        self._kept_at = -PROGRESS_SECONDS
        self._weighed, self._weights = 0, dict[str, float]()
        _cut_torn_line(self._folder.journal)
        try:
            storage = JournalStorage(JournalFileBackend(str(self._folder.journal)))
            self._study = optuna.create_study(
                study_name=search_id,
                storage=storage,
                direction="maximize",
                sampler=_sampler(self._search, 0),
                pruner=_pruner(self._search),
                load_if_exists=True,
            )
            # What is damaged shows here and not while it trains: all is read that will be.
            self._best()
            self._as_shown({})
            if any(trial.params.keys() - self._distributions.keys() for trial in self._all):
                raise ValueError("draws what is not searched")
        except DAMAGE as error:
            raise RunError(
                f"search {search_id}: its study {self._folder.journal} is damaged "
                f"({type(error).__name__}); move {self._folder.path} away and start it anew"
            ) from error

    def settle(self, trials: Sequence[Trial]) -> bool:
        """Tell the study of this search's trials that have ended, each once; whether any had."""
        going = {asked.number for asked in self._going}
        ended = [t for t in trials if t.number in going and not t.state.pending]
        for trial in ended:
            assert trial.number is not None
            self._tell(trial, trial.number)
        return bool(ended)

    def unwanted(self, trials: Sequence[Trial]) -> list[str]:
        """The runs, of those that train, that the pruner gives up; their new epochs are told."""
        found = []
        for trial in trials:
            number, run_id = trial.number, trial.run_id
            if number is None or run_id is None or trial.state is not Status.RUNNING:
                continue
            told = self._report(number, run_id)
            # After its last epoch there is nothing to spare.
            if told and told < trial.spec.training.epochs and self._asked(number).should_prune():
                found.append(run_id)
        return found

    def next(self, trials: Sequence[Trial], seconds: float) -> Trial | None:
        """The next training to begin; None: wait for those that train, or all is done.

        `seconds` is how long the search has been at work.
        """
        self._search = self._folder.read()  # the budgets may be larger by now
        queued = {trial.number for trial in trials}
        for asked in self._going:
            if asked.number not in queued:  # cut off between the study and the queue
                made = self._made(asked)
                if made is not None:
                    return made
        while self._wants_more(seconds):
            self._study.sampler = _sampler(self._search, len(self._all))
            made = self._made(self._frozen(self._study.ask(self._distributions).number))
            if made is not None:
                return made
        if self._going:
            return None
        known = {trial.identity for trial in trials if trial.number is None}
        for spec in self._final_specs():
            if identity(spec) not in known:
                return self._trial(spec, f"chosen, seed {spec.seed}", None, "chosen")
        return None

    def done(self, trials: Sequence[Trial], seconds: float) -> bool:
        """Whether nothing is left to train; what came of it is then in its folder."""
        if self._wants_more(seconds) or self._going:
            return False
        finals = {trial.identity: trial for trial in trials if trial.number is None}
        wanted = self._final_specs()
        if any(identity(spec) not in finals for spec in wanted):
            return False
        if any(finals[identity(spec)].state.pending for spec in wanted):
            return False
        self._write_result([finals[identity(spec)] for spec in wanted])
        return True

    def words(self, seconds: float) -> str:
        """How far it is: `12 of 40 trials (3 pruned), best 98.12 %`."""
        ended = len(self._all) - len(self._going)
        counts = [f"{n} {what}" for what, n in self._counts().items() if what != "finished"]
        aside = f" ({', '.join(counts)})" if counts else ""
        best = self._best()
        found = f", best {percent(best.value)} of the validation images" if best else ""
        short = len(self._all) < self._trials and not self._wants_more(seconds)
        over = ", time is up" if short else ""
        return f"{ended} of {count(self._trials, 'trial')}{aside}{found}{over}"

    def keep_progress(self, trials: Sequence[Trial], *, now: bool = False) -> None:
        """Write down for screens how far it is, where that is new: seldom, or `now`.

        Raises:
            EnvironmentProblem: the disk is full.
        """
        runs = {trial.number: trial.run_id for trial in trials if trial.number is not None}
        known = tuple(
            (trial.state, len(trial.intermediate_values), runs.get(trial.number))
            for trial in self._all
        )
        soon = time.monotonic() - self._kept_at < PROGRESS_SECONDS
        if known == self._kept or (soon and not now):
            return
        self._kept, self._kept_at = known, time.monotonic()
        progress = SearchProgress(trials=self._as_shown(runs), importance=self._importance())
        self._folder.keep(progress)

    def _as_shown(self, runs: Mapping[int, str | None]) -> tuple[SearchTrial, ...]:
        """All trials as screens show them; `runs` are those of the trials that still train."""
        return tuple(
            SearchTrial(
                number=trial.number,
                values=trial.params,
                outcome=_outcome(trial) if trial.state.is_finished() else "",
                run_id=trial.user_attrs.get(RUN) or runs.get(trial.number),
                accuracy=trial.value if trial.state is TrialState.COMPLETE else None,
                curve=trial.intermediate_values,
            )
            for trial in self._all
        )

    def _importance(self) -> dict[str, float]:
        """The share of each parameter, the greatest first; nothing while too few have ended."""
        whole = sum(trial.state is TrialState.COMPLETE for trial in self._all)
        if whole < FEWEST_FOR_IMPORTANCE:
            return {}
        if whole != self._weighed:
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE)
            with warnings.catch_warnings(action="ignore"):  # all equal: then so are the shares
                found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
            self._weighed, self._weights = whole, dict(found)
        return self._weights

    def to_come(self, trials: Sequence[Trial]) -> int:
        """How many trainings are still to be made, the final ones among them, if time allows."""
        finals = sum(trial.number is None for trial in trials)
        drawn = len(self._all)
        return max(0, self._trials - drawn) + max(0, self._search.seeds - finals)

    @property
    def _trials(self) -> int:
        """How many trials are wanted: of a grid at most all of its combinations."""
        if self._search.sampler != "grid":
            return self._search.trials
        return min(math.prod(len(item.choices) for item in self._space), self._search.trials)

    def _wants_more(self, seconds: float) -> bool:
        timeout = self._search.timeout
        failed = sum(trial.state is TrialState.FAIL for trial in self._all)
        # What failed or was stopped by hand is drawn anew, but not for ever.
        wanted = min(failed, self._trials) + self._trials
        return len(self._all) < wanted and (timeout is None or seconds < timeout)

    @property
    def _all(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    @property
    def _going(self) -> list[FrozenTrial]:
        return [trial for trial in self._all if not trial.state.is_finished()]

    def _made(self, asked: FrozenTrial) -> Trial | None:
        """The training of drawn values; told at once where they make none, or one that was made."""
        try:
            spec = self._search.spec(asked.params)
            require_memory([spec])
        except (PresetError, EnvironmentProblem) as error:
            self._finish(asked.number, TrialState.PRUNED, "impossible", message=str(error))
            return None
        for earlier in self._all:
            same = earlier.number < asked.number and earlier.params == asked.params
            if same and earlier.state.is_finished() and earlier.state is not TrialState.FAIL:
                value = earlier.value if earlier.state is TrialState.COMPLETE else None
                run_id = earlier.user_attrs.get(RUN)
                self._finish(asked.number, earlier.state, "known", run_id=run_id, value=value)
                return None
        return self._trial(spec, values_text(self._space, asked.params), asked.number)

    def _trial(self, spec: TrainingSpec, label: str, number: int | None, *tags: str) -> Trial:
        """A trial for the queue, which gives it its id."""
        search = self._search
        all_tags = dict.fromkeys((TAG, search.id[-40:], *tags, *search.labels.tags))
        return Trial(
            id="new",
            spec=spec,
            label=label,
            by="search",
            labels=search.labels.model_copy(update={"tags": tuple(all_tags)}),
            search=search.id,
            number=number,
        )

    def _tell(self, trial: Trial, number: int) -> None:
        """The study learns how a trial of the queue came out."""
        summary = self._summary(trial.run_id)
        if trial.run_id is not None:
            self._report(number, trial.run_id)
        finished = trial.state.completed or trial.state is Status.PRESENT
        accuracy = summary.validation_accuracy if summary is not None else None
        if finished and accuracy is not None:
            state, outcome = TrialState.COMPLETE, "finished"
        elif trial.state in (Status.PRUNED, Status.DIVERGED):
            # No value, and the sampler learns to stay away.
            state, outcome, accuracy = TrialState.PRUNED, trial.state.value, None
        else:
            state, outcome, accuracy = TrialState.FAIL, trial.state.value, None
        best_epoch = summary.best_epoch if summary is not None else None
        self._finish(
            number, state, outcome, run_id=trial.run_id, value=accuracy, message=trial.message,
            epochs=best_epoch,
        )  # fmt: skip

    def _finish(
        self,
        number: int,
        state: TrialState,
        outcome: str,
        *,
        run_id: str | None = None,
        value: float | None = None,
        message: str = "",
        epochs: int | None = None,
    ) -> None:
        asked = self._asked(number)
        told = {OUTCOME: outcome, RUN: run_id, "message": message, "best_epoch": epochs}
        for name, fact in told.items():
            if fact:
                asked.set_user_attr(name, fact)
        try:
            self._study.tell(asked, value, state=state)
        except RuntimeError:
            # The grid's sampler ends Optuna's own loop with its last trial, and there is none.
            if self._search.sampler != "grid" or not self._frozen(number).state.is_finished():
                raise

    def _report(self, number: int, run_id: str) -> int:
        """Hand the epochs since the last look on to the study; the last of them, 0 for none."""
        folder = RunFolder(self._home.runs / run_id)
        reader = self._readers.setdefault(number, EventReader(folder.events_file))
        known = self._frozen(number).intermediate_values
        epochs = [event for event in reader.read() if isinstance(event, Epoch)]
        fresh = [
            (epoch.epoch, epoch.validation_accuracy)
            for epoch in epochs
            if epoch.epoch not in known and epoch.validation_accuracy is not None
        ]
        for epoch, accuracy in fresh:
            self._asked(number).report(accuracy, epoch)
        return max((epoch for epoch, _ in fresh), default=0)

    def _asked(self, number: int) -> optuna.trial.Trial:
        return optuna.trial.Trial(self._study, self._frozen(number)._trial_id)

    def _frozen(self, number: int) -> FrozenTrial:
        trial: FrozenTrial = self._all[number]
        return trial

    def _summary(self, run_id: str | None) -> RunSummary | None:
        try:
            return summarise(RunFolder(self._home.runs / run_id)) if run_id else None
        except UserError:
            return None

    def _best(self) -> FrozenTrial | None:
        """The trial with the highest validation accuracy, the earliest of equals."""
        whole = [trial for trial in self._all if trial.state is TrialState.COMPLETE]
        return max(whole, key=lambda trial: (trial.value, -trial.number), default=None)

    def _final_specs(self) -> list[TrainingSpec]:
        best = self._best()
        if best is None:
            return []
        epochs = best.user_attrs.get("best_epoch")
        return self._search.final_specs(best.params, epochs)

    def _counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for trial in self._all:
            if trial.state.is_finished():
                outcome = _outcome(trial)
                found[outcome] = found.get(outcome, 0) + 1
        return found

    def _write_result(self, finals: Sequence[Trial]) -> None:
        best = self._best()
        if best is None:
            return
        runs = [trial.run_id for trial in finals if trial.run_id]
        summaries = [self._summary(run_id) for run_id in runs]
        tested = [s.test_accuracy for s in summaries if s is not None]
        self._folder.keep(
            SearchResult(
                values=best.params,
                number=best.number,
                run_id=best.user_attrs.get(RUN),
                validation_accuracy=best.value,
                counts=self._counts(),
                final=self._final_specs()[0],
                final_runs=tuple(runs),
                test_accuracies=tuple(value for value in tested if value is not None),
                importance=self._importance(),
            )
        )


def _outcome(trial: FrozenTrial) -> str:
    """How an ended trial came out, in the study's own words."""
    return str(trial.user_attrs.get(OUTCOME, trial.state.name.lower()))


def _sampler(search: Search, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for a trial: what it draws depends on search, study and number alone."""
    seed = zlib.crc32(f"{search.base.seed}/{number}".encode())
    samplers = optuna.samplers
    match search.sampler:
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "grid":
            values: dict[str, Any] = {item.name: list(item.choices) for item in search.parameters}
            return samplers.GridSampler(values, seed=search.base.seed)  # one order for all
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    # Of those that train beside it, it expects the worst, and draws elsewhere.
    return samplers.TPESampler(seed=seed, constant_liar=True)


def _pruner(search: Search) -> optuna.pruners.BasePruner:
    """The pruner; its steps are epochs, and it compares validation accuracies."""
    pruners = optuna.pruners
    longest = [search.base.training.epochs]
    for item in search.parameters:
        if item.name == "epochs":
            longest = [int(value) for value in item.choices] or [int(item.high)]
    match search.pruner:
        case "median":
            return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
        case "wilcoxon":
            return pruners.WilcoxonPruner(p_threshold=0.1)
        case "none":
            return pruners.NopPruner()
    return pruners.HyperbandPruner(min_resource=1, max_resource=max(longest), reduction_factor=3)


def _cut_torn_line(journal: Path) -> None:
    """Take away half a line that a kill left at the end: the next one would be joined to it.

    Nobody else writes it: a home has one queue's process.
    """
    quiet = suppress(FileNotFoundError)
    with refused(f"{journal}: ", "; fix its access"), quiet, journal.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
