"""A grid of settings over one preset: every combination of the values given, each a training."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product

from workbench.errors import RunError, nearest
from workbench.model.hyperparameters import Overrides
from workbench.queue.planning import PlannedTrial
from workbench.queue.store import MOST_TRIALS, identity
from workbench.runs.plan import Plan, specs_for
from workbench.settings import Home

# Beside the settings of a training: what else of a plan can be swept.
PLAN_NAMES = ("precision", "dataset", "train_limit", "seed")
_WHOLE = ("epochs", "batch_size", "train_limit", "seed")
_NUMBERS = ("learning_rate", "momentum")
_RANGE = re.compile(r"(?P<log>log:)?(?P<low>[^:]+?)\.\.(?P<high>[^/]+)(/(?P<parts>\d{1,4}))?")
ALIASES = {"lr": "learning_rate", "batch": "batch_size", "opt": "optimizer"}


@dataclass(frozen=True)
class Axis:
    """One setting and the values it takes, in the order given."""

    name: str
    values: tuple[str | int | float, ...]


def parse_axis(text: str) -> Axis:
    """An axis from `learning_rate=0.001,0.002`, `epochs=1..5` or `lr=log:0.001..0.1/5`.

    A range has both of its ends; `/5` says into how many values it is divided, evenly or, after
    `log:`, by equal factors. Whole numbers are all taken where nothing is said.

    Raises:
        RunError: no such setting, no value, or one that is not of the setting's kind.
    """
    name, equals, listed = text.partition("=")
    name = name.strip().lower().replace("-", "_")
    name = ALIASES.get(name, name)
    known = [*asdict(Overrides()), *PLAN_NAMES]
    if name not in known:
        raise RunError(f'no setting "{name}"; {nearest(name, known)}', named=f"--set {text}")
    words = [word.strip() for word in listed.split(",")]
    if not equals or not all(words):
        raise RunError(f"give values, as in --set {name}=A,B", named=f"--set {text}")
    values = (value for word in words for value in _values(name, word))
    return Axis(name, tuple(dict.fromkeys(values)))


def _values(name: str, word: str) -> list[str | int | float]:
    """What a value or a range stands for."""
    found = _RANGE.fullmatch(word)
    if found is None or name not in (*_WHOLE, *_NUMBERS):
        return [_value(name, word)]
    log, low, high, parts = (
        found["log"],
        *(float(_value(name, found[end])) for end in ("low", "high")),
        found["parts"],
    )
    whole = name in _WHOLE
    if not parts and not (whole and not log):
        raise RunError(f"say how many values, as in {word}/5", named=f"--set {name}")
    steps = (int(parts) if parts else round(high - low) + 1) - 1
    if not low < high < math.inf or not 1 <= steps < MOST_TRIALS or (log and low <= 0):
        raise RunError(
            f"a range goes up from its first end{', above 0,' if log else ''} in 2 to "
            f"{MOST_TRIALS:,} values (given: {word})",
            named=f"--set {name}",
        )
    if log:
        spread = [low * (high / low) ** (step / steps) for step in range(steps + 1)]
    else:
        spread = [low + (high - low) * step / steps for step in range(steps + 1)]
    return [round(value) if whole else float(f"{value:.4g}") for value in spread]


def _value(name: str, word: str) -> str | int | float:
    try:
        if name in _WHOLE:
            return int(word)
        return float(word) if name in _NUMBERS else word
    except ValueError:
        what = "a whole number" if name in _WHOLE else "a number"
        raise RunError(f'"{word}" is not {what}', named=f"--set {name}") from None


def parse_axes(texts: Sequence[str]) -> list[Axis]:
    """All axes of a sweep.

    Raises:
        RunError: none at all, one that cannot be read, or one setting named twice.
    """
    if not texts:
        raise RunError("nothing to sweep; name values, as in --set learning_rate=0.001,0.002")
    axes = [parse_axis(text) for text in texts]
    for axis in axes:
        if sum(axis.name == other.name for other in axes) > 1:
            raise RunError(f"--set {axis.name}: named twice; put its values behind one another")
    return axes


def grid(
    home: Home, preset: str, axes: Sequence[Axis], plan: Plan, seeds: int = 1
) -> list[PlannedTrial]:
    """One training for each combination and seed; equal ones are there once.

    All combinations of the first seed come before those of the second.

    Raises:
        PresetError: an unknown preset, an impossible model or a value out of range.
        DatasetError: the data set cannot be used.
        RunError: more trainings than a queue holds.
    """
    if seeds < 1:
        raise RunError(f"seeds: must be 1 or more (given: {seeds})")
    size = seeds
    for axis in axes:
        size *= len(axis.values)
    if size > MOST_TRIALS:
        raise RunError(f"a grid of {size:,} trainings; the queue holds at most {MOST_TRIALS:,}")
    if seeds > 1 and any(axis.name == "seed" for axis in axes):
        raise RunError("--set seed and --seeds: give one of them")
    # What all have alike tells none of them from the others.
    told = [axis.name for axis in axes if len(axis.values) > 1] or [axis.name for axis in axes]
    found: dict[tuple[str, int], PlannedTrial] = {}
    for repeat in range(seeds):
        for values in product(*(axis.values for axis in axes)):
            chosen = dict(zip((axis.name for axis in axes), values, strict=True))
            spec = specs_for(home, preset, _plan_with(plan, chosen, repeat))[0]
            label = _label({name: chosen[name] for name in told})
            found.setdefault(identity(spec), PlannedTrial(spec, label))
    return list(found.values())


def _plan_with(plan: Plan, chosen: dict[str, str | int | float], repeat: int) -> Plan:
    names = {field.name for field in fields(Overrides)}
    settings = {name: value for name, value in chosen.items() if name in names}
    rest = {name: value for name, value in chosen.items() if name not in names}
    changed = {
        "overrides": replace(plan.overrides, **settings),  # type: ignore[arg-type]
        "seed": plan.seed + repeat,
        "repeats": 1,
        **rest,
    }
    return replace(plan, **changed)  # type: ignore[arg-type]


def _label(chosen: dict[str, str | int | float]) -> str:
    """`lr=0.02 opt=adam`: short, since lists have little room for it."""
    short = {name: alias for alias, name in ALIASES.items()}
    return " ".join(
        f"{short.get(name, name)}={f'{value:g}' if isinstance(value, float) else value}"
        for name, value in chosen.items()
    )
