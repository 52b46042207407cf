"""An `.npz` file read block by block, without ever holding or unpickling a whole member.

`numpy.load` gives a member as one array; the images of a large data set need to be looked
through, or moved to disk, without that. Headers are parsed by NumPy, which reads a literal and
runs nothing; arrays of Python objects (pickles) are refused before a byte of them is read.
"""

from __future__ import annotations

import hashlib
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import DatasetError
from workbench.files import UnfitFile, open_file, read_file
from workbench.text import visible

KEYS = ("x_train", "y_train", "x_test", "y_test")
BLOCK_BYTES = 4 * 2**20
SAVING = "numpy.savez_compressed(file, x_train=…, y_train=…, x_test=…, y_test=…)"
_STARTS = {
    b"PK": "is cut short or damaged; copy it again",
    b"\x93NUMPY": "is a single .npy array; save all four with " + SAVING,
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"\x89HDF": "is an HDF5 file; save its arrays with " + SAVING,
    b"\x80": "is a pickle, which could run code and is not read; save its arrays with " + SAVING,
}
_CUT = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)
_NO_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError)
# What the archive's modules and NumPy raise over a file that is none of theirs, or not any more.
DAMAGE = (*_CUT, *_NO_HEADER, KeyError, OverflowError, RuntimeError)
_KINDS = {
    "O": "holds Python objects (a pickle), which could run code and is not read; save it with a "
    "number type, such as x.astype('uint8')",
    "c": "holds complex numbers; save real ones",
    "U": "holds text; save numbers",
    "S": "holds text; save numbers",
    "M": "holds dates; save numbers",
    "m": "holds time spans; save numbers",
    "V": "holds records with several fields; save one plain array of numbers",
}


@dataclass(frozen=True)
class ArrayHeader:
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool  # values are stored with the first axis varying fastest

    @property
    def size(self) -> int:
        return prod(self.shape)

    def position(self, flat: int) -> str:
        """Where the value with this place in the file stands: `[17, 3, 0]`."""
        index = np.unravel_index(flat, self.shape, order="F" if self.fortran else "C")
        return f"[{', '.join(str(int(step)) for step in index)}]"


def read_arrays(path: Path, most: int) -> dict[str, NDArray[Any]]:
    """All arrays of an archive that this program wrote, of at most `most` bytes.

    Raises:
        OSError: as for `read_file`.
        ValueError: it is damaged, or none of this program.
    """
    content = BytesIO(read_file(path, most))
    try:
        with np.load(content, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (*DAMAGE, OSError, MemoryError) as error:  # of a size that a header makes up
        raise ValueError(f"is damaged ({type(error).__name__})") from error
    if not all(isinstance(values, np.ndarray) for values in arrays.values()):  # NumPy gives bytes
        raise ValueError("holds what is no array")
    return arrays


def plain(text: object) -> str:
    """A path or key fit for one line of a terminal."""
    return visible(str(text))


class NpzArchive:
    """An open `.npz`, a context manager. Every fault of the file is a one-line DatasetError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = self._open()
        try:
            self._zip = self._open_zip()
            self._members = {
                info.filename.removesuffix(".npy"): info for info in self._zip.infolist()
            }
            self.require(*KEYS)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def fault(self, what: str, key: str | None = None) -> DatasetError:
        named = f"{key} " if key else ""
        return DatasetError(f"data set {plain(self.path)}: {named}{what}")

    def sha256(self) -> str:
        self._file.seek(0)
        try:
            return hashlib.file_digest(self._file, "sha256").hexdigest()
        except OSError as error:
            raise self.fault(f"cannot be read ({error.strerror or error})") from error

    def header(self, key: str) -> ArrayHeader:
        """Shape and type of an array of numbers.

        Raises:
            DatasetError: not an array, not of numbers, or not as long as its header says.
        """
        with self._member(key) as stream:
            return self._read_header(key, stream)

    def blocks(self, key: str) -> Iterator[NDArray[Any]]:
        """The values of an array in the order of the file, some megabytes at a time, flat."""
        with self._member(key) as stream:
            header = self._read_header(key, stream)
            size = header.dtype.itemsize
            left = header.size
            while left:
                count = min(left, BLOCK_BYTES // size)
                data = stream.read(count * size)
                if len(data) != count * size:
                    raise self.fault("is cut short; save the file again", key)
                left -= count
                yield np.frombuffer(data, dtype=header.dtype)

    def _open(self) -> BufferedReader:
        try:
            return open_file(self.path)
        except FileNotFoundError as error:
            raise self.fault("there is no such file; check the path") from error
        except UnfitFile as error:
            raise self.fault(f"{error.strerror}; name an .npz file") from error
        except PermissionError as error:
            raise self.fault("may not be read by you; change its permissions") from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or error
            raise self.fault(f"cannot be opened ({reason}); check the path") from error

    def _open_zip(self) -> zipfile.ZipFile:
        try:
            start = self._file.read(16)
            if not start:
                raise self.fault("is empty; save it with " + SAVING)
            return zipfile.ZipFile(self._file)
        except (*_CUT, NotImplementedError, ValueError) as error:
            for magic, what in _STARTS.items():
                if start.startswith(magic):
                    raise self.fault(what) from error
            raise self.fault("is not an .npz archive; save one with " + SAVING) from error
        except OSError as error:
            raise self.fault(f"cannot be read ({error.strerror or error})") from error

    def require(self, *keys: str) -> None:
        """Refuse a file without these arrays.

        Raises:
            DatasetError: it says what the file holds instead.
        """
        missing = [key for key in keys if key not in self._members]
        if missing:
            held = [plain(key) for key in self._members]
            shown = ", ".join(held[:6]) + (", …" if len(held) > 6 else "")
            raise self.fault(
                f"has no {' and no '.join(missing)} (it holds {shown or 'nothing'}); "
                f"save it with {SAVING}"
            )

    @contextmanager
    def _member(self, key: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(self._members[key]) as stream:
                yield stream
        except (*_CUT, OSError) as error:
            raise self.fault("is damaged or cut short; copy or save the file again", key) from error
        except RuntimeError as error:  # a password, or a compression this Python lacks
            raise self.fault(
                f"cannot be unpacked ({plain(error)}); save the file with {SAVING}", key
            ) from error

    def _read_header(self, key: str, stream: IO[bytes]) -> ArrayHeader:
        try:
            version = np.lib.format.read_magic(stream)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = read(stream)
        except _NO_HEADER as error:
            raise self.fault("is not a NumPy array; save it with " + SAVING, key) from error
        refusal = "O" if dtype.hasobject else dtype.kind
        if refusal not in "biuf":
            raise self.fault(_KINDS.get(refusal, f"has the unknown type {dtype}"), key)
        if dtype.itemsize > 8:
            raise self.fault(f"has the type {dtype}; save it as float32", key)
        header = ArrayHeader(key, shape, dtype, fortran)
        held = self._members[key].file_size - stream.tell()
        if min(shape, default=0) < 0 or header.size * dtype.itemsize != held:
            raise self.fault(
                f"is damaged: its header promises {plain(shape)} of {dtype}, and {held:,} bytes "
                "follow; save the file again",
                key,
            )
        return header
