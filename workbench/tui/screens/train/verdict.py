"""A finished run beside the paper's result and one's own earlier runs of the same settings."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UserError
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracies
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.wording import percent_spread
from workbench.model.spec import TrainingSpec
from workbench.runs.collapse import collapse_remark
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.summary import RunSummary, summarise
from workbench.settings import Home


@dataclass(frozen=True)
class Verdict:
    """What can be said of a run's settings; `next_seed` is the lowest one not used yet."""

    paper: float | None
    group: Group | None
    next_seed: int
    collapsed: str = ""

    @property
    def own_runs(self) -> str:
        """`Your 3 runs: 97.41 ± 0.07 %`."""
        if self.group is None or self.group.n == 0:
            return ""
        if self.group.n == 1:
            return "Your first run of these settings."
        spread = percent_spread(self.group.mean, self.group.deviation)
        return f"Your {self.group.n} runs: {spread}"


def paper_accuracy(spec: TrainingSpec) -> float | None:
    """The paper's accuracy for exactly these settings, in either precision."""
    return paper_accuracies().get(spec.settings_key)


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
    seeds = _seeds(home, key, list(same.values()), {entry.run_id for entry in entries})
    return Verdict(paper_accuracy(spec), group, _lowest_free(seeds | {spec.seed}), collapsed)


def next_seed(home: Home, spec: TrainingSpec) -> int:
    """The lowest seed that no run of these settings has, living or ended. Reads files."""
    key = spec.settings_key
    entries = Leaderboard(home).entries()
    same = [entry for entry in entries if entry.settings_key == key]
    known = {entry.run_id for entry in entries}
    return _lowest_free(_seeds(home, key, same, known) | {spec.seed})


def _seeds(home: Home, key: str, same: list[RunSummary], known: set[str]) -> set[int]:
    seeds = {entry.seed for entry in same}
    for folder in all_runs(home):
        if folder.run_id in known:
            continue
        try:
            spec = folder.record.spec
        except UserError:
            continue
        if spec.settings_key == key:
            seeds.add(spec.seed)
    return seeds


def _lowest_free(seeds: set[int]) -> int:
    seed = 0
    while seed in seeds:
        seed += 1
    return seed
