"""What the standby worker is told: trainings to expect, and at last the run, or that it is over."""

from __future__ import annotations

import json
import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.model.spec import TrainingSpec
from workbench.runs.folder import RunFolder

MOST_BYTES = 65536


@dataclass(frozen=True)
class Handover:
    """The run that this process is to train, and its held lock."""

    folder: RunFolder
    descriptor: int


class Orders:
    """Reads the socket to `workbench.runs.standby.Standby`: one JSON object a line.

    `run` is the run once it has come; `over` that nothing more will come.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.run: Handover | None = None
        self.over = False
        self._channel = channel
        self._held = b""
        self._descriptors: list[int] = []
        self._expected: TrainingSpec | None = None

    def wait_for_expected(self) -> TrainingSpec | None:
        """The next training to expect; None once the run is there or all is over."""
        while self._expected is None and self.run is None and not self.over:
            self._receive()
        expected, self._expected = self._expected, None
        return expected if self.run is None else None

    def look(self) -> None:
        """Read what has come by now, without waiting."""
        while not self.over and self.run is None and select.select([self._channel], [], [], 0)[0]:
            self._receive()

    def answer(self, word: bytes) -> None:
        """Say something to the other side, which may be gone once it has given a run."""
        with suppress(OSError):
            self._channel.sendall(word)

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._channel, MOST_BYTES, 1)
        except OSError:
            data, descriptors = b"", []
        self.over = not data
        self._descriptors += descriptors
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "expect" in order:
                self._expected = TrainingSpec.model_validate(order["expect"])
            elif self._descriptors:
                self.run = Handover(RunFolder(Path(order["folder"])), self._descriptors[0])
