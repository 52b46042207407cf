"""Works the queue off: one detached process a home, which lives while there is something to do.

It holds `queue/runner.lock` for its whole life, hands each trial to a worker, watches run
folders for how they end, and keeps what became of each trial in `queue.json`. Killed, it leaves
its workers training; the next one joins them.

Whatever trains a trial, and wherever: its run has a folder in this home, whose event log tells how
it goes; the folder's lock is held by a process here while it trains; and it looks at the folder's
control file. On a cluster one small local process a run meets that, which has it trained over there
and writes here what it is told (`training/ray_worker.py`).

Trials of a search are made as it goes on, when none waits. How it chooses stands in
`queue/study.py`, whose library is loaded here alone, and only when there is a search.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EnvironmentProblem, RunError, UserError
from workbench.files import Stamp
from workbench.formats import epochs_done
from workbench.model.spec import TrainingSpec
from workbench.queue.planning import entries_of, living_run, results, resumable_runs
from workbench.queue.search import SearchFolder, require_optuna
from workbench.queue.service import fresh_id
from workbench.queue.store import (
    Engine,
    Identity,
    QueueState,
    QueueStore,
    QueueUnreadable,
    SearchEntry,
    Trial,
)
from workbench.runs import control, lock
from workbench.runs.control import Command, request
from workbench.runs.environment import usable_cores
from workbench.runs.events import Batch, Epoch, Failed, Preparing, Started
from workbench.runs.folder import RunFolder, run_to_start
from workbench.runs.log import backwards, last_ending
from workbench.runs.record import Labels
from workbench.runs.sequence import KeptWorker
from workbench.runs.service import LOCAL, take_up, write_stopped
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary, summarise
from workbench.runs.watchlist import Watchlist
from workbench.settings import Home

if TYPE_CHECKING:
    from workbench.queue.study import TrialSource

LOOK_SECONDS = 0.25
# How long to wait before a full disk is tried again.
RETRY_SECONDS = 10.0
# And before another run is looked at again that keeps the cores busy.
BUSY_SECONDS = 1.0


class Runner:
    """One pass over the queue, until nothing is left or a stop is asked for."""

    def __init__(self, home: Home, executor: WorkersExecutor, lock_descriptor: int) -> None:
        self._home = home
        self._store = QueueStore(home)
        self._executor = executor
        self._lock = lock_descriptor
        self._jobs: dict[str, LocalJob] = {}  # by trial id
        self._ended: dict[str, Trial] = {}  # not yet written: the disk may be full for a while
        self._told: set[str] = set()  # jobs that were asked to stop, with the whole queue
        self._asked_to_stop = False
        self._not_before = 0.0
        self._seen: Stamp | None = None
        self._state = QueueState()
        self._searches = Searches(home, self._store)
        self._runs = Watchlist(home)

    def ask_to_stop(self) -> None:
        """Stop as if a person had asked for it; may be called from a signal handler."""
        self._asked_to_stop = True

    def run(self) -> None:
        """Work until the queue is empty or stopped; the lock is released within."""
        while True:
            try:
                if self._step():
                    return
            except QueueUnreadable as error:
                # What trains goes on by itself and lands on the leaderboard.
                print(f"mnist-workbench: {error}", file=sys.stderr, flush=True)
                return
            except EnvironmentProblem as error:
                self._hold(str(error))
            time.sleep(LOOK_SECONDS)

    def _step(self) -> bool:
        """One look; True when there is nothing left to do and the lock has been let go."""
        self._look()
        self._settle()
        self._searches.look(self._state)
        if self._asked_to_stop:
            with self._store.change() as state:
                state.stopping = True
            self._asked_to_stop = False
            self._look()
        if self._state.stopping:
            self._stop_all()
        elif time.monotonic() >= self._not_before:
            self._fill()
        if self._jobs or self._ended:
            return False
        return self._leave()

    def _look(self) -> None:
        """Read the queue if somebody changed it."""
        version = self._store.version()
        if version != self._seen:
            self._state, self._seen = self._store.read(), version

    def _settle(self) -> None:
        """Note what became of jobs that ended."""
        for trial_id, job in list(self._jobs.items()):
            if job.ended():
                del self._jobs[trial_id]
                told = trial_id in self._told
                self._told.discard(trial_id)
                trial = self._state.trial(trial_id)
                if trial is not None:
                    found = outcome_of(RunFolder(self._home.runs / job.run_id), interrupted=told)
                    self._ended[trial_id] = trial.model_copy(update=found)
        if self._ended:
            with self._store.change() as state:
                for trial in self._ended.values():
                    state.put(trial)
            back = [
                trial.message
                for trial in self._ended.values()
                if trial.state is Status.WAITING and trial.message
            ]
            self._ended.clear()
            self._look()
            if back and not self._state.stopping:
                raise EnvironmentProblem(back[0])  # what cannot be trained now is tried later

    def _fill(self) -> None:
        """Begin trials while there is room; the queue is read anew before each."""
        while len(self._jobs) < self._state.jobs:
            ready = [trial for trial in self._state.waiting if trial.id not in self._jobs]
            if self._state.stopping:
                return
            if not self._jobs and self._cores_are_taken(ready[0].identity if ready else None):
                return
            if ready:
                self._begin(ready[0])
            elif not self._searches.make_trial(self._state):
                return
            self._look()

    def _cores_are_taken(self, wanted: Identity | None) -> bool:
        """Whether a training that is none of the queue's goes on: two at once are no sooner done.

        One that is paused is not waited for, nor one of the settings and seed that are `wanted`,
        which the trial joins, nor a script, which may need no core.
        """
        if not self._executor.is_local or (wanted is None and not self._state.searching):
            return False  # they are not needed, or nothing is to begin
        self._runs.look()
        own = {known.run_id for known in self._state.trials}
        for run in self._runs.living:
            summary = run.summary
            if run.run_id in own or not (run.keeps_cores_busy and isinstance(summary, RunSummary)):
                continue
            if (summary.settings_key, summary.seed) != wanted:
                self._not_before = time.monotonic() + BUSY_SECONDS
                message = f"run {run.run_id} trains, and keeps all cores busy"
                if self._state.message != message:
                    with self._store.change() as state:
                        state.message = message
                return True
        return False

    def _begin(self, trial: Trial) -> None:
        """Begin one trial, or find that it needs no training."""
        was = None
        with suppress(UserError):  # what is wrong with its run is found when it is taken up
            was = RunFolder(self._home.runs / trial.run_id).status() if trial.run_id else None
        if was is Status.PRUNED:
            self._write(trial, state=Status.PRUNED)  # while no runner was there to see it
            return
        entries = entries_of(self._home)
        known = results(entries).get(trial.identity)
        if known is not None:
            state = Status.DIVERGED if known.diverged else Status.PRESENT
            if known.run_id == trial.run_id and not known.diverged:
                state = Status.FINISHED  # while no runner was there to see it
            self._write(trial, state=state, run_id=known.run_id, message=known.message)
            return
        try:
            job = self._start(trial, entries)
        except EnvironmentProblem:
            raise
        except UserError as error:
            self._write(trial, state=Status.FAILED, message=str(error))
            return
        self._jobs[trial.id] = job
        if not self._write(trial, state=Status.RUNNING, run_id=job.run_id, message=""):
            job.stop()  # dropped in this very moment

    def _start(self, trial: Trial, entries: Sequence[RunSummary]) -> LocalJob:
        """Join or take up a run of the same settings and seed, or train anew."""
        for run_id in self._runs_of(trial, entries):
            job = self._executor.take_up(run_id)
            if job is not None:
                return job
        return self._executor.submit(trial.spec, trial.labels, trial.by, self._state.jobs)

    def _runs_of(self, trial: Trial, entries: Sequence[RunSummary]) -> Iterator[str]:
        """The trial's own run, one that lives, and those that were cut short."""
        if trial.run_id is not None:
            yield trial.run_id
        living = living_run(self._home, trial.identity)
        if living is not None:
            yield living
        for run in resumable_runs(self._home, entries, [trial.identity]).get(trial.identity, []):
            yield run.run_id

    def _write(self, trial: Trial, **values: object) -> bool:
        """Change a trial in the queue; False when it was dropped meanwhile."""
        with self._store.change() as state:
            state.message = ""
            state.put(trial.model_copy(update=values))
            return state.trial(trial.id) is not None

    def _stop_all(self) -> None:
        """Stop and save what trains; it is taken up again when the queue goes on."""
        for trial_id, job in self._jobs.items():
            if trial_id in self._told:
                continue
            self._told.add(trial_id)
            try:
                job.stop()
            except UserError as error:  # its folder was deleted, say; it ends by itself
                print(f"mnist-workbench: {error}", file=sys.stderr, flush=True)

    def _hold(self, message: str) -> None:
        """Wait and try again later; what trains goes on meanwhile."""
        self._not_before = time.monotonic() + RETRY_SECONDS
        print(f"mnist-workbench: {message}", file=sys.stderr, flush=True)
        try:
            with self._store.change() as state:
                state.message = message
        except UserError:
            traceback.print_exc()

    def _leave(self) -> bool:
        """Let go of the lock if nothing is left, in one step with the last look at the queue.

        Whoever adds a trial afterwards finds the lock free and starts a new runner.
        """
        with self._store.change() as state:
            if (state.waiting or state.searching) and not state.stopping:
                return False
            state.stopping = False
            state.message = ""
            os.close(self._lock)
        return True


