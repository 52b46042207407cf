"""A finished run beside the paper's result and one's own earlier runs of the same settings."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UserError
from workbench.formats import count, percent_spread
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.store import Leaderboard
from workbench.model.spec import TrainingSpec
from workbench.runs.folder import RunFolder
from workbench.runs.summary import summarise
from workbench.runs.trouble import collapse_remark
from workbench.settings import Home


@dataclass(frozen=True)
class Verdict:
    """What can be said of a run's settings."""

    group: Group | None
    collapsed: str = ""

    @property
    def own_runs(self) -> str:
        """`Your 3 runs: 97.41 ± 0.07 %`."""
        if self.group is None or self.group.n == 0:
            return ""
        if self.group.n == 1:
            return "Your first run of these settings."
        spread = percent_spread(self.group.mean, self.group.deviation)
        return f"Your {count(self.group.n, 'run')}: {spread}"


def judge(home: Home, folder: RunFolder, spec: TrainingSpec) -> Verdict:
    """Compare a run with the paper and with all runs of its settings. Reads files: in a thread.

    Raises:
        UserError: the leaderboard cannot be read.
    """
    key = spec.settings_key
    entries = Leaderboard(home).entries()
    same = {entry.run_id: entry for entry in entries if entry.settings_key == key}
    collapsed = ""
    try:
        # Its worker may not have come to write it there yet.
        own = same[folder.run_id] = summarise(folder)
        if own.collapsed_to is not None and own.test_accuracy is not None:
            collapsed = collapse_remark(own.test_accuracy, own.collapsed_to)
    except UserError:
        pass
    group = Group(key, tuple(same.values())) if same else None
    return Verdict(group, collapsed)
