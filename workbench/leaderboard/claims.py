"""The claims of the paper, from `presets/claims.toml`; our runs of its rows; the verdicts."""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from workbench.formats import count, percent_spread, raised
from workbench.leaderboard.grouping import Group, Machine, timed_machine
from workbench.leaderboard.inference import Contrast, Estimate, Spread, pooled_spreads
from workbench.leaderboard.paper import RowComparison, TableComparison, compare_all, row_name
from workbench.leaderboard.table import Cell, Columns, Heading, Table, Tone, table_of
from workbench.model.architecture import Analysis, analyse
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary
from workbench.settings import resource_folder
from workbench.text import one_line

NEURAL_NETWORKS = 3  # the table without convolutions
FEWEST_CHOICES = 3  # settings among which there is a choice to speak of


@dataclass(frozen=True, eq=False)
class Sample:
    """One row with our runs of it. Accuracies are of the runs that did not collapse."""

    name: str
    row: RowComparison
    spread: Spread | None  # of single runs, as rows of its kind show it

    @property
    def ours(self) -> Group:
        """Our runs of the row; none where it is not trained."""
        return self.row.ours

    @property
    def paper(self) -> float:
        """The paper's accuracy, as a fraction."""
        return self.row.row.accuracy

    @property
    def n(self) -> int:
        """How many runs learned something."""
        return self.ours.n

    @property
    def lost(self) -> int:
        return len(self.ours.collapsed) + self.ours.diverged

    @property
    def total(self) -> int:
        """How many runs came to an end, whatever end."""
        return self.n + self.lost

    @cached_property
    def mean(self) -> float:
        """The mean accuracy; the sample must not be empty."""
        return statistics.fmean(self.ours.accuracies)

    @property
    def estimate(self) -> Estimate:
        """The mean, as it is tested; the sample must not be empty."""
        return Estimate(self.name, self.mean, self.n, self.spread)

    @property
    def accuracy(self) -> str:
        """`96.91 ± 0.06 % (n = 5)`; the sample must not be empty."""
        return f"{percent_spread(self.mean, self.ours.deviation)} (n = {self.n})"

    @cached_property
    def analysis(self) -> Analysis:
        return analyse(self.row.row.preset_with_settings().architecture)

    def to_json(self) -> dict[str, Any]:
        ours = self.ours
        return {
            "row": self.name,
            "settings_key": self.row.settings_key,
            "paper_accuracy": self.paper,
            "mean": ours.mean,
            "standard_deviation": ours.deviation,
            "n": self.n,
            "best": ours.best,
            "seeds": sorted(run.seed for run in ours.learned),
            "collapsed": len(ours.collapsed),
            "diverged": ours.diverged,
            "mean_train_seconds": ours.train_seconds,
            "timed_on": ours.timed_on.text if ours.timed_on else None,
            "parameters": self.analysis.parameters,
            "multiply_adds": self.analysis.multiply_adds,
        }


@dataclass(frozen=True)
class Choice:
    """Runs of one model, one seed and the same data, of several settings, tested and validated."""

    title: str
    seed: int
    runs: tuple[RunSummary, ...]

    @property
    def best(self) -> float:
        """The highest test accuracy: of what would be chosen by the test images."""
        return max(run.test_accuracy or 0.0 for run in self.runs)

    @property
    def chosen(self) -> float:
        """The test accuracy of what validation chooses: its test images had no part in it."""
        return max(self.runs, key=lambda run: run.validation_accuracy or 0.0).test_accuracy or 0.0


@dataclass(frozen=True)
class Evidence:
    """The paper's tables with ours, by number, and all of our runs at one precision."""

    tables: dict[int, TableComparison]
    runs: tuple[RunSummary, ...] = ()

    @cached_property
    def choices(self) -> list[Choice]:
        """What could be chosen from by validation and by test alike, by model and seed."""
        found: dict[tuple[str, int, str, int | None], dict[str, RunSummary]] = {}
        for run in self.runs:
            if run.test_accuracy is not None and run.validation_accuracy is not None:
                key = run.title, run.seed, run.dataset, run.train_limit
                found.setdefault(key, {}).setdefault(run.settings_key, run)
        return [
            Choice(title, seed, tuple(runs.values()))
            for (title, seed, *_), runs in sorted(found.items(), key=lambda item: item[0][:2])
            if len(runs) >= FEWEST_CHOICES
        ]

    @cached_property
    def _samples(self) -> dict[int, dict[str, Sample]]:
        spreads = self._spreads(convolutional=False) | self._spreads(convolutional=True)
        return {
            number: {
                row.row.label: Sample(
                    row_name(table.table, row.row),
                    row,
                    spreads[row.settings_key],
                )
                for row in table.rows
            }
            for number, table in self.tables.items()
        }

    def _spreads(self, *, convolutional: bool) -> dict[str, Spread | None]:
        """The spread of single runs by settings, from all rows of one kind of network."""
        return pooled_spreads(
            {
                row.settings_key: row.ours.accuracies
                for number, table in self.tables.items()
                if (number != NEURAL_NETWORKS) is convolutional
                for row in table.rows
            }
        )

    def samples(self, rows: Sequence[str]) -> list[Sample]:
        """The samples of rows: `6/CNN model 1` is one, `6` all of a table."""
        found: list[Sample] = []
        for name in rows:
            number, _, label = name.partition("/")
            table = self._samples[int(number)]
            found += [table[label]] if label else table.values()
        return found


def gather(summaries: Iterable[RunSummary], precision: Precision = "float32") -> Evidence:
    """The finished runs among these of exactly the paper's settings, full MNIST, one precision."""
    runs = tuple(run for run in summaries if run.precision == precision)
    return Evidence({part.table.number: part for part in compare_all(runs, precision)}, runs)


