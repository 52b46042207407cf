"""What trains the queue: this machine, or a Ray cluster; and what each training gets of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.config import Config
from workbench.errors import EnvironmentProblem, RunError, nearest

ExecutorName = Literal["local", "ray"]


class Engine(BaseModel):
    """An executor by its name. All else is Ray's: which cluster, and what a trial takes of a node.

    `address` is `auto`, `HOST:PORT` or `ray://HOST:PORT`; `gpus` may be a part of one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    """The engine of the user's configuration.

    Raises:
        RunError: it is none.
    """
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
    """Refuse an engine whose package is missing.

    Raises:
        EnvironmentProblem: it is.
    """
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
