"""The leaderboard, its groups, imported runs, scripts, and the paper's tables with ours beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from workbench.formats import (
    MISSING,
    count,
    duration,
    metric_text,
    percent,
    percent_spread,
    points,
    raised,
)
from workbench.leaderboard.columns import (
    GROUP_COLUMNS,
    RUN_COLUMNS,
    Column,
    data_text,
    group_accuracy,
)
from workbench.leaderboard.grouping import Group, deviation_of, mean_of
from workbench.leaderboard.inference import MOST_RUNS
from workbench.leaderboard.paper import RowComparison, TableComparison, paper_accuracy, points_off
from workbench.leaderboard.table import RIGHT, Cell, Heading, Table, Tone, cell
from workbench.leaderboard.transfer import machines
from workbench.runs.summary import Difference, RunSummary, ScriptSummary
from workbench.runs.trouble import collapse_remark
from workbench.text import one_line

IMPORTED_TITLE = "Imported runs"
NOTHING_IMPORTED = "nothing is imported; `mnist-workbench leaderboard import FILE` does so"


def leaderboard_table(summaries: Sequence[RunSummary], title: str = "Leaderboard") -> Table:
    """All runs in the order given, one a row; what no run has, has no column."""
    columns = [
        column
        for column in RUN_COLUMNS
        if not column.optional or any(column.value(run) is not None for run in summaries)
    ]
    headings = [column.heading for column in columns]
    if len(set(map(data_text, summaries))) > 1:  # where accuracies are of several it is kept
        headings = [replace(one, weight=1) if one.text == "Data" else one for one in headings]
    return Table(
        title=title,
        headings=(Heading("#", RIGHT), *headings),
        rows=tuple(
            (Cell(str(place)), *(column.cell(run) for column in columns))
            for place, run in enumerate(summaries, 1)
        ),
        footnotes=tuple(_run_footnotes(summaries)),
        records=tuple(run.to_json() for run in summaries),
        empty="no runs here yet",
    )


def run_column(heading: str, weight: int = 0) -> Column[Any]:
    """One of the columns of runs, with a weight of another table."""
    column = next(column for column in RUN_COLUMNS if column.heading.text == heading)
    return replace(column, heading=replace(column.heading, weight=weight))


def _run_footnotes(summaries: Sequence[RunSummary]) -> list[str]:
    collapsed = {
        run.collapsed_to: run.test_accuracy
        for run in summaries
        if run.collapsed_to is not None and run.test_accuracy is not None
    }
    notes = [
        f"Collapsed: {collapse_remark(accuracy, answer)}"
        for answer, accuracy in sorted(collapsed.items())
    ]
    diverged = sum(run.diverged for run in summaries)
    if diverged:
        notes.append(f"{count(diverged, 'run')} diverged: the loss left the numbers.")
    if summaries:
        notes.append(
            "Accuracy is on the test images after the last epoch; "
            "the best epoch's stands beside it and is never ranked."
        )
    return notes


_SETTINGS = frozenset({"Optimizer", "LR", "Batch", "Epochs", "Schedule", "Precision", "Data"})
_ALARMS = frozenset({"Collapsed", "Diverged"})  # not there at all where nothing went wrong
_HEAVIEST = max(column.heading.weight for column in GROUP_COLUMNS)


def grouped_table(groups: Sequence[Group], title: str = "Leaderboard by settings") -> Table:
    """Groups in the order given, one a row, with the paper's accuracy where it has one."""
    rows = tuple(tuple(column.cell(group) for column in GROUP_COLUMNS) for group in groups)
    return Table(
        title=title,
        headings=_group_headings(groups, rows),
        rows=rows,
        footnotes=tuple(_group_footnotes(groups)),
        records=tuple(
            {**group.to_json(), "paper_accuracy": paper_accuracy(group.settings_key)}
            for group in groups
        ),
        empty="no runs here yet",
    )


