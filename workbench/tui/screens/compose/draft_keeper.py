"""Unsaved work is written down as it changes, and comes back after a connection has dropped."""

from __future__ import annotations

import asyncio
import threading

from textual.screen import Screen

from workbench.errors import PresetError
from workbench.formats import moment
from workbench.model.draft import DraftFile, DraftHistory, Returned
from workbench.settings import Home

KEEP_SECONDS = 0.5  # from a change to its file, and between files


class DraftKeeper:
    """Keeps one screen's draft. What the disk refuses goes to the log: nobody asked for it."""

    def __init__(self, screen: Screen[None], home: Home) -> None:
        self._screen = screen
        self._file = DraftFile(home)
        self._seen: DraftHistory | None = None
        self._wanted: DraftHistory | None = None
        self._written = self._busy = False
        # What is dropped or closed on the event loop must not be written after all by a thread.
        self._guard = threading.Lock()

    def take_over(self) -> tuple[Returned | None, list[PresetError]]:
        """What an app left behind, and what of that cannot be read."""
        try:
            returned, errors = self._file.take_over()
        except OSError as error:
            self._screen.log.error(f"unsaved work cannot be looked for: {error}")
            return None, []
        if returned is not None:
            self._seen, self._written = returned.history, True
        return returned, errors

    def changed(self, history: DraftHistory) -> None:
        """The draft may have changed: write it soon."""
        if history is self._seen:
            return
        self._seen = history
        if not history.unsaved and not self._written:
            return
        self._written = True
        self._wanted = history
        if not self._busy:
            self._busy = True
            self._screen.run_worker(self._write(), group="draft")

    async def _write(self) -> None:
        try:
            while self._wanted is not None:
                await asyncio.sleep(KEEP_SECONDS)
                await asyncio.to_thread(self._write_now)
        finally:
            self._busy = False

    def _write_now(self) -> None:
        with self._guard:
            history, self._wanted = self._wanted, None
            if history is None:
                return
            try:
                self._file.keep(history)
            except OSError as error:
                self._screen.log.error(f"unsaved work cannot be kept: {error}")

    def discard(self) -> None:
        """The work is dropped on purpose and does not come back."""
        with self._guard:
            self._wanted = None
            try:
                self._file.discard()
            except OSError as error:
                self._screen.log.error(f"unsaved work cannot be removed: {error}")

    def close(self) -> None:
        """Write what is still to be written; the next app finds it."""
        self._write_now()
        self._file.close()


def back_words(returned: Returned) -> str:
    """`Unsaved work from 14:02 is back; u undoes that`, with the day where it is another."""
    return f"Unsaved work from {moment(returned.changed_at)} is back; u undoes that"