def needs(samples: Sequence[Sample]) -> str:
    """Which rows lost runs or have none: `Not trained yet: CNN model 1.`; or nothing."""
    parts = [
        f"{sample.name}: {sample.lost} of {count(sample.total, 'run')} collapsed or diverged."
        for sample in samples
        if sample.lost
    ]
    names = [sample.name for sample in samples if not sample.total]
    if names:
        parts.append(f"Not trained yet: {', '.join(names)}.")
    return " ".join(parts)


def shared_machine(samples: Iterable[Sample]) -> Machine | None:
    """The machine where every sample was timed; None where there is none such."""
    groups = [sample.ours for sample in samples]
    place = timed_machine(groups)
    return place if all(place in group.seconds for group in groups) else None


Judge = Literal[
    "above", "best", "ranking", "reaches", "cost", "vary", "collapse", "faster", "ratio", "flatters"
]


class Kind(StrEnum):
    CONFIRMED = "confirmed"
    PARTLY = "partly confirmed"
    NOT_CONFIRMED = "not confirmed"
    NOT_ENOUGH_RUNS = "not enough runs"


class Claim(BaseModel):
    """One claim: a name of a few words, the paper's section and table, the claim in a sentence.

    `rows` are what it says something of, `over` what they are held against: each row against all
    of these, or with `pairing` "each" the first against the first and so on. `figures` are
    accuracies in the paper's text, as fractions. `note` says what the numbers do not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    key: str
    name: str
    section: str
    table: int
    statement: str
    judge: Judge
    rows: tuple[str, ...]
    over: tuple[str, ...] = ()
    pairing: Literal["all", "each"] = "all"
    figures: tuple[float, ...] = ()
    note: str = ""


@lru_cache(maxsize=1)
def paper_claims() -> tuple[Claim, ...]:
    """All claims, in the paper's order."""
    text = (resource_folder("presets") / "claims.toml").read_text("utf-8")
    return tuple(Claim.model_validate(item) for item in tomllib.loads(text)["claims"])


@dataclass(frozen=True)
class Verdict:
    """What our runs say of a claim: the kind, and a few sentences of numbers.

    `samples` are the rows looked at, with our runs of them; of those without a run `missing`
    has the names. `contrasts` are the differences that were tested.
    """

    claim: Claim
    kind: Kind
    text: str
    samples: Sequence[Sample]
    contrasts: tuple[Contrast, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Rows that the claim needs and that have not been trained."""
        return tuple(sample.name for sample in self.samples if not sample.total)

    @property
    def sentence(self) -> str:
        return f"{self.claim.statement} {self.text}"

    def to_json(self) -> dict[str, Any]:
        """Plain data: accuracies as fractions, differences in points, times in seconds."""
        return {
            "claim": self.claim.key,
            "name": self.claim.name,
            "section": self.claim.section,
            "table": self.claim.table,
            "statement": self.claim.statement,
            "verdict": self.kind.value,
            "text": self.text,
            "missing": list(self.missing),
            "rows": [sample.to_json() for sample in self.samples],
            "differences": [_contrast_json(item) for item in self.contrasts],
        }


def _contrast_json(item: Contrast) -> dict[str, Any]:
    reach = item.reach
    interval = None
    if reach is not None:
        interval = [round(100 * (item.gap + side * reach), 4) for side in (-1, 1)]
    return {
        "row": item.one.name,
        "other": item.other.name,
        "points": round(100 * item.gap, 4),
        "interval_points": interval,
        "p_corrected": round(item.adjusted, 6),
        "standing": item.standing.value,
        "more_seeds": item.more_seeds,
    }


TITLE = "What the paper concludes, and what our runs say"
VERDICTS = {
    Kind.CONFIRMED: Cell(Kind.CONFIRMED, Tone.GOOD, "✓"),
    Kind.PARTLY: Cell(Kind.PARTLY, Tone.WARNING, "~"),
    Kind.NOT_CONFIRMED: Cell(Kind.NOT_CONFIRMED, Tone.BAD, "✗"),
    Kind.NOT_ENOUGH_RUNS: Cell(Kind.NOT_ENOUGH_RUNS, Tone.MUTED, "○"),
}


def claims_view(checked: Sequence[Verdict], precision: Precision = "float32") -> Table:
    """Checked claims as a table: one a row, its sentences as a footnote of the same number."""
    title = TITLE if precision == "float32" else f"{TITLE} (ours: {precision})"
    numbered = [(raised(place), item) for place, item in enumerate(checked, 1)]
    columns: Columns[tuple[str, Verdict]] = [
        (Heading("Claim"), lambda one: one[1].claim.name + one[0]),
        (Heading("Section"), lambda one: one[1].claim.section),
        (Heading("From", weight=1), lambda one: f"Table {one[1].claim.table}"),
        (Heading("Verdict"), lambda one: VERDICTS[one[1].kind]),
    ]
    notes = [*(f"{mark} {item.sentence}" for mark, item in numbered), _METHOD]
    records = tuple({**item.to_json(), "precision": precision} for item in checked)
    return replace(table_of(title, numbered, columns, map(one_line, notes)), records=records)


_METHOD = (
    "Two rows are told apart where a two-sided t test says so at the 5 % level, with the spread of "
    "all rows of their kind together (a row far noisier than the rest has its own) and Holm's "
    "correction over the differences of a claim; each interval stands alone. The seeds said would "
    "decide in four of five cases, if the difference is as large as it seems. Collapsed runs are "
    "counted and enter no mean. Times are of training alone, without tests and pauses, on one "
    "machine."
)
