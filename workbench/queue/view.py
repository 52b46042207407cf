"""The queue as people look at it: how far each trial is, how long all will take, in words."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import RunError
from workbench.files import stamp
from workbench.formats import count, moment, rough_duration
from workbench.leaderboard.store import Leaderboard
from workbench.queue.planning import TrialPlan, results, resumable_runs
from workbench.queue.store import (
    LOCAL,
    Engine,
    Identity,
    QueueState,
    QueueStore,
    SearchEntry,
    Trial,
    identity,
)
from workbench.runs.estimate import (
    FEWEST_STEPS,
    Expected,
    Speed,
    expected_training,
    known_speeds,
)
from workbench.runs.folder import RunFolder
from workbench.runs.status import Role, Status
from workbench.runs.summary import RunSummary
from workbench.runs.watchlist import WatchedRun
from workbench.settings import Home

# Of a longer queue a command lists the last that are done and the next that wait.
MOST_LISTED, LAST_DONE, NEXT_WAITING = 24, 5, 8
# Endings that are counted in a headline, in this order.
TROUBLES = (
    Status.FAILED,
    Status.DIVERGED,
    Status.COLLAPSED,
    Status.CRASHED,
    Status.STOPPED,
    Status.KILLED,
)


@dataclass(frozen=True)
class TrialView:
    """One trial and what its run says. `seconds_left` is None where nothing is known yet.

    `guessed`: nothing like it has been timed here, so that `seconds_left` is rough. `lost`: it
    was training when the queue's process went, and nobody trains it now; what its run has come to.
    """

    trial: Trial
    run: WatchedRun | None = None  # while it trains
    result: RunSummary | None = None  # once it has ended
    seconds_left: float | None = None
    lost: Status | None = None
    guessed: bool = False

    @property
    def state(self) -> Status:
        """What it is doing, or how it came out, alike in commands and on the screen."""
        if self.lost is not None:
            return self.lost
        state = self.trial.state
        if state is Status.RUNNING and self.run is not None and self.run.summary is not None:
            return self.run.state
        if self.result is not None and self.result.state is Status.COLLAPSED:
            return Status.COLLAPSED
        return state

    @property
    def named(self) -> str:
        """What it is for and what is trained: `Table 7.4: CNN model 2, SGD 0.002, …`."""
        trial = self.trial
        return f"{trial.label}: {trial.text}" if trial.label else trial.text

    @property
    def fault(self) -> str:
        """Why it came to no result; empty where it did, or may still."""
        match self.trial.state:
            case Status.FAILED:
                return f"failed: {self.trial.message}"
            case Status.DIVERGED:
                return self.trial.message or Status.DIVERGED.word
        return ""

    @property
    def progress(self) -> float:
        """The share of its training that is done, from 0 to 1."""
        if self.trial.state.settled:
            return 1.0
        return self.run.progress if self.run is not None else 0.0

    @property
    def estimate_text(self) -> str:
        """`8 min`, `~8 min` where that is rough; empty where nothing is known or left."""
        left = self.seconds_left
        return Expected(left, self.guessed).text if left else ""

    @property
    def paced(self) -> bool:
        """Whether it trains and its own pace tells what is left."""
        return self.run is not None and self.run.seconds_left is not None

    @property
    def accuracy(self) -> float | None:
        """The final accuracy, or that of the last epoch so far: of validation where untested."""
        if self.result is not None:
            return self.result.accuracy
        summary = self.run.summary if self.run is not None else None
        return summary.accuracy if isinstance(summary, RunSummary) else None

    @property
    def of_validation(self) -> bool:
        """Whether that accuracy is of the validation images, not of the test's."""
        tested = self.result is not None and self.result.test_accuracy is not None
        return self.trial.spec.dataset.validation is not None and not tested

    def to_json(self) -> dict[str, Any]:
        """The trial as plain data; accuracies are fractions, times seconds."""
        trial, spec = self.trial, self.trial.spec
        return {
            "id": trial.id,
            "state": (self.lost or trial.state).value,
            "label": trial.label,
            "by": trial.by,
            "preset": spec.preset,
            "title": spec.title,
            "seed": spec.seed,
            "precision": spec.precision,
            "settings_key": spec.settings_key,
            "run_id": trial.run_id,
            "progress": round(self.progress, 4),
            "test_accuracy": None if self.of_validation else self.accuracy,
            "validation_accuracy": self.accuracy if self.of_validation else None,
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
            "message": trial.message,
        }


