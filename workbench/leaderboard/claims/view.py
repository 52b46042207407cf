"""The paper's claims and their verdicts as a table; what our runs say stands below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.formats import raised
from workbench.leaderboard.claims.claim import CheckedClaim, Kind
from workbench.leaderboard.claims.judges import check_all
from workbench.leaderboard.table import Heading, Table, Tone, cell
from workbench.model.spec import Precision
from workbench.runs.summary import RunSummary
from workbench.text import one_line

TITLE = "What the paper concludes, and what our runs say"
MARKS: dict[Kind, tuple[Tone, str]] = {
    Kind.CONFIRMED: (Tone.GOOD, "✓"),
    Kind.PARTLY: (Tone.WARNING, "~"),
    Kind.NOT_CONFIRMED: (Tone.BAD, "✗"),
    Kind.NOT_ENOUGH_RUNS: (Tone.MUTED, "○"),
}


def claims_table(summaries: Iterable[RunSummary], precision: Precision = "float32") -> Table:
    """All claims of the paper with their verdicts from our runs, at one precision."""
    return claims_view(check_all(summaries, precision), precision)


def claims_view(checked: Sequence[CheckedClaim], precision: Precision = "float32") -> Table:
    """Checked claims as a table: one a row, its sentences as a footnote of the same number."""
    title = TITLE if precision == "float32" else f"{TITLE} (ours: {precision})"
    rows = []
    for place, item in enumerate(checked, 1):
        kind = item.verdict.kind
        tone, mark = MARKS[kind]
        rows.append(
            (
                cell(item.claim.name + raised(place)),
                cell(item.claim.section),
                cell(f"Table {item.claim.table}"),
                cell(kind.value, tone, mark),
            )
        )
    notes = [f"{raised(place)} {item.sentence}" for place, item in enumerate(checked, 1)]
    return Table(
        title=title,
        headings=(
            Heading("Claim"), Heading("Section"), Heading("From", weight=1), Heading("Verdict"),
        ),
        rows=tuple(rows),
        footnotes=tuple(one_line(note) for note in (*notes, _METHOD)),
        records=tuple({**item.to_json(), "precision": precision} for item in checked),
    )  # fmt: skip


_METHOD = (
    "Two rows are told apart where a two-sided t test says so at the 5 % level, with the spread of "
    "all rows of their kind together (a row far noisier than the rest has its own) and Holm's "
    "correction over the differences of a claim; each interval stands alone. The seeds said would "
    "decide in four of five cases, if the difference is as large as it seems. Collapsed runs are "
    "counted and enter no mean. Times are of training alone, without tests and pauses, on one "
    "machine."
)
