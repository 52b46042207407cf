"""A table as programs read it: its records as CSV or JSON, under their documented names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from workbench.leaderboard.table import Table
from workbench.text import json_text, one_line, visible


def to_csv(table: Table) -> str:
    """One line a record; numbers as they are, missing values empty, lists joined by spaces.

    A table without records gives no lines at all.
    """
    return records_to_csv(table.records)


def records_to_csv(records: Iterable[dict[str, Any]]) -> str:
    """Records as CSV; the columns are all their names, in the order they first appear."""
    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return ""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_text(row.get(name)) for name in names])
    return buffer.getvalue()


def _text(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return one_line(" ".join(str(item) for item in value))
        case dict():
            return json_text(value, indent=None)
        case str():
            return visible(value, keep="\r\n\t")  # which CSV quotes, and reads back
    return value


def to_json(table: Table) -> str:
    """The records as one JSON list, ending in a newline; values not finite are null."""
    from pydantic_core import to_json as dump

    # By way of pydantic: it alone writes a NaN as null.
    plain = json.loads(dump(list(table.records), inf_nan_mode="null"))
    return json_text(plain) + "\n"
