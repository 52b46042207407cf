"""The leaderboard, its groups, imported runs, scripts and what differs between runs as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from workbench.formats import MISSING, count, metric_text
from workbench.leaderboard.columns import GROUP_COLUMNS, RIGHT, RUN_COLUMNS, Column, data_text
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracy
from workbench.leaderboard.table import Cell, Heading, Table, cell
from workbench.leaderboard.transfer import machines
from workbench.runs.summary import Difference, RunSummary, ScriptSummary
from workbench.runs.trouble import collapse_remark
from workbench.text import one_line

IMPORTED_TITLE = "Imported runs"
NOTHING_IMPORTED = "nothing is imported; `mnist-workbench leaderboard import FILE` does so"


def _headings(headings: tuple[Heading, ...], data: Iterable[str]) -> tuple[Heading, ...]:
    """The headings, with the data set kept on narrow terminals where accuracies are of several."""
    if len(set(data)) < 2:
        return headings
    return tuple(replace(item, weight=1) if item.text == "Data" else item for item in headings)


def some_validated(summaries: Iterable[object]) -> bool:
    """Whether any run has a validation accuracy: else there is no column for it."""
    return any(getattr(run, "validation_accuracy", None) is not None for run in summaries)


def leaderboard_table(summaries: Sequence[RunSummary], title: str = "Leaderboard") -> Table:
    """All runs in the order given, one a row; what no run has, has no column."""
    columns = [
        column
        for column in RUN_COLUMNS
        if not column.optional or any(column.value(run) is not None for run in summaries)
    ]
    headings = _headings(tuple(column.heading for column in columns), map(data_text, summaries))
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
    notes = []
    collapsed: dict[int, float] = {}
    for run in summaries:
        if run.collapsed_to is not None and run.test_accuracy is not None:
            collapsed[run.collapsed_to] = run.test_accuracy
    notes += [
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
        headings=_telling_first(_group_headings(groups), rows),
        rows=rows,
        footnotes=tuple(_group_footnotes(groups)),
        records=tuple(
            {**group.to_json(), "paper_accuracy": paper_accuracy(group.settings_key)}
            for group in groups
        ),
        empty="no runs here yet",
    )


def _group_headings(groups: Sequence[Group]) -> tuple[Heading, ...]:
    """The headings; where runs are of several machines, that of times says which they are of."""
    headings = tuple(column.heading for column in GROUP_COLUMNS)
    if len({place for group in groups for place in group.seconds}) < 2:
        return headings
    timed = dict.fromkeys(group.timed_on.text for group in groups if group.timed_on)
    note = one_line(f"Time: on the machine with the most runs of each row; {', '.join(timed)}.")
    return tuple(replace(item, note=note) if item.text == "Time" else item for item in headings)


def _telling_first(
    headings: tuple[Heading, ...], rows: tuple[tuple[Cell, ...], ...]
) -> tuple[Heading, ...]:
    """The headings with weights such that a narrow terminal keeps what tells the rows apart.

    First the settings that differ between rows, then whatever else does, then what all share.
    """

    def weight(place: int, heading: Heading) -> int:
        if not heading.weight or heading.text in _ALARMS:
            return heading.weight
        if len({row[place].text for row in rows}) < 2:
            return heading.weight + 2 * _HEAVIEST
        return heading.weight + (0 if heading.text in _SETTINGS else _HEAVIEST)

    return tuple(
        replace(heading, weight=weight(place, heading)) for place, heading in enumerate(headings)
    )


def _group_footnotes(groups: Sequence[Group]) -> list[str]:
    notes = []
    if any(group.n > 1 for group in groups):
        notes.append("± is the sample standard deviation over n runs; a seed counts once.")
    unfinished = sum(group.unfinished for group in groups)
    if unfinished:
        notes.append(f"{count(unfinished, 'run')} stopped or failed and not counted.")
    repeated = sum(group.repeated for group in groups)
    if repeated:
        notes.append(f"{count(repeated, 'run')} not counted again: the seed has run already.")
    collapsed = sum(len(group.collapsed) for group in groups)
    if collapsed:
        notes.append(
            f"{count(collapsed, 'run')} collapsed: the network answers one class to every test "
            "image. They enter no mean and no n."
        )
    return notes


def imported_table(summaries: Sequence[RunSummary], title: str = IMPORTED_TITLE) -> Table:
    """Imported runs in the order given, one a row."""
    return _said(leaderboard_table(summaries, title), summaries)


def imported_groups_table(groups: Sequence[Group], title: str = IMPORTED_TITLE) -> Table:
    """Groups of imported runs in the order given, one a row."""
    return _said(
        grouped_table(groups, f"{title} by settings"),
        [run for group in groups for run in group.runs],
    )


def _whose(summaries: Sequence[RunSummary]) -> str:
    """A sentence: these are not one's own, and where they were made."""
    made = ", ".join(
        f"{count(runs, 'run')} on {machine}" for machine, runs in machines(summaries).items()
    )
    return f"Not made here: imported for comparison, and counted nowhere else; {made}."


def _said(table: Table, summaries: Sequence[RunSummary]) -> Table:
    notes = (_whose(summaries), *table.footnotes) if summaries else ()
    return replace(table, footnotes=notes, empty=NOTHING_IMPORTED)


def scripts_table(runs: Sequence[ScriptSummary], columns: Sequence[Column[ScriptSummary]]) -> Table:
    """Runs of scripts in the order given, one a row."""
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
