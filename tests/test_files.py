from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from workbench import files
from workbench.cli.entry import run
from workbench.errors import EnvironmentProblem, UserError
from workbench.files import (
    UnfitFile,
    keep_aside,
    open_to_append,
    read_file,
    read_toml,
    replacing,
    stamp,
    typed_path,
    write_export,
    write_file,
)
from workbench.settings import HOME_VARIABLE

UNFINISHED = ".0123456789abcdef.workbench.tmp"


@pytest.fixture(params=["nameless", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of writing: with files that have no name yet, and where there are none."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE")
    return str(request.param)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_private(way: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_file(path, "é")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    real = os.open

    def fails(*given: object, **named: object) -> object:
        if call == "open" and not given[1] & (os.O_WRONLY | os.O_CREAT):  # type: ignore[operator]
            return real(*given, **named)  # type: ignore[arg-type]
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(OSError, match=os.strerror(code)):
            write_file(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.keras", ending=".keras") as new:
        new.write_text("half")
        assert new.name.endswith(".keras")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_a_killed_writer_left_is_cleared_by_the_next(
    way: str, tmp_path: Path, call: str
) -> None:
    """Killed at each step; the next write in the folder clears it, of whatever file."""
    child = os.fork()
    if child == 0:
        setattr(os, call, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        write_file(tmp_path / "a.json", "half")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    before_its_name = way == "nameless" and call == "fsync"
    assert len(names(tmp_path)) == (0 if before_its_name else 1)
    write_file(tmp_path / "b.json", "whole")
    assert names(tmp_path) == ["b.json"]


def test_the_file_of_a_living_writer_and_of_strangers_stay(tmp_path: Path) -> None:
    left, theirs = tmp_path / UNFINISHED, tmp_path / ".a.json.tmp"
    left.write_text("half")
    theirs.write_text("another program's")
    with replacing(tmp_path / "a.json") as new:
        new.write_text("slow")
        write_file(tmp_path / "b.json", "quick")
        assert new.read_text() == "slow"
    assert names(tmp_path) == [".a.json.tmp", "a.json", "b.json"]


def test_a_file_taken_for_a_killed_ones_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    taken: list[str] = []

    def lock(descriptor: int, operation: int) -> None:
        if not taken:
            taken.extend(names(tmp_path))
            (tmp_path / taken[0]).unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    with replacing(tmp_path / "a.json") as new:
        new.write_text("whole")
    assert taken and names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "whole"


def test_without_locks_files_are_written_all_the_same(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / UNFINISHED).write_text("of whom nobody knows")
    write_file(tmp_path / "a.json", "whole")
    assert names(tmp_path) == [UNFINISHED, "a.json"]


def test_writers_at_once_leave_one_whole_file(way: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    texts = [str(number) * 10_000 for number in range(8)]

    def write(text: str) -> None:
        for _ in range(10):
            write_file(path, text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert names(tmp_path) == ["a.json"]


def test_an_export_is_for_others_and_keeps_the_rights_it_had(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    before = os.umask(0o077)
    try:
        write_export(path, "one")
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        path.chmod(0o640)
        write_export(path, "two")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_export_goes_to_files_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for bad in (pipe, tmp_path, Path("/"), Path("."), Path("/dev/null")):
        with pytest.raises(EnvironmentProblem, match="no ordinary file"):
            write_export(bad, "text")
    with pytest.raises(EnvironmentProblem, match="No such file or directory"):
        write_export(tmp_path / "nowhere" / "a.md", "text")
    assert names(tmp_path) == ["pipe"]


def test_a_damaged_file_is_kept_aside_under_a_free_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    kept = []
    for number in range(3):
        path.write_text(str(number))
        kept.append(keep_aside(path))
    assert [aside.read_text() for aside in kept] == ["0", "1", "2"]
    assert not path.exists()


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert stamp(path) is None
    write_file(path, "a")
    first = stamp(path)
    assert first == stamp(path) is not None
    write_file(path, "b")
    assert stamp(path) != first


def test_a_folder_that_cannot_be_flushed_loses_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", only_files)
    write_file(tmp_path / "a.json", "whole")
    assert names(tmp_path) == ["a.json"]


def test_a_path_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert typed_path("~/a") == tmp_path / "a" == typed_path("a")
    with pytest.raises(UserError, match="~nosuchuser/x: the home folder of ~nosuchuser is not"):
        typed_path("~nosuchuser/x")


@pytest.mark.parametrize(
    "words",
    [
        ("presets", "--home", "~nosuchuser/x"),
        ("show", "~nosuchuser/x.toml"),
        ("show", "nn-1", "--dataset", "~nosuchuser/x.npz"),
        ("run", "nn-1", "--dataset", "~nosuchuser/x.npz"),
        ("leaderboard", "import", "~nosuchuser/x.json"),
        ("export", "-o", ".", "--force"),
        ("export", "-o", "/", "--force"),
        ("export", "-o", "", "--force"),
    ],
)
def test_a_path_that_is_none_is_refused_in_one_line(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(list(words)) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and ("nosuchuser" in said or "no ordinary file" in said)


def test_a_home_in_the_environment_of_no_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, "~nosuchuser/x")
    assert run(["runs"]) == 2
    assert "write the path out" in capsys.readouterr().err


def test_only_regular_files_of_a_sane_size_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(UnfitFile, match="is larger than 4 bytes"):
        read_file(path, 4)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("fifo", "link", "."):
        with pytest.raises(UnfitFile, match=r"is (no regular file|a folder)"):
            read_file(tmp_path / name, 5)
    with pytest.raises(OSError, match="No such device"):  # nobody reads it
        open_to_append(tmp_path / "fifo")


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "{b = " * 3000, "a = ["])
def test_toml_however_deep_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ValueError):
        read_toml(path, 100_000)
