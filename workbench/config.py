"""How a user likes the program: a TOML file in the platform's folder for configuration.

What cannot be used is said, and its default holds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UserError, nearest, refused
from workbench.files import read_file, read_toml, typed_path, write_file

CONFIG_VARIABLE = "MNIST_WORKBENCH_CONFIG"
MOST_BYTES = 1 << 20
SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
AXES = ("epochs", "steps", "time")
MOST_SEEDS = 1_000
NO_COMMAND = (("off",), ("bell",), ("terminal",))  # of `notify`

_writing = threading.Lock()  # from reading the file until it is replaced


class ConfigError(UserError):
    """A setting that there is not, or a value that it cannot have."""

    exit_code = 2


@dataclass(frozen=True)
class Setting:
    """One thing that can be set; `read` makes its value of what stands in the file.

    `read` raises a ValueError whose words complete "NAME: ". A default that is a mapping makes it
    a table of its own, set as `name.entry`.
    """

    name: str
    default: Any
    meaning: str
    read: Callable[[Any], Any]


def _one_of(*known: Any) -> Callable[[Any], Any]:
    words = ", ".join(str(each) for each in known)

    def read(value: Any) -> Any:
        if isinstance(value, bool) or value not in known:
            raise ValueError(f"{value!r} is none of {words}")
        return known[known.index(value)]

    return read


def _seeds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_SEEDS:
        raise ValueError(f"{value!r} is no whole number from 1 to {MOST_SEEDS:,}")
    return value


def _notify(value: Any) -> tuple[str, ...]:
    words = [value] if (value,) in NO_COMMAND else value
    is_list = isinstance(words, list) and bool(words)
    if not is_list or not all(isinstance(word, str) and word for word in words):
        raise ValueError('is "off", "bell", "terminal" or a command as a list of words')
    return tuple(words)


def _keys(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(keys, str) and keys for keys in value.values()
    ):
        raise ValueError('is a table of actions and keys, as "train.pause" = "p,space"')
    return dict(value)


def _ray(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() - {"address", "cpus", "gpus"}:
        raise ValueError('is a table of address, cpus and gpus, as "ray.cpus" = 2')
    return dict(value)


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "theme",
            "dark",
            "The colours: dark, light, or auto, as the terminal's background is. Changed by "
            "ctrl+t, which remembers it.",
            _one_of("dark", "light", "auto"),
        ),
        Setting(
            "smoothing",
            0.6,
            "How much training curves are smoothed, from 0 to 0.995. Changed by [ and ].",
            _one_of(*SMOOTHINGS),
        ),
        Setting(
            "axis",
            "epochs",
            "What stands along the curves: epochs, steps or time. Changed by x.",
            _one_of(*AXES),
        ),
        Setting(
            "seeds",
            1,
            "How many seeds reproduce and sweep train, where nothing else is said.",
            _seeds,
        ),
        Setting(
            "notify",
            ("terminal",),
            'At a run\'s end: "off", "bell" (the terminal\'s), "terminal" (a notification, where '
            "the terminal has them), or a command as a list of words, which is given the run's "
            'end as its last word: ["ntfy", "publish", "my-runs"]. A command is also run for '
            "trainings that nobody watches.",
            _notify,
        ),
        Setting(
            "images",
            "auto",
            "How images are drawn that are larger than their place: auto, by a graphics protocol "
            "where the terminal has one; sixel or kitty, by that one; blocks, in half blocks. "
            "Needs: pip install 'mnist-workbench[images]'.",
            _one_of("auto", "sixel", "kitty", "blocks"),
        ),
        Setting(
            "executor",
            "local",
            "What trains the queue, where nothing else is said: local (this machine) or ray (a "
            "cluster).",
            _one_of("local", "ray"),
        ),
        Setting(
            "ray",
            {},
            'The cluster and what a training takes there: ray.address = "auto", ray.cpus = 2, '
            "ray.gpus = 0.5.",
            _ray,
        ),
        Setting(
            "keys",
            {},
            'Other keys for actions: keys."train.pause" = "space". `config keys` lists the '
            "actions.",
            _keys,
        ),
    )
}


def config_file() -> Path:
    """The file named by MNIST_WORKBENCH_CONFIG, or else config.toml in the platform's folder."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return typed_path(named)
    from platformdirs import user_config_path

    return user_config_path("mnist-workbench", appauthor=False) / "config.toml"


class Config:
    """The settings in force, by name; `set_here` are those of the file, `problems` its faults."""

    def __init__(self) -> None:
        self.file = config_file()
        self.set_here: dict[str, Any] = {}
        self.problems: list[ConfigError] = []
        if not os.path.lexists(self.file):
            return
        try:
            table = read_toml(self.file, MOST_BYTES)
        except (UserError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.problems.append(ConfigError(f"{self.file}: cannot be read ({reason})"))
            return
        for name, value in table.items():
            try:
                self.set_here[name] = checked(name, value)
            except ConfigError as error:
                self.problems.append(ConfigError(f"{self.file}: {error}"))

    def __getitem__(self, name: str) -> Any:
        return self.set_here.get(name, SETTINGS[name].default)


def checked(name: str, value: Any) -> Any:
    """The value of a setting, as the program uses it.

    Raises:
        ConfigError: there is no such setting, or the value is not one of its own.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise ConfigError(f'there is no setting "{name}"; {nearest(name, list(SETTINGS))}')
    try:
        return setting.read(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def remember(name: str, value: Any) -> None:
    """Set a setting in the file, whose other lines and comments stay; None takes it out.

    An entry of a table is named with it: `keys.train.pause`.

    Raises:
        ConfigError: the value is not one of the setting's own, or the file has a fault.
        EnvironmentProblem: the file cannot be written.
    """
    name, _, entry = name.partition(".")
    if entry and not (name in SETTINGS and isinstance(SETTINGS[name].default, dict)):
        raise ConfigError(f'there is no setting "{name}.{entry}"; {nearest(name, list(SETTINGS))}')
    if value is not None:
        checked(name, {entry: value} if entry else value)
    elif name not in SETTINGS:
        checked(name, value)
    with _writing:
        _write(config_file(), name, entry, value)


def _write(file: Path, name: str, entry: str, value: Any) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = read_file(file, MOST_BYTES).decode() if os.path.lexists(file) else ""
        document = tomlkit.parse(text)
    except (OSError, ValueError, TOMLKitError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{file}: cannot be read ({reason}); nothing was changed") from error
    table: Any = document
    if entry:
        first, name = name, entry
        table = document.setdefault(first, tomlkit.table())
        if not isinstance(table, dict):
            raise ConfigError(f"{file}: {first} is no table; nothing was changed")
    if value is None:
        table.pop(name, None)
    else:
        table[name] = list(value) if isinstance(value, tuple) else value
    with refused(f"{file}: cannot be written (", f"); name another file with {CONFIG_VARIABLE}"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(file, tomlkit.dumps(document))