def _group_headings(
    groups: Sequence[Group], rows: tuple[tuple[Cell, ...], ...]
) -> tuple[Heading, ...]:
    """The headings with weights such that a narrow terminal keeps what tells the rows apart.

    First the settings that differ between rows, then whatever else does, then what all share.
    Where runs are of several machines, the heading of times says which they are of.
    """
    headings = []
    for place, heading in enumerate(column.heading for column in GROUP_COLUMNS):
        weight = heading.weight
        if weight and heading.text not in _ALARMS:
            if len({row[place].text for row in rows}) < 2:
                weight += 2 * _HEAVIEST
            elif heading.text not in _SETTINGS:
                weight += _HEAVIEST
        note = heading.note
        if heading.text == "Time" and len({box for one in groups for box in one.seconds}) > 1:
            timed = dict.fromkeys(group.timed_on.text for group in groups if group.timed_on)
            note = f"Time: on the machine with the most runs of each row; {', '.join(timed)}."
        headings.append(replace(heading, weight=weight, note=one_line(note)))
    return tuple(headings)


def _group_footnotes(groups: Sequence[Group]) -> list[str]:
    notes = []
    if any(group.n > 1 for group in groups):
        notes.append("± is the sample standard deviation over n runs; a seed counts once.")
    left_out = {
        "stopped or failed and not counted.": sum(group.unfinished for group in groups),
        "not counted again: the seed has run already.": sum(group.repeated for group in groups),
        "collapsed: the network answers one class to every test image. They enter no mean and no "
        "n.": sum(len(group.collapsed) for group in groups),
    }
    return notes + [f"{count(runs, 'run')} {why}" for why, runs in left_out.items() if runs]


def imported_table(summaries: Sequence[RunSummary]) -> Table:
    return _said(leaderboard_table(summaries, IMPORTED_TITLE), summaries)


def imported_groups_table(groups: Sequence[Group]) -> Table:
    table = grouped_table(groups, f"{IMPORTED_TITLE} by settings")
    return _said(table, [run for group in groups for run in group.runs])


def _said(table: Table, summaries: Sequence[RunSummary]) -> Table:
    """The table, with a sentence that these are not one's own, and where they were made."""
    made = ", ".join(f"{count(n, 'run')} on {place}" for place, n in machines(summaries).items())
    whose = f"Not made here: imported for comparison, and counted nowhere else; {made}."
    notes = (whose, *table.footnotes) if summaries else ()
    return replace(table, footnotes=notes, empty=NOTHING_IMPORTED)


def scripts_table(runs: Sequence[ScriptSummary], columns: Sequence[Column[ScriptSummary]]) -> Table:
    return Table(
        "Scripts",
        tuple(column.heading for column in columns),
        tuple(tuple(column.cell(run) for column in columns) for run in runs),
        records=tuple(run.to_json() for run in runs),
        empty="no run of a script",
    )


def difference_table(found: Difference) -> Table:
    """What differs between runs: settings first, then what came of them; a column a run."""

    def text(name: str, value: object, result: bool) -> str:
        if value is None:
            return MISSING
        return metric_text(name, value) if result and isinstance(value, float) else str(value)

    rows = [
        tuple(cell(part) for part in (name, *(text(name, value, result) for value in values)))
        for result, part in ((False, found.settings), (True, found.results))
        for name, values in part.items()
    ]
    headings = (Heading("What differs"), *(Heading(run_id) for run_id in found.run_ids))
    return Table("", headings, tuple(rows), empty="nothing differs")


# The paper's tables


NOT_TRAINED = "not trained yet"
NOT_JUDGED = "not judged"
SHORT_HEADINGS = {"Learning rate": "LR", "Batch size": "Batch", "Difference": "Diff."}
DIFFERENCES = "Differences are in percentage points, ours minus the paper's."
OURS = (
    "Ours: mean ± sample standard deviation over n runs, after the last epoch; a seed counts once."
)
WITHIN = (
    "Within spread: the paper's value lies where 95 of 100 further runs of ours would lie "
    "(Student's t), or between our worst and best."
)
WITHIN_BEST = (
    "The paper's is the best of an unstated number of runs: one too high for a single run of ours "
    f"is beyond the spread only where the best of {MOST_RUNS} would not reach it, else not judged."
)


NEAREST = (
    "Ours: mean ± sample standard deviation after each epoch of the same n runs. Nearest: the "
    "epoch whose mean lies nearest the paper's value; nothing is chosen by it."
)


