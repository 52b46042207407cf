"""`spec.json`: everything needed to repeat a run, and `labels.json`: its tags and note."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic import Tag as Variant

from workbench.errors import RunError
from workbench.files import write_file
from workbench.model.spec import TrainingSpec
from workbench.text import one_line

RECORD_FORMAT = 2  # 1: runs of presets alone
LONGEST_SETTING = 500  # letters of one
LATEST = 253_402_300_799.0  # seconds since 1970: beyond it no calendar has a date
Setting = str | int | float | bool | None  # a value of a script's configuration
# The name of a folder in `runs`, and of nothing elsewhere.
RunId = Annotated[str, StringConstraints(pattern=r"^[^/\x00.][^/\x00]{0,99}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[^\s,:=<>!|]{1,40}$")]


class Kept(BaseModel):
    """What lies in the data folder; a field that another version has written is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    def write(self, path: Path) -> None:
        """Replace a JSON file of a run's folder.

        Raises:
            OSError: the disk is full or the folder is gone; the old file is intact.
        """
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1)
        # A name of a file, an argument of a command: what is no Unicode in it becomes "?".
        write_file(path, text.encode("utf-8", "replace"))


class Environment(Kept):
    """The machine and the versions a run was launched with."""

    workbench: str
    python: str
    tensorflow: str
    keras: str
    numpy: str
    platform: str
    host: str
    cpu: str
    cores: int


class LaunchedFrom(Kept):
    by: Literal["run", "app", "reproduce", "sweep", "search", "exec", "script", "import"] = "run"
    terminal: str | None = None
    ssh: bool = False


class _Record(Kept):
    """What `spec.json` says of every run."""

    format: int = Field(RECORD_FORMAT, ge=1, le=RECORD_FORMAT)
    run_id: str
    created_at: float = Field(ge=0, le=LATEST)  # seconds since 1970
    environment: Environment
    launched_from: LaunchedFrom = LaunchedFrom()


class PresetRecord(_Record):
    """A run that the workbench trains: with its spec it can be repeated."""

    kind: Literal["preset"] = "preset"
    spec: TrainingSpec

    @property
    def name(self) -> str:
        return self.spec.preset

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def tested_on(self) -> str:
        """Whose images are looked at after each epoch."""
        return self.spec.dataset.evaluated


class Script(Kept):
    """A program of the user's own, as far as it has told of itself."""

    name: str
    named: bool = False  # by who started it; else the program itself may name it
    config: dict[str, Setting] = {}
    command: tuple[str, ...] = ()
    directory: str = ""  # that it was started in
    framework: str = ""  # such as "keras on jax"
    versions: dict[str, str] = {}  # of the packages that it uses
    epochs: int = 0  # 0: it has not said
    steps_per_epoch: int = 0  # likewise

    @property
    def facts(self) -> list[str]:
        """What is known of it beside its name, the most telling first."""
        settings = [f"{name} {value}" for name, value in self.config.items()]
        command = shlex.join(self.command)
        return [fact for fact in (self.framework, *settings, command) if fact]


class ScriptRecord(_Record):
    kind: Literal["script"] = "script"
    script: Script
    spec: ClassVar[None] = None  # the workbench trains nothing here
    tested_on: ClassVar[str] = "validation"

    @property
    def name(self) -> str:
        return self.script.name

    @property
    def title(self) -> str:
        return one_line(self.script.name)


RunRecord = PresetRecord | ScriptRecord
RECORD: TypeAdapter[RunRecord] = TypeAdapter(
    Annotated[
        Annotated[PresetRecord, Variant("preset")] | Annotated[ScriptRecord, Variant("script")],
        # The specs of earlier versions, all of presets, do not say so.
        Discriminator(lambda data: data.get("kind", "preset") if isinstance(data, dict) else None),
    ]
)


def format_of(content: bytes) -> int:
    """The format that a file of JSON names; 0 where it names none."""
    try:
        found = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError):
        return 0
    return found if type(found) is int else 0


class Labels(Kept):
    """The content of `labels.json`: what the user says of a run."""

    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    note: Annotated[str, Field(max_length=2000)] = ""


def checked_labels(tags: list[str], note: str) -> Labels:
    """Labels from what a user typed.

    Raises:
        RunError: a tag with a space or an operator in it, or a text that is too long.
    """
    note = note.encode("utf-8", "replace").decode()
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
        raise RunError("longer than 2,000 characters; shorten it", about="note") from error


def flat_settings(config: object) -> dict[str, Setting]:
    """A configuration as settings by name; what is no plain value as its text."""
    if is_dataclass(config) and not isinstance(config, type):
        config = {field.name: getattr(config, field.name) for field in fields(config)}
    elif config is not None and not isinstance(config, Mapping):
        config = getattr(config, "__dict__", {"config": config})
    found: dict[str, Setting] = {}
    for name, value in (config or {}).items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": more for inner, more in flat_settings(value).items()}
        elif isinstance(value, float) and not math.isfinite(value):
            found[str(name)] = str(value)
        elif value is None or isinstance(value, bool | int | float):
            found[str(name)] = value
        else:
            found[str(name)] = str(value)[:LONGEST_SETTING]
    return found
