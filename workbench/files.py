"""Files of the data folder, and those a user names: read without waiting, replaced as a whole.

Only regular files up to a stated size are read: a FIFO would be waited for, /dev/zero has no end.

A write goes to a new file, is flushed to the disk and renamed into place. Where the file system
can do it, the new file has no name until it is whole, so that nothing can stay of it. Else, and for
the moment before the renaming, it has one that only this program gives: it is removed when the
write fails, and after a kill by the next write in the same folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from workbench.errors import EnvironmentProblem, UserError, refused

Stamp = tuple[int, int, int]  # of a file, see `stamp`

PRIVATE = 0o600
SHARED = 0o644
UNFINISHED = ".workbench.tmp"  # in the name of what is not whole yet


class UnfitFile(OSError):
    """What is there is not read: no regular file, or a larger one than can be meant."""


_given_umask: list[int] = []


def be_private() -> None:
    """Let nobody else read what this process writes: a user's data is nobody else's business."""
    _given_umask.append(os.umask(0o077))


def given_umask() -> int:
    """The umask from before: that of a command of the user's own."""
    return _given_umask[0] if _given_umask else 0o077


def typed_path(text: str | Path) -> Path:
    """The absolute path that a user's words mean, `~` and `~name` included.

    Raises:
        UserError: there is no such user, or no folder to count from.
    """
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(
            f"{text}: the home folder of {Path(text).parts[0]} is not known; write the path out"
        ) from error
    except OSError as error:
        raise UserError(f"{text}: the current folder is gone; write the path out") from error


def open_file(path: str | os.PathLike[str]) -> BufferedReader:
    """A regular file, open to be read.

    Raises:
        UnfitFile: what is there is no regular file.
        OSError: there is none, or it may not be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise UnfitFile(errno.EISDIR, "is a folder", str(path))
        if not stat.S_ISREG(mode):
            raise UnfitFile(errno.EINVAL, "is no regular file", str(path))
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        UnfitFile: it is larger, or no regular file.
        OSError: as for `open_file`.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        limit = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most:,} bytes"
        raise UnfitFile(errno.EFBIG, f"is larger than {limit}", str(path))
    return content


def read_toml(path: Path, most: int) -> dict[str, Any]:
    """The tables of a TOML file of at most `most` bytes.

    Raises:
        OSError: as for `read_file`.
        ValueError: what is in it is no TOML.
    """
    try:
        return tomllib.loads(read_file(path, most).decode())
    except RecursionError as error:
        raise ValueError("its arrays or tables are nested too deeply") from error


def open_to_append(path: Path) -> int:
    """A file of the user alone, open to be written at its end; made where there is none.

    Raises:
        OSError: it cannot be made or written, or is a FIFO that nobody reads.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    return os.open(path, flags, PRIVATE)


def write_file(path: Path, content: bytes | str, mode: int = PRIVATE) -> None:
    """Replace a file's content, text as UTF-8, and let it last through a power cut.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is intact.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        _write_nameless(path, data, mode)
    except OSError:  # a file system without nameless files, or a fault that comes at once again
        with replacing(path, mode) as new:
            new.write_bytes(data)


def write_export(path: Path, content: bytes | str) -> None:
    """Write a file that others may read; one that was there keeps its rights.

    Raises:
        EnvironmentProblem: it cannot be written, or what is there is no ordinary file.
    """
    with refused(f"{path}: ", "; nothing is written, write it elsewhere"):
        there = path.stat().st_mode if path.exists() else stat.S_IFREG | SHARED
        if not stat.S_ISREG(there):
            raise EnvironmentProblem(f"{path}: is no ordinary file; name another to write to")
        write_file(path, content, stat.S_IMODE(there))


@contextmanager
def replacing(path: Path, mode: int = PRIVATE, ending: str = "") -> Iterator[Path]:
    """A new, empty file to be written; it takes the path's place when the block ends.

    `ending` is what its own name has to end with. An error in the block leaves the old file.

    Raises:
        OSError: as for `write_file`.
    """
    _remove_unfinished(path.parent)
    new, descriptor = _create(path, mode, ending)
    try:
        with _removed_on_error(new):
            yield new
            os.fsync(descriptor)
            new.replace(path)
    finally:
        os.close(descriptor)
    _flush_folder(path.parent)


def keep_aside(path: Path) -> Path:
    """Rename a damaged file, so that a new one can begin in its place; its new path.

    Raises:
        OSError: it cannot be renamed.
    """
    name = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside, count = path.with_name(name), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{name}-{count}")
    path.rename(aside)
    return aside


def try_lock(path: Path) -> int | None:
    """The open file at a path, made if need be and locked until it is closed.

    None where another process holds the lock or has just removed the file.

    Raises:
        OSError: it cannot be made or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def stamp(path: str | os.PathLike[str]) -> Stamp | None:
    """Changes whenever the file does; None where there is none. Costs one look at it."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _write_nameless(path: Path, data: bytes, mode: int) -> None:
    nameless = getattr(os, "O_TMPFILE", None)
    if nameless is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    _remove_unfinished(path.parent)
    with open(os.open(path.parent, nameless | os.O_WRONLY | os.O_CLOEXEC, PRIVATE), "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        new = _new_name(path)
        # The directory is not used: given one, Python follows the link, which it else would not.
        os.link(f"/proc/self/fd/{file.fileno()}", new, src_dir_fd=file.fileno())
        with _removed_on_error(new):
            new.replace(path)
    _flush_folder(path.parent)


def _new_name(path: Path, ending: str = "") -> Path:
    return path.with_name(f".{os.urandom(8).hex()}{UNFINISHED}{ending}")


@contextmanager
def _removed_on_error(new: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _remove_unfinished(folder: Path) -> None:
    """Remove what killed writers left in a folder; files of living ones are locked and stay."""
    for left in folder.glob(f".*{UNFINISHED}*"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)


def _create(path: Path, mode: int, ending: str) -> tuple[Path, int]:
    """A locked file of a new name. One lost between its making and its locking is made again."""
    while True:
        new = _new_name(path, ending)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        try:
            os.fchmod(descriptor, mode)  # whatever the umask says
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another writer takes it for left over, and removes it just now
            os.close(descriptor)
            continue
        except OSError:  # a file system without locks: nobody can tell that it is unfinished
            return new, descriptor
        if os.fstat(descriptor).st_nlink:
            return new, descriptor
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Let the rename last, too, as far as the file system can promise it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
