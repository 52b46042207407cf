"""`spec.json`: everything needed to repeat a run, and `labels.json`: its tags and note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from workbench.errors import RunError
from workbench.files import write_file
from workbench.model.spec import TrainingSpec

Tag = Annotated[str, StringConstraints(pattern=r"^[^\s,:=<>!|]{1,40}$")]


class Environment(BaseModel):
    """The machine and the versions a run was launched with."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    workbench: str
    python: str
    tensorflow: str
    keras: str
    numpy: str
    platform: str
    host: str
    cpu: str
    cores: int


class LaunchedFrom(BaseModel):
    """Where a run was started."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    by: Literal["run", "app", "reproduce", "sweep"] = "run"
    terminal: str | None = None
    ssh: bool = False


class RunRecord(BaseModel):
    """The content of `spec.json`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    run_id: str
    created_at: float  # seconds since 1970
    spec: TrainingSpec
    environment: Environment
    launched_from: LaunchedFrom = LaunchedFrom()


class Labels(BaseModel):
    """The content of `labels.json`: what the user says of a run."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    note: Annotated[str, Field(max_length=2000)] = ""


def checked_labels(tags: list[str], note: str) -> Labels:
    """Labels from what a user typed.

    Raises:
        RunError: a tag with a space or an operator in it, or a text that is too long.
    """
    try:
        return Labels(tags=tuple(dict.fromkeys(tags)), note=note)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        if fault["loc"][0] == "tags":
            given = fault.get("input")
            raise RunError(
                f"tag {given!r}: a tag is one word of at most 40 characters, without "
                "any of , : = < > ! |; at most 20 tags a run",
                field="tags",
            ) from error
        raise RunError("note: longer than 2,000 characters; shorten it", field="note") from error


def write_json(path: Path, data: object) -> None:
    """Replace a JSON file of the run folder.

    Raises:
        OSError: the disk is full or the folder is gone; the old file is intact.
    """
    write_file(path, json.dumps(data, ensure_ascii=False, indent=1))
