"""The queue in words, alike in commands and on the screen: what is to be done, and how long."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workbench.leaderboard.wording import count
from workbench.queue.service import Sorted
from workbench.queue.view import QueueView, estimated_seconds, total_seconds
from workbench.runs.estimate import Speed, duration_words

NOT_KNOWN = "how long is not known yet (no run like these has ended here)"


def plan_sentence(found: Sorted, speeds: Sequence[Speed]) -> str:
    """`12 trained already, 8 new; 8 to train: about 25 min, until 16:40.`"""
    parts = []
    if found.present:
        parts.append(f"{len(found.present)} trained already")
    if found.queued:
        parts.append(f"{len(found.queued)} in the queue already")
    if not found.to_train:
        return f"{', '.join(parts)}: nothing to train."
    if found.new:
        parts.append(f"{len(found.new)} new")
    specs = [item.spec for item in found.new] + [item.spec for item, _ in found.queued]
    times = [estimated_seconds(spec, speeds) for spec in specs]
    seconds, unknown = total_seconds(times), sum(known is None for known in times)
    if found.ahead:
        left = f"{_length(seconds, unknown)}, after {found.ahead} queued earlier"
    else:
        left = time_words(seconds, unknown)
    return f"{', '.join(parts)}; {found.to_train} to train: {left}."


def time_left(view: QueueView) -> str:
    """`about 38 min, until 16:42`, or why it is not known."""
    if not view.pending:
        return "nothing left to train"
    return time_words(view.seconds_left, view.unknown)


def time_words(seconds: float | None, unknown: int, *, left: bool = False) -> str:
    """A time to go, and for how many trials there is no telling; `left`: it is running down."""
    if seconds is None:
        return NOT_KNOWN
    until = time.strftime("%H:%M", time.localtime(time.time() + seconds))
    return _length(seconds, unknown, f"{' left' if left else ''}, until {until}")


def _length(seconds: float | None, unknown: int, then: str = "") -> str:
    if seconds is None:
        return NOT_KNOWN
    words = f"about {duration_words(seconds)}{then}"
    return f"{words}, and {count(unknown, 'trial')} of unknown length" if unknown else words
