"""Reading a leaderboard file whole, without a lock and without TinyDB.

The file is TinyDB's: `{"runs": {"1": {…}, "2": {…}}}`, one summary a document. It is only ever
replaced as a whole, so that a reader sees the old one or the new one, never half of one, and
need not wait for a writer. Parsing and checking happen in one pass: 10,000 runs in about a
tenth of a second, block by block, so that other threads are not kept from working meanwhile.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from workbench.files import UnfitFile, read_file
from workbench.runs.summary import AnySummary

TABLE = "runs"
START, END = b'{"runs":{', b"}}"
# Between two documents, where one document ends and the key of the next begins. It cannot stand
# in a text: a quotation mark in there has a backslash before it or ends it, and no digit follows.
BETWEEN = re.compile(rb'\},"\d+":\{')
BLOCK_RUNS = 500
LARGEST = 500_000_000  # bytes; 10,000 runs take 20,000,000

Tables = dict[str, dict[int, AnySummary]]


class DamagedFile(Exception):
    """The file is no leaderboard: not JSON, or JSON of another shape."""


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Tables]:
    return TypeAdapter(Tables)


def read_summaries(path: Path) -> list[AnySummary]:
    """All summaries in the file, in the order they came; none where there is no file.

    Raises:
        DamagedFile: the file is no leaderboard.
        OSError: the file cannot be read.
    """
    try:
        content = read_file(path, LARGEST)
    except FileNotFoundError:
        return []
    except UnfitFile as error:
        raise DamagedFile(str(path)) from error
    try:
        return list(_in_blocks(content).values())
    except ValidationError:
        pass  # damaged, or of a shape that is not cut where it was thought to be
    try:
        tables = _adapter().validate_json(content)
    except ValidationError as error:
        raise DamagedFile(str(path)) from error
    return list(tables.get(TABLE, {}).values())


def _in_blocks(content: bytes) -> dict[int, AnySummary]:
    runs: dict[int, AnySummary] = {}
    for block in _blocks(content):
        runs |= _adapter().validate_json(block).get(TABLE, {})
        time.sleep(0)  # pydantic holds the interpreter from the beginning to the end of a block
    return runs


def _blocks(content: bytes) -> Iterator[bytes]:
    """Files of some hundred runs each that together hold what this one does."""
    if content.startswith(START):
        begin = 0
        for number, match in enumerate(BETWEEN.finditer(content), start=1):
            if number % BLOCK_RUNS == 0:
                end = match.start() + 1
                yield _opened(content[begin:end], begin) + END
                begin = end + 1
        content = _opened(content[begin:], begin)
    yield content


def _opened(part: bytes, begin: int) -> bytes:
    return START + part if begin else part
