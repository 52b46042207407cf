"""What a run or a trial of the queue is doing, or how it ended: the one vocabulary for it.

Commands, screens, filters and data all take their words, marks and colours from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Role = Literal["", "good", "muted", "warning", "bad"]  # the names of colours in tables and themes


class Status(StrEnum):
    """A state: its value in data, then its mark, its colour's role, and the word for people."""

    _value_: str
    mark: str
    role: Role
    word: str

    def __new__(cls, value: str, mark: str, role: Role, word: str = "") -> Status:
        """`word` where people read another one than data has."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.mark, member.role, member.word = mark, role, word or value
        return member

    WAITING = "waiting", "○", "muted"  # in the queue, and nothing trains it yet
    QUEUED = "queued", "○", "muted"  # behind the runs before it in its sequence
    PREPARING = "preparing", "◌", "good"  # its process is there and does not train yet
    RUNNING = "running", "●", "good", "training"
    PAUSED = "paused", "‖", "warning"
    FINISHED = "finished", "✓", ""
    COLLAPSED = "collapsed", "!", "warning"  # trained to the end, answers one class to all images
    PRESENT = "present", "✓", "", "known"  # in the queue: had been trained before
    STOPPED = "stopped", "■", "muted"  # on request, and saved
    PRUNED = "pruned", "■", "muted"  # by a search, and saved
    KILLED = "killed", "■", "warning"  # on request, without saving
    FAILED = "failed", "✗", "bad"
    DIVERGED = "diverged", "✗", "bad"  # the loss left the numbers
    CRASHED = "crashed", "✗", "bad"  # its process is gone without a word
    DAMAGED = "damaged", "?", "bad"  # its folder cannot be read
    DELETED = "deleted", "✗", "bad"

    @property
    def marked(self) -> str:
        """The word behind its mark: `● training`."""
        return f"{self.mark} {self.word}"

    @property
    def alive(self) -> bool:
        """Whether a process stands behind it."""
        return self in (Status.QUEUED, Status.PREPARING, Status.RUNNING, Status.PAUSED)

    @property
    def pending(self) -> bool:
        """Whether there is still something to train."""
        return self is Status.WAITING or self.alive

    @property
    def completed(self) -> bool:
        """Whether all of its epochs were trained, whatever came of it."""
        return self in (Status.FINISHED, Status.COLLAPSED)

    @property
    def settled(self) -> bool:
        """Whether training it again would give nothing new."""
        return self.completed or self in (Status.PRESENT, Status.DIVERGED, Status.PRUNED)

    @property
    def resumable(self) -> bool:
        """Whether `resume` starts a new process that goes on from the last whole epoch."""
        stopped = (Status.STOPPED, Status.PRUNED, Status.KILLED)
        return self in (*stopped, Status.FAILED, Status.CRASHED)


_OF_RUNS = [state for state in Status if state not in (Status.WAITING, Status.PRESENT)]
# By which runs can be asked for: the words that are shown, then those that only data has.
STATUS_WORDS = tuple(
    dict.fromkeys([state.word for state in _OF_RUNS] + [state.value for state in _OF_RUNS])
)