def paper_view(comparison: TableComparison) -> Table:
    """The comparison as a table: its columns are the paper's, then ours."""
    # A small raised number for each different remark, in the order they appear.
    texts = dict.fromkeys(text for row in comparison.rows for text in row.remarks)
    remarks = {text: raised(number) for number, text in enumerate(texts, 1)}
    notes = [f"{mark} {text}" for text, mark in remarks.items()]
    headings, rows = _rows(comparison, remarks)
    if comparison.table.layout == "columns":
        # Rows made columns, as the paper sets Table 9: hyperparameters downwards.
        notes += dict.fromkeys(heading.note for heading in headings if heading.note)
        turned = zip(headings[1:], *(row[1:] for row in rows), strict=True)
        models = (Heading(row[0].text, RIGHT) for row in rows)
        headings = (Heading("Hyperparameters"), *models)
        rows = tuple((cell(heading.text), *cells) for heading, *cells in turned)
    if comparison.table.remark:
        notes.append(comparison.table.remark)
    return Table(
        title=_title(comparison),
        headings=headings,
        rows=rows,
        footnotes=tuple(one_line(note) for note in notes),
        records=tuple(comparison.to_json()),
    )


def epochs_view(comparison: TableComparison) -> Table:
    """Our accuracy after each epoch of the same runs, beside the paper's, where runs tell it."""
    table = comparison.table
    shown = [
        (place, text) for place, text in enumerate(table.cell_headings) if text != "Architecture"
    ]
    most = max((len(row.ours.by_epoch) for row in comparison.rows), default=0)
    rows, records = [], []
    for row in comparison.rows:
        after = row.ours.by_epoch
        gaps = [points_off(mean_of(values), row.row.accuracy) for values in after]
        told = [(abs(gap), epoch) for epoch, gap in enumerate(gaps, 1) if gap is not None]
        rows.append(
            (
                cell(row.row.label),
                *(cell(row.row.cells[place]) for place, _ in shown),
                cell(percent(row.row.accuracy)),
                cell(len(after[-1]) if after else 0),
                *(cell(percent_spread(mean_of(each), deviation_of(each))) for each in after),
                *[cell(MISSING)] * (most - len(after)),
                cell(f"epoch {min(told)[1]}" if told else MISSING),
            )
        )
        records += [
            {
                "table": table.number,
                "label": row.row.label,
                "epoch": epoch,
                "n": len(values),
                "mean": mean_of(values),
                "standard_deviation": deviation_of(values),
                "difference_points": gap,
                "paper_accuracy": row.row.accuracy,
            }
            for epoch, (values, gap) in enumerate(zip(after, gaps, strict=True), 1)
        ]
    headings = [
        Heading(table.label_heading),
        *(_heading(text, comparison.has_numbers(place), 2) for place, text in shown),
        Heading("Paper", RIGHT),
        Heading("n", RIGHT, 1),
        *(
            Heading(f"Epoch {epoch}", RIGHT, 1 if epoch == most else 3, f"{epoch}")
            for epoch in range(1, most + 1)
        ),
        Heading("Nearest", note=NEAREST),
    ]
    title = f"{_title(comparison)}, after each epoch"
    return Table(title, tuple(headings), tuple(rows), records=tuple(records))


def _title(comparison: TableComparison) -> str:
    table = comparison.table
    title = f"Table {table.number}: {table.title}"
    return title if comparison.precision == "float32" else f"{title} (ours: bfloat16)"


