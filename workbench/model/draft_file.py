"""Unsaved work on disk: what is composed outlives a connection that drops.

Each app writes a file of its own in `drafts/` of the data folder, and holds the lock beside it
as long as it lives. A file whose lock is free was left behind: the next app takes it over.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import PresetError
from workbench.files import UnfitFile, keep_aside, read_toml, try_lock, write_file
from workbench.model.draft import EMPTY, DraftHistory, draft_of
from workbench.model.library import find_preset
from workbench.model.preset import (
    LARGEST_FILE,
    PRESET_NAME,
    Preset,
    preset_toml,
    validation_sentence,
)
from workbench.settings import Home

RETURNED = "bring back unsaved work"  # the one change in the history of a draft that is back


@dataclass(frozen=True)
class Returned:
    """A draft that an app left behind, and when it was last changed (seconds since 1970)."""

    history: DraftHistory
    changed_at: float


class DraftFile:
    """The file of one app. Nothing is made before there is something to keep.

    May be called from several threads; calls wait for one another.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.path / "drafts"
        self._guard = threading.Lock()
        self._path: Path | None = None
        self._lock = -1

    def keep(self, history: DraftHistory) -> None:
        """Write the draft if it is unsaved work, else remove what was written before.

        Raises:
            OSError: the disk is full or the folder cannot be written; what was there stays.
        """
        with self._guard:
            if history.unsaved:
                self._write(draft_text(history))
            elif self._path is not None:
                self._path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what was written: the work was dropped on purpose.

        Raises:
            OSError: the file cannot be removed.
        """
        with self._guard:
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def take_over(self) -> tuple[Returned | None, list[PresetError]]:
        """The newest draft whose app is gone; from now on its file is this app's.

        A damaged one is kept aside under another name, with an error that says so.

        Raises:
            OSError: the folder cannot be read or locked.
        """
        with self._guard:
            if self._path is not None or not self._folder.is_dir():
                return None, []
            errors: list[PresetError] = []
            for path in self._newest_first():
                lock = try_lock(_lock_file(path))
                if lock is None:
                    continue
                returned = None
                try:
                    returned = Returned(read_draft(path, self._home), path.stat().st_mtime)
                except PresetError as error:
                    aside = keep_aside(path)
                    words = f"unsaved work of Compose is damaged and kept as {aside}: {error}"
                    errors.append(PresetError(words))
                except FileNotFoundError:
                    pass  # its app has just left, with nothing unsaved
                except OSError as error:
                    errors.append(PresetError(f"unsaved work {path}: {error.strerror}"))
                if returned is not None and returned.history.unsaved:
                    self._path, self._lock = path, lock
                    return returned, errors
                if returned is not None:
                    path.unlink(missing_ok=True)
                _let_go(path, lock)
            return None, errors

    def close(self) -> None:
        """Let go of the file: what is in it is the next app's."""
        with self._guard:
            if self._path is None:
                return
            _let_go(self._path, self._lock)
            self._path, self._lock = None, -1

    def _newest_first(self) -> list[Path]:
        found = []
        for path in self._folder.glob("*.toml"):
            try:  # another app may save its work in this moment
                found.append((path.stat().st_mtime, path))
            except FileNotFoundError:
                continue
        return [path for _, path in sorted(found, reverse=True)]

    def _write(self, text: str) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._path or self._new_path(), text)

    def _new_path(self) -> Path:
        while True:
            path = self._folder / f"{secrets.token_hex(4)}.toml"
            lock = try_lock(_lock_file(path))
            if lock is not None:
                self._path, self._lock = path, lock
                return path


def _lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def _let_go(path: Path, lock: int) -> None:
    """Free the lock; without a draft its file is of no use to anyone."""
    if not path.exists():
        _lock_file(path).unlink(missing_ok=True)
    os.close(lock)


def draft_text(history: DraftHistory) -> str:
    """The draft as TOML: a preset, with the names of what it was saved as and began as."""
    names = {"kept": history.kept, "origin": history.origin}
    lines = [f'{key} = "{"" if preset is EMPTY else preset.name}"' for key, preset in names.items()]
    return "\n".join(lines) + "\n" + preset_toml(history.named(EMPTY.name, EMPTY.title))


def read_draft(path: Path, home: Home) -> DraftHistory:
    """The history of a draft: what it was saved as, and one change to what it is now.

    Raises:
        PresetError: the file is no draft.
        OSError: it cannot be read.
    """
    try:
        data = read_toml(path, LARGEST_FILE)
    except UnfitFile as error:
        raise PresetError(f"{error.strerror}; a draft is a page of TOML") from error
    except ValueError as error:
        raise PresetError(f"not a TOML file ({error})") from error
    kept, origin = (_preset(data.pop(key, ""), home) for key in ("kept", "origin"))
    try:
        draft = draft_of(Preset.model_validate(data))
    except ValidationError as error:
        raise PresetError(validation_sentence(error, data)) from error
    begun = DraftHistory(origin, draft_of(kept), kept)
    return begun.changed(draft, RETURNED, 0)


def _preset(name: Any, home: Home) -> Preset:
    """The preset of a name; nothing in its place where it is gone or damaged by now."""
    if not isinstance(name, str) or not re.fullmatch(PRESET_NAME, name):
        return EMPTY
    try:
        return find_preset(name, home)
    except PresetError:
        return EMPTY