def outcome_of(folder: RunFolder, *, interrupted: bool) -> dict[str, object]:
    """State and message of a trial whose run is not trained any more.

    `interrupted`: the queue itself had it stopped, so that it waits to go on.
    """
    try:
        status = folder.status()
        summary = summarise(folder, status)
    except RunError as error:
        return {"state": Status.FAILED, "run_id": None, "message": str(error)}
    found: dict[str, object] = {"run_id": folder.run_id, "message": summary.message}
    match status:
        # Crashed then, it could not write its ending: a full disk.
        case Status.STOPPED | Status.KILLED | Status.CRASHED if interrupted:
            found["state"] = Status.WAITING
        case Status.FINISHED | Status.STOPPED | Status.KILLED | Status.PRUNED:
            found["state"] = status
        case Status.FAILED:
            found["state"] = Status.DIVERGED if summary.diverged else Status.FAILED
            ending = last_ending(folder.events_file)
            if isinstance(ending, Failed) and ending.reason == "cluster":
                found["state"] = Status.WAITING  # it goes on once that is back
        case _:
            found["state"] = Status.FAILED
            found["message"] = (
                f"the worker died after {epochs_done(summary.epochs_completed, summary.epochs)}; "
                "it goes on from there when the queue is started again"
            )
    return found


