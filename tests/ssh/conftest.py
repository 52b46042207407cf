"""A real OpenSSH server on loopback, and a login through a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|.)"
)


def missing() -> str | None:
    """Why there can be no server here, or None."""
    if not Path(SSHD).exists() or shutil.which("ssh") is None:
        return "no OpenSSH server here (install openssh-server and openssh-client)"
    return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """Where to log in, and as whom."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def command(self, remote: str) -> list[str]:
        return [
            *("ssh", "-tt", "-p", str(self.port), "-i", str(self.folder / "key")),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={os.devnull}"),
            *("-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"),
            f"{getpass.getuser()}@127.0.0.1",
            remote,
        ]

    def sessions(self) -> list[int]:
        """The server's own processes that serve a login; not what was started by that login."""
        import psutil

        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child.pid for child in children if child.name().startswith("sshd")]


class Login:
    """One SSH connection, seen as a person sees it: text comes, keys go."""

    def __init__(self, command: list[str], columns: int = 120, lines: int = 40) -> None:
        self.output = b""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        os.kill(self.pid, signal.SIGWINCH)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    @property
    def text(self) -> str:
        """All that has come so far, without escapes."""
        return ESCAPES.sub(b"", self.output).decode(errors="replace")

    def read(self, seconds: float = 0.1) -> None:
        """Take in what comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._terminal], [], [], left)
            if not ready:
                return
            try:
                data = os.read(self._terminal, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def wait_for(self, words: str, seconds: float = 60) -> None:
        """Until the words have come; what came before is forgotten."""
        self.wait_until(lambda: words in self.text, f"{words!r} to show", seconds)
        self.output = b""

    def wait_until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Until something holds, reading meanwhile."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}; came: {self.text[-3000:]}")
            self.read()

    def cut(self) -> None:
        """The connection is gone, without a word to either side's programs."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def end(self, seconds: float = 20) -> int:
        """Wait until the remote command ends by itself; its exit code."""
        deadline = time.monotonic() + seconds
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.read(0.2)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, f"it did not end; came: {self.text[-2000:]}"
            self.read()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server; tests are skipped where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("sshd")
    folder.chmod(0o700)
    for name in ("host", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    shutil.copy(folder / "key.pub", folder / "authorized")
    port = free_port()
    config = folder / "config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\nPidFile {folder}/pid\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd drops its rights in there
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.skip("the OpenSSH server does not start here")
            time.sleep(0.1)
    yield Server(port, folder, process)
    process.terminate()
    process.wait()


@pytest.fixture
def login() -> type[Login]:
    """The class itself, since test modules cannot import a conftest by name."""
    return Login
