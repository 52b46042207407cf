"""One leaderboard file: read by anybody at any time, changed by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import EnvironmentProblem, UserError
from workbench.files import keep_aside
from workbench.leaderboard.reading import DamagedFile, read_summaries
from workbench.runs.summary import AnySummary

if TYPE_CHECKING:
    from tinydb.table import Table

LOCK_TIMEOUT = 30.0  # seconds; a write takes a tenth of one
POLL_INTERVAL = 0.01  # seconds


class LeaderboardDamaged(UserError):
    """A leaderboard file that cannot be read; it was kept aside."""

    exit_code = 1


class LeaderboardBusy(EnvironmentProblem):
    """Another process holds the leaderboard's lock for too long."""


@dataclass(frozen=True)
class LockedDatabase:
    """A TinyDB file with its lock. `remedy` says how its content comes back when damaged."""

    path: Path
    remedy: str
    timeout: float = LOCK_TIMEOUT

    @property
    def lock_file(self) -> Path:
        """Held while the file is changed, never while it is read."""
        return self.path.with_name(self.path.name + ".lock")

    def read(self) -> list[AnySummary]:
        """All summaries in the file, in the order they came.

        Raises:
            LeaderboardDamaged: the file is no leaderboard; it was kept aside.
            EnvironmentProblem: the file cannot be read.
        """
        try:
            return read_summaries(self.path)
        except DamagedFile:
            with self.locked():
                return self._read_or_keep_aside()
        except OSError as error:
            raise self._problem(error, "cannot be read") from error

    @contextmanager
    def change(self) -> Iterator[Table]:
        """The table of runs, to be changed; put on the disk at the end, whole or not at all.

        Raises:
            LeaderboardDamaged: the file is no leaderboard; it was kept aside.
            LeaderboardBusy: another process held the lock too long.
            EnvironmentProblem: the disk is full or the folder cannot be written.
        """
        # TinyDB is imported here, since reading does without it.
        from workbench.leaderboard.storage import open_table

        with self.locked():
            try:
                table, storage = open_table(self.path)
                yield table
                storage.commit()
            except DamagedFile as error:
                raise self._keep_aside() from error
            except OSError as error:
                raise self._problem(error, "not changed") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            LeaderboardBusy: another process held it too long.
            EnvironmentProblem: the lock file cannot be made.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.lock_file, timeout=self.timeout, mode=0o600)
        try:
            lock.acquire(poll_interval=POLL_INTERVAL)
        except Timeout as error:
            raise LeaderboardBusy(
                f"leaderboard {self.path}: another process has held its lock for "
                f"{self.timeout:g} s; try again when it is done"
            ) from error
        except OSError as error:
            raise self._problem(error, "cannot be locked") from error
        try:
            yield
        finally:
            lock.release()

    def check(self) -> LeaderboardDamaged | None:
        """Keep the file aside if it is damaged, and return what to say of it. Under the lock.

        Raises:
            EnvironmentProblem: the file cannot be read.
        """
        try:
            read_summaries(self.path)
        except DamagedFile:
            return self._keep_aside()
        except OSError as error:
            raise self._problem(error, "cannot be read") from error
        return None

    def _read_or_keep_aside(self) -> list[AnySummary]:
        """Look again under the lock: another process may have fixed it meanwhile."""
        try:
            return read_summaries(self.path)
        except DamagedFile as error:
            raise self._keep_aside() from error

    def _keep_aside(self) -> LeaderboardDamaged:
        try:
            aside = keep_aside(self.path)
        except OSError as error:
            return LeaderboardDamaged(
                f"leaderboard {self.path}: damaged, and it cannot be kept aside "
                f"({error.strerror}); {self.remedy}"
            )
        return LeaderboardDamaged(
            f"leaderboard {self.path}: damaged; it is kept aside as {aside.name}; {self.remedy}"
        )

    def _problem(self, error: OSError, what: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"leaderboard {self.path}: {error.strerror or error}; {what}, the old one is intact; "
            "free space there, or name another folder with --home"
        )