@dataclass(frozen=True)
class QueueView:
    """The whole queue.

    `running`: a runner works it off; `notice`: what was lost before it. `orphans` are the runs
    that train on though the runner was killed in the midst; None where it was not. `ended_at`:
    when the last of those that have ended did, in seconds since 1970, while nothing trains.
    """

    running: bool
    stopping: bool
    jobs: int
    message: str
    trials: tuple[TrialView, ...]
    notice: str = ""
    orphans: tuple[str, ...] | None = None
    ended_at: float | None = None
    searches: tuple[SearchEntry, ...] = ()
    to_come: tuple[float | None, ...] = ()  # seconds of each trial that searches will make at most
    engine: Engine = LOCAL

    @property
    def ended(self) -> int:
        """Trials that came to an end, whatever it was."""
        return sum(not view.trial.state.pending for view in self.trials)

    @property
    def unfinished(self) -> bool:
        """Whether anything is left to train, or may be."""
        return bool(self.pending) or any(entry.state.pending for entry in self.searches)

    @property
    def rows(self) -> tuple[SearchEntry | TrialView, ...]:
        """What lists show: the searches, then all trials."""
        return (*self.searches, *self.trials)

    def share(self, entry: SearchEntry) -> float:
        """How much of a search is done, by its trials, from 0 to 1."""
        own = [view for view in self.trials if view.trial.search == entry.id]
        ended = sum(not view.trial.state.pending for view in own)
        return ended / max(1, len(own) + entry.to_come)

    @property
    def left(self) -> int:
        """How many trainings are left, at most."""
        return len(self.pending) + len(self.to_come)

    @property
    def pending(self) -> tuple[TrialView, ...]:
        """Trials that train or wait."""
        return tuple(view for view in self.trials if view.trial.state.pending)

    @property
    def training(self) -> tuple[TrialView, ...]:
        return tuple(
            view for view in self.trials if view.trial.state is Status.RUNNING and view.lost is None
        )

    @property
    def seconds_left(self) -> float | None:
        """How long what is pending should take, as far as it is known; None: nothing is."""
        paced = [view.seconds_left for view in self.pending if view.paced and view.seconds_left]
        rest = [
            view.seconds_left for view in self.pending if not (view.paced and view.seconds_left)
        ]
        return seconds_for_all(paced, [*rest, *self.to_come])

    @property
    def unknown(self) -> int:
        """Trials to be trained for which no earlier run tells a time."""
        return [*(view.seconds_left for view in self.pending), *self.to_come].count(None)

    @property
    def guessed(self) -> int:
        """Pending trials whose time is rough."""
        return sum(view.guessed for view in self.pending)

    def place(self, trial_id: str) -> tuple[int, float | None]:
        """A waiting trial's place among the waiting, from 1, and the seconds until it begins.

        0 where it does not wait; None where the queue does not run or a time is not known.
        """
        ids = [view.trial.id for view in self.pending if view.trial.state is Status.WAITING]
        if trial_id not in ids:
            return 0, None
        place = ids.index(trial_id)
        before = self.only([*ids[:place], *(view.trial.id for view in self.training)])
        known = self.running and not before.unknown
        return place + 1, before.seconds_left if known else None

    def in_brief(self) -> tuple[QueueView, int, int]:
        """A long queue with what one asks about first, and how many that are done and that wait
        are left out: what trains, is next, ended last, or came to no result stays.
        """
        if len(self.trials) <= MOST_LISTED:
            return self, 0, 0
        trials = [view.trial for view in self.trials]
        done = [trial.id for trial in trials if trial.state.settled][:-LAST_DONE]
        waiting = [trial.id for trial in trials if trial.state is Status.WAITING][NEXT_WAITING:]
        shown = {trial.id for trial in trials}.difference(done, waiting)
        return self.only(shown), len(done), len(waiting)

    @property
    def lost(self) -> bool:
        """Whether the runner was killed in the midst: nobody told it to stop."""
        return self.orphans is not None

    def only(self, trial_ids: Iterable[str]) -> QueueView:
        """The queue with some of its trials alone."""
        wanted = set(trial_ids)
        trials = tuple(view for view in self.trials if view.trial.id in wanted)
        return replace(self, trials=trials, searches=(), to_come=())

    def of_search(self, search_id: str) -> QueueView:
        trials = tuple(view for view in self.trials if view.trial.search == search_id)
        searches = tuple(entry for entry in self.searches if entry.id == search_id)
        return replace(self, trials=trials, searches=searches)

    def to_json(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "stopping": self.stopping,
            "jobs": self.jobs,
            "executor": self.engine.executor,
            "ray": None if self.engine.is_local else self.engine.model_dump(exclude={"executor"}),
            "message": self.message,
            "notice": self.notice,
            "trials_ended": self.ended,
            "trials": [view.to_json() for view in self.trials],
            "searches": [entry.model_dump(mode="json") for entry in self.searches],
            "seconds_left": self.seconds_left,
            "trials_without_estimate": self.unknown,
        }


