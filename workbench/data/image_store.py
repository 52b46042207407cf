"""Where images go while they stream from a file: into memory, or to a mapped file on disk."""

from __future__ import annotations

import tempfile
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from workbench.data.npz_archive import BLOCK_BYTES, ArrayHeader
from workbench.errors import EnvironmentProblem


class MemoryStore:
    """Images in memory."""

    def __init__(self, header: ArrayHeader, keep: int) -> None:
        self._header, self._keep = header, keep
        self._flat = np.empty(_kept_values(header, keep), header.dtype.newbyteorder("="))
        self._next = 0

    def write(self, block: NDArray[Any]) -> None:
        """Take the next values, flat."""
        taken = block[: self._flat.size - self._next]
        self._flat[self._next : self._next + taken.size] = taken
        self._next += taken.size

    def array(self) -> NDArray[Any]:
        """The first `keep` rows, C order, native byte order, after everything was written."""
        header = self._header
        if not header.fortran:
            return self._flat.reshape(self._keep, *header.shape[1:])
        rows = self._flat.reshape(header.shape, order="F")[: self._keep]
        return np.ascontiguousarray(rows)


class MappedStore:
    """Images in a temporary file, mapped into memory for reading.

    The file has no name: its space is free again when the process ends, however it ends.
    """

    def __init__(self, header: ArrayHeader, keep: int, scratch: Path | None = None) -> None:
        self._header, self._keep, self._scratch = header, keep, scratch
        self._dtype = header.dtype.newbyteorder("=")
        self._left = _kept_values(header, keep)
        self._file = self._temporary()

    def write(self, block: NDArray[Any]) -> None:
        taken = block[: self._left].astype(self._dtype, copy=False)
        self._left -= taken.size
        self._append(self._file, taken)

    def array(self) -> NDArray[Any]:
        """As of `MemoryStore`, mapped read-only."""
        header = self._header
        if not header.fortran:
            return self._map(self._file, (self._keep, *header.shape[1:]), "C")
        # Training reads whole rows, which Fortran order scatters over the file: lay them out
        # again, some rows at a time.
        scattered = self._map(self._file, header.shape, "F")
        rows = max(1, BLOCK_BYTES // max(1, prod(header.shape[1:]) * self._dtype.itemsize))
        ordered = self._temporary()
        for start in range(0, self._keep, rows):
            self._append(ordered, scattered[start : min(start + rows, self._keep)])
        return self._map(ordered, (self._keep, *header.shape[1:]), "C")

    def _temporary(self) -> IO[bytes]:
        try:
            return tempfile.TemporaryFile(dir=self._scratch)
        except OSError as error:
            raise self._refusal(error) from error

    def _append(self, file: IO[bytes], values: NDArray[Any]) -> None:
        # Written, not assigned through a mapping: on a full disk that would kill the process.
        try:
            file.write(values.tobytes())
        except OSError as error:
            raise self._refusal(error) from error

    def _map(self, file: IO[bytes], shape: tuple[int, ...], order: Any) -> NDArray[Any]:
        try:
            file.flush()
        except OSError as error:
            raise self._refusal(error) from error
        return np.memmap(file, dtype=self._dtype, mode="r", shape=shape, order=order)

    def _refusal(self, error: OSError) -> EnvironmentProblem:
        needed = _kept_values(self._header, self._keep) * self._dtype.itemsize
        return EnvironmentProblem(
            f"scratch folder {self._scratch or tempfile.gettempdir()}: "
            f"{error.strerror or error}, while laying out {needed / 2**20:,.0f} MiB of "
            f"{self._header.key}; free space there or train on fewer images"
        )


ImageStore = MemoryStore | MappedStore  # takes an array's values in the order of the file


def _kept_values(header: ArrayHeader, keep: int) -> int:
    """How many values must be kept to have `keep` rows: in Fortran order, all."""
    return header.size if header.fortran else keep * prod(header.shape[1:])
