"""The runs whose curves are shown: up to six, each keeping its mark while others come and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.runs.summary import RunSummary
from workbench.tui.plotting import Glyphs
from workbench.tui.screens.leaderboard.overlay import MOST, overlay_mark


def runs_of(subject: object) -> Sequence[RunSummary]:
    """The runs whose curves a row stands for: one, or the first six trials of several."""
    match subject:
        case RunSummary():
            return [subject]
        case Group():
            return subject.trials[:MOST]
        case RowComparison() if subject.ours is not None:
            return subject.ours.trials[:MOST]
    return []


class Selection:
    """Run ids with their places, which decide mark and colour."""

    def __init__(self, glyphs: Glyphs) -> None:
        self._glyphs = glyphs
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._places

    @property
    def places(self) -> Mapping[str, int]:
        """The place of each selected run, in the order of the places."""
        return dict(sorted(self._places.items(), key=lambda item: item[1]))

    @property
    def marks(self) -> dict[str, str]:
        """The mark of each selected run."""
        return {run_id: overlay_mark(place, self._glyphs) for run_id, place in self._places.items()}

    def toggle(self, runs: Iterable[RunSummary]) -> bool:
        """Select these runs, or none of them if all were; False where there was no room for all."""
        ids = [run.run_id for run in runs]
        if ids and all(run_id in self._places for run_id in ids):
            for run_id in ids:
                del self._places[run_id]
            return True
        for run_id in ids:
            free = [place for place in range(MOST) if place not in self._places.values()]
            if run_id in self._places:
                continue
            if not free:
                return False
            self._places[run_id] = free[0]
        return True

    def keep_only(self, run_ids: Iterable[str]) -> None:
        """Forget runs that are gone."""
        known = set(run_ids)
        self._places = {run: place for run, place in self._places.items() if run in known}

    def clear(self) -> None:
        """Select nothing."""
        self._places.clear()
