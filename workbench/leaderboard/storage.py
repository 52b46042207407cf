"""A TinyDB storage that never leaves half a file.

TinyDB's own storage writes in place and several times an operation: two processes corrupt it,
and so does a kill. This one reads once, keeps what TinyDB changes, and on `commit` replaces the
file as a whole. It is to be used under a lock, opened anew inside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from workbench.files import UnfitFile, read_file, write_file
from workbench.leaderboard.reading import LARGEST, TABLE, DamagedFile

Tables = dict[str, dict[str, Any]]


class AtomicStorage(Storage):
    """One file, read at most once and replaced as a whole by `commit`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables: Tables | None = None
        self._loaded = False
        self._changed = False

    def read(self) -> Tables | None:
        """The tables; None where there is no file yet.

        Raises:
            DamagedFile: the file is no leaderboard.
            OSError: the file cannot be read.
        """
        if not self._loaded:
            try:
                self._tables = _checked(read_file(self._path, LARGEST), self._path)
            except FileNotFoundError:
                self._tables = None
            except UnfitFile as error:
                raise DamagedFile(str(self._path)) from error
            self._loaded = True
        return self._tables

    def write(self, data: Tables) -> None:
        """Keep the changed tables until `commit`."""
        self._tables, self._loaded, self._changed = data, True, True

    def commit(self) -> None:
        """Put the changes on the disk, whole or not at all.

        Raises:
            OSError: the disk is full or the folder is gone; the old file is intact.
        """
        if self._changed:
            write_file(self._path, to_json(self._tables, inf_nan_mode="null"))
            self._changed = False


def open_table(path: Path) -> tuple[Table, AtomicStorage]:
    """The file's table of runs and the storage to commit it with. The caller holds the lock."""
    database = TinyDB(path, storage=AtomicStorage)
    storage = database.storage
    assert isinstance(storage, AtomicStorage)
    return database.table(TABLE), storage


def _checked(content: bytes, path: Path) -> Tables:
    """The file's tables, if it has the shape TinyDB and the reader rely on."""
    try:
        tables = from_json(content)
    except ValueError as error:
        raise DamagedFile(str(path)) from error
    if not isinstance(tables, dict):
        raise DamagedFile(str(path))
    for table in tables.values():
        if not isinstance(table, dict):
            raise DamagedFile(str(path))
        for number, document in table.items():
            if not (number.isdecimal() and isinstance(document, dict) and "run_id" in document):
                raise DamagedFile(str(path))
    return tables