def view_of(
    state: QueueState,
    *,
    running: bool,
    living: Mapping[str, WatchedRun],
    results: Mapping[Identity, RunSummary],
    estimate: Callable[[Trial], Expected | None],
    fate: Callable[[Trial], Status] = lambda trial: Status.CRASHED,
) -> QueueView:
    """Put the queue, the living runs (by run id), the results and the estimates together.

    A run that ended while no runner lived has its result, though its trial says it trains; `fate`
    tells what became of one without a result.
    """
    views = []
    for trial in state.trials:
        run = living.get(trial.run_id) if trial.run_id else None
        lost = trial.state is Status.RUNNING and run is None and not running
        result = results.get(trial.identity) if lost or not trial.state.pending else None
        if lost and result is not None:
            ended = Status.DIVERGED if result.diverged else Status.FINISHED
            trial = trial.model_copy(update={"state": ended, "message": result.message})
            lost = False
        seconds: float | None = 0.0
        guessed = False
        if trial.state.pending:
            left = run.seconds_left if run is not None else None
            found = Expected(left) if left is not None else estimate(trial)
            seconds = found.seconds if found else None
            guessed = found is not None and found.rough
        views.append(TrialView(trial, run, result, seconds, fate(trial) if lost else None, guessed))
    unfinished = bool(state.searching) or any(view.trial.state.pending for view in views)
    lost = not running and any(view.trial.state is Status.RUNNING for view in views)
    return QueueView(
        running=running,
        stopping=state.stopping,
        # A queue that has come to its end says nothing about how many train at once in the next.
        jobs=state.jobs if running or unfinished else 1,
        message=state.message,
        trials=tuple(views),
        notice=state.notice,
        orphans=tuple(view.run.run_id for view in views if view.run) if lost else None,
        searches=tuple(state.searches),
        engine=state.engine or LOCAL,
    )


