"""The queue in words, alike in commands and on the screen: what is to be done, and how long."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workbench.leaderboard.wording import count
from workbench.queue.local import seconds_for_all
from workbench.queue.service import Sorted
from workbench.queue.trial import identity
from workbench.queue.view import QueueView, estimated_seconds, guessed_seconds
from workbench.runs.calibration import matrix_operations_a_second
from workbench.runs.estimate import Speed, duration_words

NOT_KNOWN = "how long is not known yet (no run like these has ended here)"


def plan_sentence(found: Sorted, speeds: Sequence[Speed]) -> str:
    """`12 trained already, 8 new; 8 to train: about 25 min, until 16:40.`"""
    parts = []
    if found.present:
        diverged = sum(summary.diverged for _, summary in found.present)
        aside = f" ({diverged} diverged)" if diverged else ""
        parts.append(f"{len(found.present)} trained already{aside}")
    if found.queued:
        parts.append(f"{len(found.queued)} in the queue already")
    if not found.to_train:
        return f"{', '.join(parts)}: nothing to train."
    if found.new:
        parts.append(f"{len(found.new)} new")
    specs = [item.spec for item in found.new] + [item.spec for item, _ in found.queued]
    done = found.epochs_done
    epochs = [done.get(identity(spec), 0) for spec in specs]
    times = [
        estimated_seconds(spec, speeds, over) for spec, over in zip(specs, epochs, strict=True)
    ]
    guessed = [place for place, known in enumerate(times) if known is None]
    if guessed:
        speed = matrix_operations_a_second()
        for place in guessed:
            times[place] = guessed_seconds(specs[place], speed, epochs[place])
    seconds, unknown = seconds_for_all([], times), sum(known is None for known in times)
    if found.ahead:
        left = f"{_length(seconds, unknown)}, after {found.ahead} queued earlier"
    else:
        left = time_words(seconds, unknown)
    if len(guessed) > unknown:
        which = "it" if len(specs) == 1 else f"{len(guessed) - unknown} of them"
        left += f" (a guess by this processor's speed: nothing like {which} has ended here)"
    return f"{', '.join(parts)}; {found.to_train} to train: {left}."


def time_left(view: QueueView) -> str:
    """`about 38 min, until 16:42`, or why it is not known."""
    if not view.pending:
        return "nothing left to train"
    return time_words(view.seconds_left, view.unknown)


def short_time_left(view: QueueView) -> str:
    """`about 38 min left`; empty where nothing is known of it or nothing is left."""
    if not view.pending or view.seconds_left is None:
        return ""
    return f"{_at_least(view.unknown)} {duration_words(view.seconds_left)} left"


def time_words(seconds: float | None, unknown: int, *, left: bool = False) -> str:
    """A time to go, and for how many trials there is no telling; `left`: it is running down."""
    if seconds is None:
        return NOT_KNOWN
    words = _length(seconds, unknown, " left" if left else "")
    # When all will be done is known only if each trial's time is.
    return words if unknown else f"{words}, until {moment(time.time() + seconds)}"


def moment(when: float, now: float | None = None) -> str:
    """`16:40` today, `Thu 06:28` within a week, `14 Nov 06:28` after that."""
    there, here = time.localtime(when), time.localtime(now)
    if (there.tm_year, there.tm_yday) == (here.tm_year, here.tm_yday):
        return time.strftime("%H:%M", there)
    days = (when - time.mktime(here)) / 86_400
    return time.strftime("%a %H:%M" if days < 6 else "%d %b %H:%M", there)


def process_lost(view: QueueView) -> str:
    """What is to be said of a queue whose process was killed: what trains on without it."""
    words, runs = "the queue's process is gone", view.orphans or ()
    match runs:
        case ():
            return words
        case (one,):
            return f"{words}; run {one} trains on"
    return f"{words}; runs {', '.join(runs)} train on"


def _length(seconds: float | None, unknown: int, then: str = "") -> str:
    if seconds is None:
        return NOT_KNOWN
    words = f"{_at_least(unknown)} {duration_words(seconds)}{then}"
    return f"{words} ({count(unknown, 'trial')} of unknown length)" if unknown else words


def _at_least(unknown: int) -> str:
    return "at least" if unknown else "about"
