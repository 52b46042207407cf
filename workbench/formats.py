"""How numbers, durations and points of time are written for people, in commands and screens.

Data (JSON, CSV) has plain numbers, seconds, and ISO 8601 with its offset instead.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

MISSING = "–"
MINUS = "−"
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(fraction: float | None) -> str:
    """`97.49 %`."""
    return MISSING if fraction is None else f"{100 * fraction:.2f} %"


def bare_percent(fraction: float | None, missing: str = MISSING) -> str:
    """`97.49`, for a column whose heading has the unit."""
    return missing if fraction is None else f"{100 * fraction:.2f}"


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


def metric_text(name: str, value: float) -> str:
    """A value of a metric of any name: `97.16 %` of an accuracy that is a fraction, else `0.0921`;
    words where it is no number, powers of ten where it is very large or small.
    """
    if not math.isfinite(value):
        return "no number"
    if name.endswith("accuracy") and 0 <= value <= 1:
        return percent(value)
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def clock(seconds: float | None) -> str:
    """A time in columns and where it runs: `0:42`, `12:05`, `1:02:03`; digits stand still."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float | None) -> str:
    """A time in sentences and documents: `8.2 s`, `14 min 12 s`, `1 h 05 min`."""
    if seconds is None:
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def rough_duration(seconds: float) -> str:
    """An estimated time: `0.4 s`, `52 s`, `3 min`, `1 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3570 else duration(seconds)


def moment(when: float | str, now: float | None = None) -> str:
    """A point of time in few letters, in local time: `16:40` today, `Thu 06:28` in the next
    days, `14 Nov 06:28` in this year, else `2025-11-14`. `when`: seconds since 1970, or ISO 8601.
    """
    when = _seconds(when) if isinstance(when, str) else when
    there, here = time.localtime(when), time.localtime(now)
    if (there.tm_year, there.tm_yday) == (here.tm_year, here.tm_yday):
        return time.strftime("%H:%M", there)
    days = (when - time.mktime(here)) / 86_400
    if 0 < days < 6:
        return time.strftime("%a %H:%M", there)
    if there.tm_year == here.tm_year or days > 0:
        return time.strftime("%d %b %H:%M", there).lstrip("0")
    return time.strftime("%Y-%m-%d", there)


def local_time(iso: str) -> str:
    """A point of time in full, from ISO 8601, in local time with its zone:
    `2025-11-23 07:38 CET`."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(_seconds(iso)))


def local_iso(iso: str) -> str:
    """The same in ISO 8601, in local time: `2025-11-23T07:38:00`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(_seconds(iso)))


def _seconds(iso: str) -> float:
    when = datetime.fromisoformat(iso)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def number(value: float | None, digits: str = "g") -> str:
    return MISSING if value is None else format(value, digits).replace("-", MINUS, 1)


def count(amount: int, one: str, several: str | None = None) -> str:
    """`1 run`, `3 runs`."""
    return f"{amount:,} {one if amount == 1 else several or one + 's'}"


def epochs_done(done: int, planned: int) -> str:
    """`3 of 5 epochs`."""
    return f"{done:,} of {count(planned, 'epoch')}"


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