def main(arguments: list[str]) -> int:
    """Run the queue of a home. The second argument is the held runner lock's descriptor."""
    # A hangup of the terminal it was started from must not end it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    home, descriptor = Home(Path(arguments[0])), int(arguments[1])
    os.set_inheritable(descriptor, False)
    lock.write_pid(descriptor, os.getpid())
    engine = QueueStore(home).read().engine or Engine()
    runner = Runner(home, WorkersExecutor(home, engine), descriptor)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.ask_to_stop())
    runner.run()
    return 0


class Searches:
    """All searches of a home's queue. Belongs to the runner."""

    def __init__(self, home: Home, store: QueueStore) -> None:
        self._home = home
        self._store = store
        self._sources: dict[str, TrialSource] = {}
        self._began: dict[str, float] = {}  # so that now minus it is how long it has worked
        self._unwanted: set[str] = set()  # runs that were told so

    def look(self, state: QueueState) -> None:
        """Tell studies what has ended and what each epoch gave; give up what is not wanted.

        Raises:
            EnvironmentProblem: the disk is full, or a run cannot be asked to stop.
        """
        for entry in state.searching:
            own = _own(state, entry)
            source = self._source(entry) if own else None
            if source is None:
                continue
            with self._disk(entry):
                told = source.settle(own)
                unwanted = set(source.unwanted(own)) - self._unwanted
                source.keep_progress(own, now=told)
                words = source.words(time.monotonic() - self._began[entry.id])
            if told:
                with self._store.change() as changed:
                    now = changed.search(entry.id) or entry
                    changed.put_search(now.model_copy(update={"message": words}))
            for run_id in unwanted:
                request(self._home.runs / run_id, Command.PRUNE)
                self._unwanted.add(run_id)

    def make_trial(self, state: QueueState) -> bool:
        """Put the next trial of the first search that has one into the queue.

        False: there is nothing to be begun now.

        Raises:
            EnvironmentProblem: the disk is full.
        """
        for entry in state.searching:
            source = self._source(entry)
            if source is None:
                return True  # its entry says why; the queue is to be looked at anew
            own = _own(state, entry)
            with self._disk(entry):
                seconds = time.monotonic() - self._began[entry.id]
                made = source.next(own, seconds)
                over = made is None and source.done(own, seconds)
                source.keep_progress(own, now=over)
                words = source.words(seconds)
            if made is None and not over and words == entry.message:
                continue
            facts: dict[str, object] = {
                "state": Status.RUNNING,
                "message": words,
                "seconds": seconds,
                "to_come": 0 if over else source.to_come(own) - bool(made and made.number is None),
            }
            if over and SearchFolder(self._home, entry.id).result() is not None:
                facts["state"] = Status.FINISHED
            elif over:
                facts |= {"state": Status.FAILED, "message": f"no trial has a result: {words}"}
            with self._store.change() as changed:
                if made is not None and changed.search(entry.id) is not None:
                    token = fresh_id({trial.id for trial in changed.trials})
                    changed.trials.append(made.model_copy(update={"id": token}))
                changed.put_search(entry.model_copy(update=facts))
            if made is not None or over:
                return True
        return False

    @contextmanager
    def _disk(self, entry: SearchEntry) -> Iterator[None]:
        """A disk that refuses the study's journal holds the queue up, and does not end it."""
        try:
            yield
        except OSError as error:
            self._sources.pop(entry.id, None)  # opened anew, without half a line
            raise EnvironmentProblem(
                f"search {entry.id}: its study cannot be written: {error.strerror or error}"
            ) from error

    def _source(self, entry: SearchEntry) -> TrialSource | None:
        """The search's study; None where it cannot be opened, which its entry then says."""
        if entry.id not in self._sources:
            with self._disk(entry):
                try:
                    require_optuna(SearchFolder(self._home, entry.id).read().sampler)
                    from workbench.queue.study import TrialSource

                    self._sources[entry.id] = TrialSource(self._home, entry.id)
                except UserError as error:
                    with self._store.change() as state:
                        failed = {"state": Status.FAILED, "message": str(error)}
                        state.put_search(entry.model_copy(update=failed))
                    return None
            self._began.setdefault(entry.id, time.monotonic() - entry.seconds)
        return self._sources[entry.id]