def _rows(
    comparison: TableComparison, remarks: dict[str, str]
) -> tuple[tuple[Heading, ...], tuple[tuple[Cell, ...], ...]]:
    table, rows = comparison.table, comparison.rows
    several = any(row.ours.n > 1 for row in rows)
    best = comparison.best_counts
    papers_heading = "Paper's best" if best else "Paper"
    if table.layout == "columns":  # there it stands among the hyperparameters
        papers_heading = f"{table.accuracy_heading}, paper"
    made = one_line(", ".join(machines(comparison.imported)))
    imported = (
        f"Imported: runs made elsewhere, on {made}; for comparison, and counted nowhere else."
    )

    place = comparison.timed_on
    timed = (
        f"Time, ours: mean of the runs on {place.text}, of training alone, without tests and "
        "pauses; what the paper's holds it does not say."
        if place
        else ""
    )

    def marks(row: RowComparison, whose: str) -> str:
        return "".join(remarks[text] for text in row.remarks if text.startswith(whose))

    def difference(row: RowComparison) -> Cell:
        tone = Tone.WARNING if row.within is False else Tone.PLAIN
        return cell(points(row.difference), tone)

    columns: list[tuple[bool, Heading, Callable[[RowComparison], Cell]]] = [
        (True, Heading(papers_heading, RIGHT),
         lambda row: cell(percent(row.row.accuracy) + marks(row, "Paper"))),
        (True, Heading("Ours", RIGHT, note=OURS if several else ""),
         lambda row: our_accuracy(row, marks(row, "Ours"))),
        (True, Heading("n", RIGHT, 1), lambda row: cell(row.ours.n)),
        (comparison.shows_best, Heading("Our best", RIGHT, 5 if best else 9),
         lambda row: cell(percent(row.ours.best))),
        (True, _heading("Difference", RIGHT, 2, DIFFERENCES if comparison.trained else ""),
         difference),
        (best, Heading("Best − paper", RIGHT, 6), lambda row: cell(points(row.best_difference))),
        (True, Heading("Within spread", weight=3, note=_within_note(rows),
                       folds_into="Difference"), within_text),
        (bool(comparison.imported), Heading("Imported", RIGHT, 8, note=imported),
         lambda row: cell(imported_text(row.imported))),
        (comparison.timed, Heading("Time, paper", RIGHT, 5),
         lambda row: cell(duration(row.row.train_seconds))),
        (comparison.timed, Heading("Time, ours", RIGHT, 4, note=one_line(timed)),
         lambda row: cell(duration(comparison.seconds(row)))),
    ]  # fmt: skip
    shown = [(heading, text) for wanted, heading, text in columns if wanted]
    papers = (
        _heading(text, comparison.has_numbers(place), 7 if text == "Architecture" else 0)
        for place, text in enumerate(table.cell_headings)
    )
    return (Heading(table.label_heading), *papers, *(heading for heading, _ in shown)), tuple(
        (cell(row.row.label), *map(cell, row.row.cells), *(text(row) for _, text in shown))
        for row in rows
    )


def _heading(text: str, right: bool, weight: int, note: str = "") -> Heading:
    return Heading(text, right, weight, SHORT_HEADINGS.get(text, ""), note)


def our_accuracy(row: RowComparison, marks: str = "") -> Cell:
    """Mean and spread of our runs of a row, with marks of footnotes; or that there are none."""
    if not row.ours.trials and not row.ours.diverged:
        return cell(NOT_TRAINED, Tone.MUTED)
    shown = group_accuracy(row.ours)
    return shown._replace(text=shown.text + marks)


def imported_text(group: Group) -> str:
    """`95.17 ± 0.11 % (n = 3), 1 of 4 collapsed` of runs of somebody else."""
    text = group_accuracy(group).text
    if not group.n:
        return text
    return ", ".join(part for part in (f"{text} (n = {group.n})", group.collapsed_text) if part)


def within_text(row: RowComparison) -> Cell:
    """Whether the paper's value lies where our runs do; of a collapsed one how many collapsed."""
    match row.within:
        case True:
            return cell("yes", Tone.GOOD, "✓")
        case False:
            return cell("no", Tone.WARNING, "≠")
    if row.paper_collapsed and row.collapses:
        return cell(row.collapses)
    return cell(NOT_JUDGED if row.ours.n else MISSING, Tone.MUTED)


def _within_note(rows: Sequence[RowComparison]) -> str:
    notes = []
    if any(row.within is not None for row in rows):
        notes.append(WITHIN)
    if any(row.best_of_several and row.within is None and row.ours.n > 2 for row in rows):
        notes.append(WITHIN_BEST)
    if any(within_text(row).text == NOT_JUDGED for row in rows):
        notes.append(
            "Not judged: a single run, or runs that came out equal, show no spread; two too little."
        )
    return " ".join(notes)
