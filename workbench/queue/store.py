"""The queue of a home on disk: `queue/queue.json`, changed under a lock and whole or not at all.

It holds what is to be trained, and what trains it: this machine, or a Ray cluster. Whoever wants
something of the queue (a command, a screen, in this connection or another) writes it here; the
runner reads it some times a second. So both sides may come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final, Literal, get_args

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.config import Config
from workbench.errors import EnvironmentProblem, RunError, nearest, refused
from workbench.files import Stamp, keep_aside, read_file, stamp, write_file
from workbench.formats import count
from workbench.model.hyperparameters import OPTIMIZER_TITLES
from workbench.model.spec import TrainingSpec
from workbench.model.validated import Validated
from workbench.runs import lock
from workbench.runs.record import Kept, Labels, RunId, format_of
from workbench.runs.status import Status
from workbench.settings import Home

LOCK_TIMEOUT = 15.0  # seconds; a change takes a hundredth of one
MOST_TRIALS = 2_000
MOST_JOBS = 128
LARGEST = 200_000_000  # bytes; a trial of a model of 200 layers takes 40,000
FORMAT: Final = 1

Origin = Literal["run", "app", "reproduce", "sweep", "search"]
# What "the same training" means to the queue: settings and seed, whatever it is called.
Identity = tuple[str, int]
ExecutorName = Literal["local", "ray"]


class QueueUnreadable(RunError):
    """The queue's file says nothing to this version."""

    exit_code = 1


class QueueDamaged(QueueUnreadable):
    """It was damaged, and was kept aside."""


class QueueNewer(QueueUnreadable):
    """A newer version wrote it; it stays where it is."""


class Trial(Kept):
    """One training in the queue. A waiting one with a `run_id` was begun and is taken up again."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{1,12}$")]
    spec: TrainingSpec
    label: str = ""  # what it is for: `Table 7.4`, or the values of a sweep
    by: Origin = "reproduce"
    labels: Labels = Labels()
    state: Status = Status.WAITING
    run_id: RunId | None = None
    message: str = ""
    search: str | None = None  # the search that made it
    number: int | None = None  # in the search's study; None of its final trainings

    @property
    def identity(self) -> Identity:
        """Equal for trials that would give the same result."""
        return identity(self.spec)

    @property
    def text(self) -> str:
        """What is trained: `CNN model 2, SGD 0.002, batch 60, 5 epochs, seed 0`."""
        return f"{self.spec.title}, {settings_words(self.spec)}, seed {self.spec.seed}"


def settings_words(spec: TrainingSpec, *, short: bool = False) -> str:
    """`SGD 0.002, batch 60, 5 epochs`, or short `SGD 0.002 60×5`, as lists of runs have it.

    What makes it one of another kind, as fewer images do, stands first: long lines are cut.
    """
    settings = spec.training
    special: list[str] = [] if spec.precision == "float32" else [spec.precision]
    if spec.dataset.train_limit is not None:
        special.append(count(spec.dataset.images, "image"))
    title = OPTIMIZER_TITLES[settings.optimizer.kind]
    words = [*special, f"{title} {settings.optimizer.learning_rate:g}"]
    if short:
        return " ".join([*words, f"{settings.batch_size}×{settings.epochs}"])
    return ", ".join([*words, f"batch {settings.batch_size}", count(settings.epochs, "epoch")])


def identity(spec: TrainingSpec) -> Identity:
    return spec.settings_key, spec.seed


class SearchEntry(Kept):
    """A search in the queue: it makes its trials as it goes."""

    id: str
    state: Status = Status.WAITING  # running once it has made a trial
    message: str = ""  # how far it is, or what is wrong
    seconds: float = 0.0  # at work
    to_come: int = 0  # trainings that it has not made yet, at most


class QueueState(BaseModel):
    """The content of `queue.json`. Trials stand in the order in which they are trained."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    format: Literal[1] = FORMAT
    jobs: Annotated[int, Field(ge=1, le=MOST_JOBS)] = 1
    engine: Engine | None = None  # what trains it; None: as the user has it configured
    stopping: bool = False  # asked to stop: the runner saves what trains and ends
    message: str = ""  # what holds the runner up, such as a full disk
    # Said by whoever looks until a person changes the queue: what was lost before this one.
    notice: str = ""
    trials: list[Trial] = Field(default_factory=list)
    searches: list[SearchEntry] = Field(default_factory=list)

    def search(self, search_id: str) -> SearchEntry | None:
        return next((entry for entry in self.searches if entry.id == search_id), None)

    def put_search(self, entry: SearchEntry) -> None:
        """Replace the search of the same id; one dropped meanwhile stays dropped."""
        self.searches = [entry if known.id == entry.id else known for known in self.searches]

    @property
    def searching(self) -> list[SearchEntry]:
        """Searches that are to make trials still."""
        return [entry for entry in self.searches if entry.state.pending]

    def trial(self, trial_id: str) -> Trial | None:
        return next((trial for trial in self.trials if trial.id == trial_id), None)

    def put(self, trial: Trial) -> None:
        """Replace the trial of the same id; one dropped meanwhile stays dropped."""
        self.trials = [trial if known.id == trial.id else known for known in self.trials]

    @property
    def waiting(self) -> list[Trial]:
        """The trials to come, the next one first."""
        return [trial for trial in self.trials if trial.state is Status.WAITING]


