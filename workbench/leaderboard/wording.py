"""Numbers as people read them: percent with two decimals, durations, plus and minus signs."""

from __future__ import annotations

from collections.abc import Sequence

MISSING = "–"
MINUS = "−"
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(fraction: float | None) -> str:
    """`97.49 %`."""
    return MISSING if fraction is None else f"{100 * fraction:.2f} %"


def percent_spread(mean: float | None, deviation: float | None) -> str:
    """`97.49 ± 0.05 %`; without the spread where there is none."""
    if mean is None or deviation is None:
        return percent(mean)
    return f"{100 * mean:.2f} ± {100 * deviation:.2f} %"


def points(difference: float | None) -> str:
    """A difference in percentage points with its sign: `+0.02`, `−1.30`, `0.00`."""
    if difference is None:
        return MISSING
    text = f"{abs(difference):.2f}"
    if float(text) == 0.0:
        return text
    return f"+{text}" if difference > 0 else f"{MINUS}{text}"


def duration(seconds: float | None) -> str:
    """`8.2 s`, `14 min 12 s`, `1 h 05 min`."""
    if seconds is None:
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def number(value: float | None, digits: str = "g") -> str:
    """A plain number in the given format."""
    return MISSING if value is None else format(value, digits).replace("-", MINUS, 1)


def count(amount: int, one: str, several: str | None = None) -> str:
    """`1 run`, `3 runs`."""
    return f"{amount:,} {one if amount == 1 else several or one + 's'}"


def raised(number: int) -> str:
    """A small raised number, as footnotes have."""
    return str(number).translate(_RAISED)


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in a few letters: `0–4, 7`."""
    if not seeds:
        return MISSING
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1][1:] = [seed]
        else:
            ranges.append([seed])
    return ", ".join("–".join(str(end) for end in pair) for pair in ranges)


def named_seeds(seeds: Sequence[int]) -> str:
    """`seed 3`, `seeds 0–4, 7`."""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {seeds_text(sorted(seeds))}"


def none_matches(runs: int) -> str:
    """What a filter that lets nothing through leads to, with how many runs there are."""
    return f"No run matches the filter; without it there {'is' if runs == 1 else 'are'} {runs:,}."
