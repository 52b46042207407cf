"""Giving a run to the standby worker: what is known of it when it dies in that moment."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from workbench.runs import lock, standby
from workbench.runs.folder import create_run
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.standby import TAKEN, Standby
from workbench.settings import Home


@pytest.mark.parametrize(("answer", "taken"), [(b"", False), (b"ready\n" + TAKEN, True)])
def test_a_run_is_taken_once_the_worker_says_so(
    home: Home, tmp_path: Path, answer: bytes, taken: bool
) -> None:
    folder, descriptor = create_run(home, specs_for(home, "nn-1", Plan())[0], Labels(), "app")
    (tmp_path / "name-1.sock").touch()
    held = lock.acquire(tmp_path / "name.lock")
    assert held is not None
    lock.write_pid(held, 4242)
    given = Standby(home)
    given._channel, worker = socket.socketpair()
    given._path = tmp_path / "name-1.sock"

    def hear_and_end() -> None:
        worker.recv(9999)
        worker.sendall(answer)
        worker.close()

    thread = threading.Thread(target=hear_and_end)
    thread.start()
    assert given.take(folder, descriptor) is taken
    thread.join()
    assert (lock.holder_pid(folder.lock_file) == 4242) is taken
    os.close(held)
    os.close(descriptor)


def test_one_that_lives_and_is_silent_has_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "ANSWER_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert standby._lives_to_take(ours)