class QueueStore:
    """Reads and changes the queue of a home.

    All methods raise `EnvironmentProblem` when the disk is full or the folder cannot be used,
    and `QueueUnreadable` when the file is damaged or of a newer version. A damaged one is kept
    aside, and the empty queue that follows says so in its `notice`.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.path / "queue"
        self.file = self.folder / "queue.json"
        self.runner_lock = self.folder / "runner.lock"
        self.log = self.folder / "runner.log"

    def read(self) -> QueueState:
        """The queue as it stands; an empty one where there was none yet."""
        try:
            return self._load()
        except ValidationError:
            with self.change() as state:  # under the lock: another process may have been quicker
                return state

    def _load(self) -> QueueState:
        with refused(f"{self.file}: ", "; fix its access"):
            try:
                content = read_file(self.file, LARGEST)
            except FileNotFoundError:
                return QueueState()
        try:
            return QueueState.model_validate_json(content)
        except ValidationError as error:
            if (given := format_of(content)) > FORMAT:
                raise QueueNewer(
                    f"{self.file} is of a newer version (format {given}); use that version, or "
                    "move the file away to begin a new queue"
                ) from error
            raise

    def version(self) -> Stamp | None:
        """Changes whenever `read` may; None while there is no file."""
        return stamp(self.file)

    @contextmanager
    def change(self) -> Iterator[QueueState]:
        """The queue to be changed in place, written when the block ends without an error."""
        self._ensure()
        with refused(f"the queue in {self.folder}: ", "; nothing was changed"):
            try:
                with FileLock(self.folder / "queue.lock", timeout=LOCK_TIMEOUT, mode=0o600):
                    try:
                        state = self._load()
                    except ValidationError as error:
                        raise self._set_aside() from error
                    before = state.model_dump_json()
                    yield state
                    after = state.model_dump_json()
                    if after != before:
                        write_file(self.file, after)
            except Timeout as error:
                raise EnvironmentProblem(
                    f"the queue in {self.folder} is held by another process; try again"
                ) from error

    def runs(self) -> bool:
        """Whether a runner lives that works the queue off."""
        with refused(f"{self.runner_lock}: ", "; fix its access"):
            return lock.is_held(self.runner_lock)

    def _ensure(self) -> None:
        self.home.ensure()
        with refused(f"{self.folder}: ", "; fix its access"):
            self.folder.mkdir(mode=0o700, exist_ok=True)

    def _set_aside(self) -> QueueDamaged:
        """Keep the damaged file and begin an empty queue that tells of it."""
        aside = None
        try:
            aside = keep_aside(self.file)
            words = (
                f"{self.file} was damaged and is kept as {aside.name}; the runs in it are safe, "
                "queue again what was still to be trained"
            )
            write_file(self.file, QueueState(notice=words).model_dump_json())
        except OSError:
            if aside is not None:
                with suppress(OSError):
                    aside.rename(self.file)
            return QueueDamaged(f"{self.file} is damaged; remove it and queue the trials anew")
        return QueueDamaged(words)


class Engine(Validated):
    """An executor by its name. All else is Ray's: which cluster, and what a trial takes of a node.

    `address` is `auto`, `HOST:PORT` or `ray://HOST:PORT`; `gpus` may be a part of one.
    """

    executor: ExecutorName = "local"
    address: Annotated[str, Field(pattern=r"^(auto|(ray://)?[\w.\[\]:-]+:\d{1,5})$")] = "auto"
    cpus: Annotated[int, Field(ge=1, le=1024)] = 1
    gpus: Annotated[float, Field(ge=0, le=1024)] = 0.0

    @property
    def is_local(self) -> bool:
        """Whether this machine's own cores train."""
        return self.executor == "local"

    @property
    def words(self) -> str:
        """`Ray (auto), 2 CPUs and 0.5 GPUs a trial`; `this machine`."""
        if self.is_local:
            return "this machine"
        gpus = f" and {self.gpus:g} GPUs" if self.gpus else ""
        return f"Ray ({self.address}), {self.cpus} CPU{'s' * (self.cpus > 1)}{gpus} a trial"


LOCAL = Engine()


def configured() -> Engine:
    """The engine of the user's configuration; a RunError where that is none."""
    config = Config()
    return _engine({"executor": config["executor"], **config["ray"]})


def asked_for(
    executor: str | None = None,
    address: str | None = None,
    cpus: int | None = None,
    gpus: float | None = None,
) -> Engine | None:
    """The engine that a person names, the rest as configured; None where nothing is named.

    Raises:
        RunError: there is no such executor, or a value is none of its own.
        EnvironmentProblem: it is not installed.
    """
    settings = {"address": address, "cpus": cpus, "gpus": gpus}
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    if executor is not None:
        known = get_args(ExecutorName)
        if executor not in known:
            raise RunError(f'no executor "{executor}"; {nearest(executor, known)}')
        given["executor"] = executor
    if not given:
        return None
    engine = _engine({**configured().model_dump(), **given})
    for name in settings:
        if name in given and engine.is_local:
            raise RunError(f"--{name} is of a Ray cluster; add --executor ray")
    return engine


def require_installed(engine: Engine) -> None:
    """Refuse an engine whose package is missing, by an EnvironmentProblem."""
    from importlib.util import find_spec

    if not engine.is_local and find_spec("ray") is None:
        raise EnvironmentProblem(
            "the ray executor needs a package that is not installed: "
            "`pip install 'mnist-workbench[ray]'`"
        )


def _engine(values: dict[str, Any]) -> Engine:
    try:
        return Engine.model_validate(values)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = str(fault["loc"][0])
        remedy = {
            "address": "must be auto, HOST:PORT or ray://HOST:PORT",
            "cpus": "must be a whole number from 1 to 1,024",
            "gpus": "must be a number from 0 to 1,024; a part of one may be asked for",
        }.get(name, "is no setting of an executor")
        raise RunError(f"{name}: {remedy} (given: {fault.get('input')})", field=name) from error