class QueueWatch:
    """Keeps what was read of a home's queue, results and speeds between two looks."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._store = QueueStore(home)
        self._seen: object = ()
        self._board_seen: object = ()
        self._state = QueueState()
        self._entries: Sequence[RunSummary] = ()
        self._results: Mapping[Identity, RunSummary] = {}
        self._speeds: Sequence[Speed] = ()
        self._begun: Mapping[Identity, Sequence[RunSummary]] = {}  # of trials that wait
        self._living: Mapping[str, WatchedRun] = {}
        # Living runs that tell a speed, and which of them have trained an epoch.
        self._timed: set[tuple[str, bool]] = set()
        self._ended_at: float | None = None
        # Seconds by trial id and whole epochs that are done.
        self._estimates: dict[tuple[str, int], Expected | None] = {}

    def look(self, living: Mapping[str, WatchedRun]) -> QueueView:
        """The queue now. `living` are the runs that train, by run id.

        Raises:
            UserError: the queue's file is damaged or cannot be read.
        """
        self._living = living
        # The lock first: a runner writes what became of the last trial before it lets go.
        running = self._store.runs()
        version = self._store.version()
        changed = version != self._seen
        if changed:
            self._state, self._seen = self._store.read(), version
        board = Leaderboard(self._home)
        timed = {
            (run.run_id, bool(run.summary and run.summary.epochs_completed))
            for run in living.values()
            if run.step > FEWEST_STEPS and run.seconds_left is not None
        }
        told = bool(timed - self._timed)
        if board.version() != self._board_seen:
            changed = told = True
            self._board_seen = board.version()
            self._entries = board.entries()
            self._results = results(self._entries)
        if told:
            self._speeds = known_speeds(self._home)
            self._estimates.clear()
        self._timed = timed
        if changed:
            self._ended_at = self._last_ending()
            waiting = {trial.identity for trial in self._state.waiting}
            self._begun = resumable_runs(self._home, self._entries, waiting)
        view = view_of(
            self._state,
            running=running,
            living=living,
            results=self._results,
            estimate=self._estimate,
            fate=self._fate,
        )
        if self._state.searching:
            view = replace(view, to_come=self._to_come())
        return view if running else replace(view, ended_at=self._ended_at)

    def _to_come(self) -> tuple[float | None, ...]:
        """How long each trial may take that a search has not made yet: as long as its last one."""
        times: list[float | None] = []
        for entry in self._state.searching:
            made = [trial.spec for trial in self._state.trials if trial.search == entry.id]
            found = expected_training(made[-1], self._speeds) if made else None
            times += [found.seconds if found else None] * entry.to_come
        return tuple(times)

    def _fate(self, trial: Trial) -> Status:
        """What became of a run that nobody trains any more."""
        folder = RunFolder(self._home.runs / (trial.run_id or ""))
        try:
            status = folder.status() if trial.run_id else Status.CRASHED
        except RunError:  # one log that cannot be read hides no other trial
            return Status.CRASHED
        return status if status.resumable else Status.CRASHED

    def _estimate(self, trial: Trial) -> Expected | None:
        done = self._epochs_done(trial)
        key = trial.id, done
        if key not in self._estimates:
            self._estimates[key] = expected_training(trial.spec, self._speeds, done)
        return self._estimates[key]

    def _last_ending(self) -> float | None:
        """When the last line was written in the logs of those that have ended."""
        runs = [trial.run_id for trial in self._state.trials if not trial.state.pending]
        stamps = [stamp(RunFolder(self._home.runs / run).events_file) for run in runs if run]
        return max((found[1] / 1e9 for found in stamps if found), default=None)

    def _epochs_done(self, trial: Trial) -> int:
        """Whole epochs that its run has behind it, or that it will go on from."""
        living = self._living.get(trial.run_id) if trial.run_id else None
        if living is not None:
            return living.summary.epochs_completed if living.summary else 0
        runs = self._begun.get(trial.identity, ())
        own = [run.epochs_completed for run in runs if run.run_id == trial.run_id]
        return next(iter([*own, *(run.epochs_completed for run in runs)]), 0)


def plan_sentence(found: TrialPlan, speeds: Sequence[Speed]) -> str:
    """`12 trained already, 8 new; 8 to train: about 25 min, until 16:40.`"""
    parts = []
    if found.present:
        diverged = sum(summary.diverged for _, summary in found.present)
        aside = f" ({diverged} diverged)" if diverged else ""
        parts.append(f"{len(found.present)} trained already{aside}")
    if found.queued:
        parts.append(f"{len(found.queued)} in the queue already")
    if not found.to_train:
        return f"{', '.join(parts)}: nothing to train."
    if found.new:
        parts.append(f"{len(found.new)} new")
    specs = [item.spec for item in found.new] + [item.spec for item, _ in found.queued]
    done = found.epochs_done
    times = [expected_training(spec, speeds, done.get(identity(spec), 0)) for spec in specs]
    seconds = seconds_for_all([], [time.seconds if time else None for time in times])
    unknown, rough = times.count(None), sum(time.rough for time in times if time)
    left = time_words(seconds, unknown, rough, until=not found.ahead)
    if found.ahead:
        left += f", after {found.ahead} queued earlier"
    return f"{', '.join(parts)}; {found.to_train} to train: {left}."


def seconds_for_all(training: Sequence[float], rest: Iterable[float | None]) -> float | None:
    """How long all of it takes here, as far as it is known; None: nothing is.

    `training` are the times left of what trains, each at its present pace: they share the cores
    and go on side by side. `rest` are times with all cores, however many jobs will share them.
    """
    known = [seconds / len(training) for seconds in training]
    others = list(rest)
    known += [seconds for seconds in others if seconds is not None]
    return sum(known) if known or not others else None


def headline(view: QueueView, start: str) -> tuple[str, Role]:
    """How the queue stands in a sentence, and the role of its colour; empty where it is.

    `start` is what lets it run: a key, or a command.
    """
    if view.notice:
        return view.notice, "warning"
    count_all, left = len(view.trials) + len(view.to_come), view.left
    if not count_all:
        return "", ""
    done = f"{view.ended} of {count_all} done"
    states = Counter(item.state for item in view.trials)
    troubles = [f"{states[state]} {state.word}" for state in TROUBLES if states[state]]
    # A runner that was killed leaves its last word in the file: only a living one means it.
    if view.running and view.stopping:
        return f"stopping: saving what trains · {done}", "warning"
    if view.running and view.message:
        return f"waiting: {view.message} · {done}", "warning"
    if view.running and left:
        jobs = [f"{view.jobs} at once"] if view.jobs > 1 else []
        jobs += [] if view.engine.is_local else [f"on {view.engine.words}"]
        return " · ".join([done, time_left(view, left=True), *jobs, *troubles]), ""
    if left:
        time = time_left(view)
        if not any(item.trial.run_id for item in view.trials):
            return f"not started, {left} to train; {start} starts · {time}", ""
        to_train = f"{left} of {count_all} to train" if view.ended else f"{left} to train"
        word = process_lost(view) if view.lost else f"stopped{_at(view)}"
        words = f"{word}, {to_train}; {start} resumes · {time}"
        return " · ".join([words, *troubles]), "warning"
    if not troubles:
        return ("done" if count_all == 1 else f"all {count_all} done") + _at(view), "good"
    hint = [f"{start} tries again"] if any(v.trial.state.resumable for v in view.trials) else []
    return " · ".join([f"all {count_all} ended{_at(view)}", *troubles, *hint]), "warning"


def _at(view: QueueView) -> str:
    return f" at {moment(view.ended_at)}" if view.ended_at is not None else ""


def time_left(view: QueueView, *, left: bool = False) -> str:
    """`about 38 min, until 16:42`, or why it is not known."""
    if not view.unfinished:
        return "nothing left to train"
    return time_words(view.seconds_left, view.unknown, view.guessed, left=left)


def short_time_left(view: QueueView) -> str:
    """`about 38 min left`; empty where nothing is known of it or nothing is left."""
    if not view.unfinished or view.seconds_left is None:
        return ""
    return f"{_at_least(view.unknown)} {rough_duration(view.seconds_left)} left"


def time_words(
    seconds: float | None,
    unknown: int,
    guessed: int = 0,
    *,
    left: bool = False,
    until: bool = True,
) -> str:
    """A time to go, and for how many trials there is no telling, or only roughly.

    `left`: it is running down; `until`: it runs from now on.
    """
    if seconds is None:
        return "how long is not known yet"
    words = f"{_at_least(unknown)} {rough_duration(seconds)}{' left' if left else ''}"
    if unknown:
        return f"{words} ({count(unknown, 'trial')} of unknown length)"
    if until:  # known only if each trial's time is
        words += f", until {moment(time.time() + seconds)}"
    return f"{words} (rough: {guessed} of a kind new here)" if guessed else words


def process_lost(view: QueueView) -> str:
    """What is to be said of a queue whose process was killed: what trains on without it."""
    words, runs = "the queue's process is gone", view.orphans or ()
    match runs:
        case ():
            return words
        case (one,):
            return f"{words}; run {one} trains on"
    return f"{words}; runs {', '.join(runs)} train on"


def _at_least(unknown: int) -> str:
    return "at least" if unknown else "about"
