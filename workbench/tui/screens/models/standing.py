"""How good a model is so far: our finished runs of exactly its settings, and the paper's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import UserError
from workbench.settings import Home
from workbench.tui.screens.models.catalogue import Entry

if TYPE_CHECKING:
    from workbench.leaderboard.grouping import Group
    from workbench.model.spec import Precision
    from workbench.runs.summary import RunSummary


@dataclass(frozen=True)
class Standing:
    """Our results for one model; groups are None where nothing was trained.

    `within` says whether the paper's accuracy lies within our spread, None where that cannot
    be judged: fewer than two trials, or a model that is not the paper's.
    """

    ours: Group | None = None
    bfloat16: Group | None = None
    within: bool | None = None


NOTHING = Standing()


def read_standings(home: Home, entries: Iterable[Entry]) -> dict[str, Standing]:
    """The standing of every model by name. Reads the leaderboard: call it in a thread.

    Raises:
        UserError: the leaderboard cannot be read.
    """
    # Imported here, since the first frame does not wait for the leaderboard.
    from workbench.leaderboard.grouping import by_settings
    from workbench.leaderboard.store import Leaderboard

    summaries: list[RunSummary] = Leaderboard(home).entries()
    if not summaries:
        return {}
    groups = by_settings(summaries)
    return {entry.name: _standing(entry, groups) for entry in entries}


def _standing(entry: Entry, groups: dict[str, Group]) -> Standing:
    ours = groups.get(_settings_key(entry, "float32"))
    half = groups.get(_settings_key(entry, "bfloat16"))
    return Standing(ours, half, _within(entry, ours))


def _settings_key(entry: Entry, precision: Precision) -> str:
    """The key of what `t` trains; empty for a model that cannot be trained."""
    from workbench.runs.plan import Plan, specs_for_preset

    if entry.preset is None:
        return ""
    try:
        return specs_for_preset(entry.preset, Plan(precision=precision))[0].settings_key
    except UserError:
        return ""


def _within(entry: Entry, ours: Group | None) -> bool | None:
    from workbench.leaderboard.paper import RowComparison
    from workbench.model.tables import paper_rows_by_settings

    if ours is None or entry.preset is None or entry.preset.paper is None:
        return None
    place = entry.preset.paper
    for table, row in paper_rows_by_settings().get(ours.settings_key, ()):
        if table.number == place.table:
            return RowComparison(row, ours.settings_key, ours).within
    return None
