"""One leaderboard file: read by anybody at any time, changed by one process at a time.

The file is TinyDB's: `{"runs": {"1": {…}, "2": {…}}}`, one summary a document. It is only ever
replaced as a whole, under a lock, since TinyDB's own storage writes in place and several times an
operation: two processes corrupt it, and so does a kill. So a reader sees the old one or the new
one, never half of one, and needs neither the lock nor TinyDB. It parses and checks in one pass:
10,000 runs in about a tenth of a second, block by block, so that other threads are not kept from
working meanwhile.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from workbench.errors import EnvironmentProblem, UserError
from workbench.files import UnfitFile, keep_aside, read_file, write_file
from workbench.runs.summary import AnySummary

if TYPE_CHECKING:
    from tinydb.table import Table

LOCK_TIMEOUT = 30.0  # seconds; a write takes a tenth of one
POLL_INTERVAL = 0.01  # seconds
TABLE = "runs"
START, END = b'{"runs":{', b"}}"
# Between two documents, where one document ends and the key of the next begins. It cannot stand
# in a text: a quotation mark in there has a backslash before it or ends it, and no digit follows.
BETWEEN = re.compile(rb'\},"\d+":\{')
BLOCK_RUNS = 500
LARGEST = 500_000_000  # bytes; 10,000 runs take 20,000,000


class LeaderboardDamaged(UserError):
    """A leaderboard file that cannot be read; it was kept aside."""

    exit_code = 1


class LeaderboardBusy(EnvironmentProblem):
    """Another process holds the leaderboard's lock for too long."""


class DamagedFile(Exception):
    """The file is no leaderboard: not JSON, or JSON of another shape."""


@dataclass(frozen=True)
class LockedDatabase:
    """A TinyDB file with its lock. `remedy` says how its content comes back when damaged.

    Raises:
        LeaderboardDamaged: the file is no leaderboard; it was kept aside.
        LeaderboardBusy: another process held the lock too long.
        EnvironmentProblem: the disk is full, or the file cannot be read, locked or written.
    """

    path: Path
    remedy: str
    timeout: float = LOCK_TIMEOUT

    @property
    def lock_file(self) -> Path:
        """Held while the file is changed, never while it is read."""
        return self.path.with_name(self.path.name + ".lock")

    def read(self) -> list[AnySummary]:
        """All summaries in the file, in the order they came."""
        try:
            return read_summaries(self.path)
        except DamagedFile:
            with self.locked():  # another process may have repaired it meanwhile
                damage = self.check()
                if damage is not None:
                    raise damage from None
                return read_summaries(self.path)
        except OSError as error:
            raise self._problem(error, "cannot be read") from error

    @contextmanager
    def change(self) -> Iterator[Table]:
        """The table of runs, to be changed; put on the disk at the end, whole or not at all."""
        # TinyDB is imported here, since reading does without it.
        from tinydb import TinyDB
        from tinydb.storages import MemoryStorage

        with self.locked():
            try:
                database = TinyDB(storage=MemoryStorage)
                database.storage.write(_tables(self.path))
                yield database.table(TABLE)
                write_file(self.path, to_json(database.storage.read(), inf_nan_mode="null"))
            except DamagedFile as error:
                raise self._keep_aside() from error
            except OSError as error:
                raise self._problem(error, "not changed") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock_file, timeout=self.timeout, mode=0o600)
        try:
            held = lock.acquire(poll_interval=POLL_INTERVAL)
        except Timeout as error:
            raise LeaderboardBusy(
                f"leaderboard {self.path}: another process has held its lock for "
                f"{self.timeout:g} s; try again when it is done"
            ) from error
        except OSError as error:
            raise self._problem(error, "cannot be locked") from error
        with held:
            yield

    def check(self) -> LeaderboardDamaged | None:
        """Keep the file aside if it is damaged, and return what to say of it. Under the lock."""
        try:
            read_summaries(self.path)
        except DamagedFile:
            return self._keep_aside()
        except OSError as error:
            raise self._problem(error, "cannot be read") from error
        return None

    def _keep_aside(self) -> LeaderboardDamaged:
        try:
            kept = f"; it is kept aside as {keep_aside(self.path).name}"
        except OSError as error:
            kept = f", and it cannot be kept aside ({error.strerror})"
        return LeaderboardDamaged(f"leaderboard {self.path}: damaged{kept}; {self.remedy}")

    def _problem(self, error: OSError, what: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"leaderboard {self.path}: {error.strerror or error}; {what}, the old one is intact; "
            "free space there, or name another folder with --home"
        )


def read_summaries(path: Path) -> list[AnySummary]:
    """All summaries in the file, in the order they came; none where there is no file.

    Raises:
        DamagedFile: the file is no leaderboard.
        OSError: the file cannot be read.
    """
    content, runs = _content(path), dict[int, AnySummary]()
    try:
        for block in _blocks(content):
            runs |= _adapter().validate_json(block).get(TABLE, {})
            time.sleep(0)  # pydantic holds the interpreter from the beginning to the end of a block
    except ValidationError:  # damaged, or of a shape that is not cut where it was thought to be
        try:
            runs = _adapter().validate_json(content).get(TABLE, {})
        except ValidationError as error:
            raise DamagedFile(str(path)) from error
    return list(runs.values())


def _content(path: Path) -> bytes:
    """What is in the file, or would be in one of no runs where there is none."""
    try:
        return read_file(path, LARGEST)
    except FileNotFoundError:
        return START + END
    except UnfitFile as error:
        raise DamagedFile(str(path)) from error


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[dict[str, dict[int, AnySummary]]]:
    return TypeAdapter(dict[str, dict[int, AnySummary]])


def _blocks(content: bytes) -> Iterator[bytes]:
    """Files of some hundred runs each that together hold what this one does."""
    if content.startswith(START):
        begin = 0
        for number, match in enumerate(BETWEEN.finditer(content), start=1):
            if number % BLOCK_RUNS == 0:
                end = match.start() + 1
                yield _opened(content[begin:end], begin) + END
                begin = end + 1
        content = _opened(content[begin:], begin)
    yield content


def _opened(part: bytes, begin: int) -> bytes:
    return START + part if begin else part


def _tables(path: Path) -> Any:
    """The file's tables, if it has the shape TinyDB and the reader rely on."""
    try:
        tables = from_json(_content(path))
    except ValueError as error:
        raise DamagedFile(str(path)) from error
    are_tables = isinstance(tables, dict) and all(isinstance(one, dict) for one in tables.values())
    if not are_tables or not all(
        number.isdecimal() and isinstance(document, dict) and "run_id" in document
        for table in tables.values()
        for number, document in table.items()
    ):
        raise DamagedFile(str(path))
    return tables