def _own(state: QueueState, entry: SearchEntry) -> list[Trial]:
    return [trial for trial in state.trials if trial.search == entry.id]


@dataclass
class LocalJob:
    """A training handed to a worker here; `process` is None where another one started it."""

    folder: RunFolder
    process: subprocess.Popen[bytes] | None = None
    _killed: bool = False  # it had trained nothing, and cannot write its own ending

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    def ended(self) -> bool:
        """Whether the worker has let go of the run's lock."""
        if self.process is not None:
            self.process.poll()  # reaped, where it has ended
        if lock.is_held(self.folder.lock_file):
            return False
        if self._killed:
            self._killed = False
            write_stopped(self.folder)
        return True

    def stop(self) -> None:
        """Ask the worker through the run folder, or by signal where that cannot be written.

        One that has trained nothing yet looks at no request before TensorFlow is loaded, which
        can take a minute; nothing is lost when it is ended at once. Only one's own: another
        process may have other runs to train after this one.
        """
        if self.process is not None and not _trains(self.folder):
            self.process.kill()
            self._killed = True
            return
        control.request(self.folder.path, control.Command.STOP)


class WorkersExecutor:
    """Has detached workers train, each for itself or each on a node of a cluster.

    They go on if the queue's own process dies.
    """

    def __init__(self, home: Home, engine: Engine) -> None:
        self._home = home
        self._engine = engine
        self.is_local = engine.is_local  # or it trains on a cluster, and these cores are free
        self._worker: tuple[str, ...] = LOCAL
        if not engine.is_local:  # a worker that has a node of the cluster train
            wants = (engine.address, "--cpus", f"{engine.cpus}", "--gpus", f"{engine.gpus}")
            self._worker = ("workbench.training.ray_worker", "--address", *wants)
        self._workers: list[KeptWorker] = []

    def submit(self, spec: TrainingSpec, labels: Labels, by: str, jobs: int) -> LocalJob:
        """Create the run and start its worker, one of `jobs` at once, with its share of the cores.

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later (a full disk).
            UserError: it can never be begun.
        """
        if spec.threads is None:
            # Several that each take all cores are slower together than one after the other.
            share = max(1, usable_cores() // jobs) if jobs > 1 else None
            threads = share if self.is_local else self._engine.cpus
            spec = spec.model_copy(update={"threads": threads})
        worker = next((worker for worker in self._workers if worker.is_idle), None)
        if worker is None:
            worker = KeptWorker(self._worker)
            self._workers.append(worker)
        with run_to_start(self._home, spec, labels, by) as (folder, descriptor):
            return LocalJob(folder, worker.train(folder, descriptor))

    def take_up(self, run_id: str) -> LocalJob | None:
        """Join the run's worker, or start a new one that goes on from its last whole epoch.

        None: there is nothing to go on with (it has finished, diverged, or is gone).

        Raises:
            EnvironmentProblem: it cannot be begun now, but may be later.
        """
        folder = RunFolder(self._home.runs / run_id)
        if not folder.spec_file.exists():
            return None
        if lock.is_held(folder.lock_file):
            return LocalJob(folder)
        try:
            process = take_up(folder, self._worker)
        except RunError:  # it has come to its end, or another process was quicker
            return LocalJob(folder) if lock.is_held(folder.lock_file) else None
        return LocalJob(folder, process)


def _trains(folder: RunFolder) -> bool:
    """Whether the worker now at work has trained anything."""
    for event in backwards(folder.events_file):
        if isinstance(event, Batch | Epoch):
            return True
        if isinstance(event, Preparing | Started):
            return False
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
