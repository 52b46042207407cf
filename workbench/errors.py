"""The error taxonomy: what a user can fix, as one sentence.

Everything the outside gets wrong (files, arguments, the network, the machine) is a
`UserError`: its text names the thing, what is wrong and what to do, and it is shown without a
traceback. Any other exception is a fault of the program and keeps its traceback in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(Exception):
    """One sentence for the user. `exit_code` is what a command ends with (2: wrong use).

    `field` names the setting that the sentence is about, where it is about a single one. With
    `named` the sentence begins with that name; `reason` is the rest, for forms, where the field
    stands above it. `about` is both: the field, and its name in words.
    """

    exit_code = 2

    def __init__(
        self, sentence: str = "", *, about: str = "", field: str = "", named: str = ""
    ) -> None:
        named = named or about.replace("_", " ")
        super().__init__(f"{named}: {sentence}" if named else sentence)
        self.reason = sentence
        self.field = field or about


class EnvironmentProblem(UserError):
    """The machine refused: a full disk, a folder that cannot be written, no network."""

    exit_code = 1


@contextmanager
def refused(before: str, after: str = "") -> Iterator[None]:
    """Tell of what the machine refuses in the block: the reason between halves of a sentence."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(f"{before}{error.strerror or error}{after}") from error


class PresetError(UserError):
    """A preset that does not exist or cannot be read."""


class DatasetError(UserError):
    """A data set that cannot be found, fetched or used."""


class RunError(UserError):
    """A run that does not exist, or cannot do what was asked of it in its state."""


class QueryError(UserError):
    """A filter or sort expression that cannot be understood."""


def nearest(name: str, known: Sequence[str]) -> str:
    """A closing half-sentence with the nearest known name, or the list of all of them."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known: {', '.join(known)}" if known else "there are none yet"
