"""A table of the paper as the paper prints it, with ours beside."""

from __future__ import annotations

from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison, TableComparison
from workbench.leaderboard.table import Align, Cell, Heading, Table, Tone, cell, one_line
from workbench.leaderboard.transfer import machines
from workbench.leaderboard.wording import (
    MISSING,
    duration,
    percent,
    percent_spread,
    points,
    raised,
)

RIGHT = Align.RIGHT
NOT_TRAINED = "not trained yet"


def paper_view(comparison: TableComparison) -> Table:
    """The comparison as a table: its columns are the paper's, then ours."""
    remarks = _numbered_remarks(comparison)
    headings, rows = _rows(comparison, remarks)
    if comparison.table.layout == "columns":
        headings, rows = _turned(headings, rows)
    return Table(
        title=_title(comparison),
        headings=headings,
        rows=rows,
        footnotes=tuple(one_line(note) for note in _footnotes(comparison, remarks)),
        records=tuple(comparison.to_json()),
    )


def _title(comparison: TableComparison) -> str:
    table = comparison.table
    title = f"Table {table.number}: {table.title}"
    return title if comparison.precision == "float32" else f"{title} (ours: bfloat16)"


def _rows(
    comparison: TableComparison, remarks: dict[str, str]
) -> tuple[tuple[Heading, ...], tuple[tuple[Cell, ...], ...]]:
    table = comparison.table
    headings = [Heading(table.label_heading)]
    headings += [
        Heading(text, _alignment(comparison, place), 6 if text == "Architecture" else 0)
        for place, text in enumerate(table.cell_headings)
    ]
    headings += [
        Heading(_paper_heading(comparison), RIGHT),
        Heading("Ours", RIGHT),
        Heading("n", RIGHT, 4),
    ]
    if comparison.shows_best:
        headings.append(Heading("Our best", RIGHT, 1 if comparison.best_counts else 7))
    headings.append(Heading("Difference", RIGHT, 3))
    if comparison.best_counts:
        headings.append(Heading("Best − paper", RIGHT, 2))
    judged = any(row.within is not None for row in comparison.rows)
    headings.append(Heading("Within spread", weight=5 if judged else 8))
    if comparison.imported:
        headings.append(Heading("Imported", RIGHT, 5))
    if comparison.timed:
        headings += [Heading("Time, paper", RIGHT, 1), Heading("Time, ours", RIGHT, 1)]
    return tuple(headings), tuple(_row(comparison, row, remarks) for row in comparison.rows)


def _paper_heading(comparison: TableComparison) -> str:
    if comparison.table.layout == "columns":  # there it stands among the hyperparameters
        return f"{comparison.table.accuracy_heading}, paper"
    return "Paper's best" if comparison.best_counts else "Paper"


def _alignment(comparison: TableComparison, place: int) -> Align:
    """To the right if all the paper's cells of the column are numbers."""
    cells = [row.row.cells[place] for row in comparison.rows]
    return RIGHT if all(text.replace(".", "", 1).isdigit() for text in cells) else Align.LEFT


def _row(
    comparison: TableComparison, row: RowComparison, remarks: dict[str, str]
) -> tuple[Cell, ...]:
    ours = row.ours
    paper_marks = "".join(remarks[text] for text in row.remarks if text.startswith("Paper"))
    our_marks = "".join(remarks[text] for text in row.remarks if text.startswith("Ours"))
    cells = [cell(row.row.label), *(cell(text) for text in row.row.cells)]
    cells += [
        cell(percent(row.row.accuracy) + paper_marks),
        _our_accuracy(row, our_marks),
        cell(ours.n if ours else 0),
    ]
    if comparison.shows_best:
        cells.append(cell(percent(ours.best if ours else None)))
    cells.append(_difference(row.difference, row.within))
    if comparison.best_counts:
        cells.append(cell(points(row.best_difference)))
    cells.append(_within(row.within if row.trained else None, row.trained))
    if comparison.imported:
        cells.append(cell(imported_text(row.imported)))
    if comparison.timed:
        cells += [
            cell(duration(row.row.train_seconds)),
            cell(duration(ours.train_seconds if ours else None)),
        ]
    return tuple(cells)


def _our_accuracy(row: RowComparison, marks: str) -> Cell:
    ours = row.ours
    if ours is None or (not ours.n and not ours.diverged):
        return cell(NOT_TRAINED, Tone.MUTED)
    if not ours.n:
        return cell("diverged" + marks, Tone.BAD)
    tone = Tone.WARNING if ours.collapsed else Tone.STRONG
    return cell(percent_spread(ours.mean, ours.deviation) + marks, tone)


def imported_text(group: Group | None) -> str:
    """`95.17 ± 0.11 % (n = 3)` of runs of somebody else."""
    if group is None or (not group.n and not group.diverged):
        return MISSING
    if not group.n:
        return "diverged"
    return f"{percent_spread(group.mean, group.deviation)} (n = {group.n})"


def _difference(difference: float | None, within: bool | None) -> Cell:
    """Coloured only where the paper's value lies beyond our spread."""
    return cell(points(difference), Tone.WARNING if within is False else Tone.PLAIN)


def _within(within: bool | None, trained: bool) -> Cell:
    match within:
        case True:
            return cell("yes", Tone.GOOD)
        case False:
            return cell("no", Tone.WARNING)
    return cell("not judged" if trained else MISSING, Tone.MUTED)


def _numbered_remarks(comparison: TableComparison) -> dict[str, str]:
    """A small raised number for each different remark, in the order they appear."""
    texts = dict.fromkeys(text for row in comparison.rows for text in row.remarks)
    return {text: raised(number) for number, text in enumerate(texts, 1)}


def _footnotes(comparison: TableComparison, remarks: dict[str, str]) -> list[str]:
    notes = [f"{mark} {text}" for text, mark in remarks.items()]
    if any(row.ours is not None and row.ours.n > 1 for row in comparison.rows):
        notes.append(
            "Ours: mean ± sample standard deviation over n seeds, after the last epoch. "
            "Differences are in percentage points, ours minus the paper's."
        )
    elif comparison.trained:
        notes.append("Differences are in percentage points, ours minus the paper's.")
    if any(row.within is not None for row in comparison.rows):
        notes.append(
            "Within spread: the paper's value lies between our worst and best, or, "
            "from three runs on, within two standard deviations of our mean."
        )
    if comparison.imported:
        notes.append(
            f"Imported: runs made elsewhere, on {', '.join(machines(comparison.imported))}; "
            "for comparison, and counted nowhere else."
        )
    if any(row.ours is not None and row.ours.n == 1 for row in comparison.rows):
        notes.append("Not judged: a single run has no spread.")
    if comparison.table.remark:
        notes.append(comparison.table.remark)
    return notes


def _turned(
    headings: tuple[Heading, ...], rows: tuple[tuple[Cell, ...], ...]
) -> tuple[tuple[Heading, ...], tuple[tuple[Cell, ...], ...]]:
    """Rows made columns, as the paper sets Table 9: hyperparameters downwards."""
    first = Heading("Hyperparameters")
    models = tuple(Heading(row[0].text, RIGHT) for row in rows)
    turned = tuple(
        (cell(heading.text), *(row[place] for row in rows))
        for place, heading in enumerate(headings)
        if place > 0
    )
    return (first, *models), turned
