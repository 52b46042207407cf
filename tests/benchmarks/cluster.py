"""What a Ray cluster gives and costs, with nodes of one processor on this machine.

    python -m tests.benchmarks.cluster trials [--trials 12] [--preset nn-1] [--epochs 2]
    python -m tests.benchmarks.cluster events
    python -m tests.benchmarks.cluster costs

`trials`: trials an hour of a queue here, one and two at once, and on 1, 2 and 4 nodes; the first
trials start workers and load TensorFlow, so the time counts from the end of the first `jobs` on.
All nodes share the cores of this machine. `events`: how many events a second one driver takes from
a node and writes into a run's log, by how many come in one answer. `costs`: what one trial more
costs at home: a look at the queue and a change of it, a trial of a study. `leaderboard` beside this
has the inserts. Of `events` and `costs` the processor's time is counted too, or alone, which other
work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.ray_nodes import Nodes
from workbench.model.hyperparameters import Overrides
from workbench.queue import service
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import Engine, QueueStore, Trial
from workbench.runs import lock
from workbench.runs.environment import cpu_name, usable_cores
from workbench.runs.events import Batch
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.settings import Home

SECONDS = 3.0  # for each figure of `events`


def fresh_home() -> Home:
    """A data folder of its own."""
    return Home(Path(tempfile.mkdtemp())).ensure()


def trials_an_hour(
    engine: Engine, jobs: int, trials: int, preset: str, epochs: int
) -> tuple[float, float, float]:
    """Trials an hour, the seconds of one beyond its training, and the drivers' memory in MiB."""
    home = fresh_home()
    plan = Plan(Overrides(epochs=epochs), repeats=trials + jobs, threads=1)
    service.enqueue(home, [PlannedTrial(spec) for spec in specs_for(home, preset, plan)], "sweep")
    service.start(home, jobs, engine)
    store, memory = QueueStore(home), [0.0]
    while store.runs():
        for trial in store.read().trials:
            folder = RunFolder(home.runs / str(trial.run_id))
            if pid := lock.holder_pid(folder.lock_file):
                with suppress(psutil.Error):
                    memory.append(psutil.Process(pid).memory_full_info().uss / 2**20)
        time.sleep(0.25)
    endings = []
    for trial in store.read().trials:
        ending = RunFolder(home.runs / str(trial.run_id)).history().ending
        assert ending is not None, trial.message
        endings.append(ending)
    endings.sort(key=lambda ending: ending.time)
    took = endings[-1].time - endings[jobs - 1].time
    trained = statistics.mean(ending.seconds for ending in endings[jobs:])
    return 3600 * trials / took, took * jobs / trials - trained, max(memory)


def measure_trials(options: argparse.Namespace) -> None:
    """Print a line for each way to train."""
    asked = (options.trials, options.preset, options.epochs)
    print(f"{options.preset}, {options.epochs} epochs, {options.trials} trials a line")
    print("where               trials/h   s beyond training   MiB of a run's process here")
    for jobs in (1, 2):
        show(f"here, {jobs} at once", trials_an_hour(Engine(), jobs, *asked))
    for count in (1, 2, 4):
        nodes = Nodes(count)
        try:
            engine = Engine(executor="ray", address=nodes.address)
            show(f"Ray, {count} nodes", trials_an_hour(engine, count, *asked))
        finally:
            nodes.close()


def show(where: str, found: tuple[float, float, float]) -> None:
    """One line of the table."""
    rate, beyond, memory = found
    print(f"{where:18} {rate:9,.0f} {beyond:15.2f} {memory:18,.0f}", flush=True)


class Talker:
    """A node's trainer that has always so many events to tell."""

    def report(self, events: int) -> Any:
        """A report full of them."""
        from workbench.training.ray_node import Report

        batch = Batch(time.time(), 1, 100, 10, 0.3, 0.9, 90_000.0, 1.25)
        return Report([batch.to_line()] * events, {})


def measure_events() -> None:
    """Events a second through one driver, from an actor on a node into a log."""
    from workbench.training.ray_worker import Cluster, RayWorker, connect

    nodes = Nodes(1)
    try:
        began = time.perf_counter()
        connect(nodes.address)
        print(f"to connect: {time.perf_counter() - began:.2f} s")
        import ray

        home = fresh_home()
        (spec,) = specs_for(home, "nn-1", Plan())
        folder, descriptor = create_run(home, spec, Labels(), "run")
        worker = RayWorker(folder, Cluster(nodes.address, 1, 0.0))
        talker = ray.remote(num_cpus=1)(Talker).remote()
        ray.get(talker.report.remote(1))
        print("events an answer   answers/s   events/s   processor: ms an answer   µs an event")
        for events in (1, 10, 100, 1000):
            done, began, used = 0, time.perf_counter(), time.process_time()
            while (took := time.perf_counter() - began) < SECONDS:
                worker._take(ray.get(talker.report.remote(events)))
                done += 1
            each = (time.process_time() - used) / done
            print(
                f"{events:16,} {done / took:11,.0f} {done * events / took:10,.0f} "
                f"{1e3 * each:23.2f} {1e6 * each / events:13.1f}",
                flush=True,
            )
        os.close(descriptor)
        memory = psutil.Process().memory_full_info()
        print(f"memory of a driver: {memory.uss / 2**20:,.0f} MiB of its own")
        ray.shutdown()
    finally:
        nodes.close()


def median_ms(do: Callable[[], object], times: int = 15) -> float:
    """The median time of the processor for something."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        do()
        taken.append(1000 * (time.process_time() - began))
    return statistics.median(taken)


def measure_costs() -> None:
    """What grows with the number of trials, on this machine alone; see also `leaderboard`."""
    (spec,) = specs_for(fresh_home(), "nn-1", Plan())
    print("trials   queue: a look   a change   its file   study: a trial asked and told")
    for count in (100, 1_000, 2_000, 10_000):
        store = QueueStore(fresh_home())
        with store.change() as state:
            state.trials = [
                Trial(id=f"t{number}", spec=spec.model_copy(update={"seed": number}))
                for number in range(count)
            ]

        def change(store: QueueStore = store) -> None:
            with store.change() as state:
                state.put(state.trials[0].model_copy(update={"message": str(time.time())}))

        looking, changing = median_ms(store.read), median_ms(change)
        size = store.file.stat().st_size / 1e6
        print(
            f"{count:6,} {looking:12.1f} ms {changing:7.1f} ms {size:7.1f} MB "
            f"{study_ms(count):12.1f} ms",
            flush=True,
        )


def study_ms(count: int) -> float:
    """A trial of a study of so many, in a journal: asked of TPE, and told."""
    import optuna
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    journal = Path(tempfile.mkdtemp()) / "study.journal"
    sampler = optuna.samplers.TPESampler(seed=0)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, sampler=sampler, direction="maximize")
    space = {"rate": FloatDistribution(1e-4, 1e-1, log=True), "units": IntDistribution(16, 128)}
    chance = random.Random(0)
    for _ in range(count):
        params = {"rate": 10 ** chance.uniform(-4, -1), "units": chance.randint(16, 128)}
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=dict(space), value=chance.random()
            )
        )
    return median_ms(lambda: study.tell(study.ask(dict(space)), chance.random()), 5)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["trials", "events", "costs"])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--preset", default="nn-1")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    print(f"{cpu_name()}, {usable_cores()} cores")
    {"trials": lambda: measure_trials(options), "events": measure_events, "costs": measure_costs}[
        options.what
    ]()


if __name__ == "__main__":
    main()
