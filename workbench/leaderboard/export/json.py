"""JSON: the records of a table, as a list of objects."""

from __future__ import annotations

import json

from workbench.leaderboard.table import Table
from workbench.text import json_text


def to_json(table: Table) -> str:
    """The records as one JSON list, ending in a newline; values not finite are null."""
    from pydantic_core import to_json as dump

    # By way of pydantic: it alone writes a NaN as null.
    plain = json.loads(dump(list(table.records), inf_nan_mode="null"))
    return json_text(plain) + "\n"
