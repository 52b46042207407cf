"""The leaderboard, its groups and imported runs as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from workbench.formats import (
    MISSING,
    count,
    duration,
    local_time,
    number,
    percent,
    percent_spread,
    points,
    seeds_text,
)
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import paper_accuracy, points_off
from workbench.leaderboard.table import Align, Cell, Column, Heading, Table, Tone, cell
from workbench.leaderboard.transfer import machines
from workbench.runs.collapse import collapse_remark
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.text import one_line

RIGHT = Align.RIGHT
IMPORTED_TITLE = "Imported runs"
NOTHING_IMPORTED = "nothing is imported; `mnist-workbench leaderboard import FILE` does so"


def _headings(headings: tuple[Heading, ...], data: Iterable[str]) -> tuple[Heading, ...]:
    """The headings, with the data set kept on narrow terminals where accuracies are of several."""
    if len(set(data)) < 2:
        return headings
    return tuple(replace(item, weight=1) if item.text == "Data" else item for item in headings)


def run_accuracy(run: RunSummary) -> Cell:
    """A run's accuracy after its last epoch; a diverged run has none."""
    return Cell(percent(run.test_accuracy), Tone.PLAIN if run.test_accuracy else Tone.MUTED)


def run_status(run: RunSummary) -> Cell:
    """How the run came out: a word and a mark."""
    state = run.state
    text = state.word
    if state in (Status.STOPPED, Status.PRUNED) and run.epochs:
        text += f" ({run.epochs_completed}/{run.epochs})"
    elif state is Status.COLLAPSED:
        text += f" to {run.collapsed_to}"
    return Cell(text, Tone(state.role), state.mark)


def data_text(run: RunSummary) -> str:
    """The data set, with how many training images where not all."""
    return run.dataset if run.train_limit is None else f"{run.dataset}, {run.train_limit:,}"


def _best_epoch(run: RunSummary) -> Cell:
    if run.best_epoch_test_accuracy is None:
        return Cell(MISSING)
    return Cell(f"{percent(run.best_epoch_test_accuracy)} ({run.best_epoch})")


# What is known of an ended run, a column each.
RUN_COLUMNS: tuple[Column[RunSummary], ...] = (
    Column(Heading("Run", weight=1), lambda run: cell(run.run_id)),
    Column(Heading("Model"), lambda run: cell(run.preset)),
    Column(Heading("Accuracy", RIGHT), run_accuracy),
    Column(Heading("Validation", RIGHT, 3), lambda run: Cell(percent(run.validation_accuracy))),
    Column(Heading("Status"), run_status),
    Column(Heading("Optimizer", weight=2), lambda run: cell(run.optimizer_text)),
    Column(Heading("LR", RIGHT, 3), lambda run: Cell(number(run.learning_rate))),
    Column(Heading("Batch", RIGHT, 4), lambda run: Cell(number(run.batch_size, "d"))),
    Column(Heading("Epochs", RIGHT, 5), lambda run: Cell(number(run.epochs, "d"))),
    Column(Heading("Seed", RIGHT, 6), lambda run: Cell(str(run.seed))),
    Column(Heading("Precision", weight=8), lambda run: cell(run.precision)),
    Column(Heading("Data", weight=9), lambda run: cell(data_text(run))),
    Column(Heading("Best epoch", RIGHT, 11), _best_epoch),
    Column(Heading("Time", RIGHT, 4), lambda run: Cell(duration(run.train_seconds))),
    Column(Heading("Images/s", RIGHT, 12), lambda run: Cell(number(run.images_per_second, ",.0f"))),
    Column(Heading("Parameters", RIGHT, 12), lambda run: Cell(number(run.parameters, ",d"))),
    Column(Heading("Started", weight=10), lambda run: cell(local_time(run.started_at))),
    Column(Heading("Tags", weight=7), lambda run: cell(", ".join(run.tags))),
    Column(Heading("Note", weight=13), lambda run: cell(run.note)),
)


def some_validated(summaries: Iterable[object]) -> bool:
    """Whether any run has a validation accuracy: else there is no column for it."""
    return any(getattr(run, "validation_accuracy", None) is not None for run in summaries)


def leaderboard_table(summaries: Sequence[RunSummary], title: str = "Leaderboard") -> Table:
    """All runs in the order given, one a row."""
    shown = some_validated(summaries)
    columns = [c for c in RUN_COLUMNS if shown or c.heading.text != "Validation"]
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


def run_column(heading: str, weight: int = 0) -> Column[RunSummary]:
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


def group_accuracy(group: Group) -> Cell:
    """Mean and spread of the runs that learned; where none did, what became of them."""
    if group.n:
        tone = Tone.WARNING if group.collapsed else Tone.STRONG
        return cell(percent_spread(group.mean, group.deviation), tone)
    if group.collapsed:
        return cell(group.collapsed_text, Tone.WARNING)
    return cell("diverged", Tone.BAD) if group.diverged else cell(MISSING, Tone.MUTED)


def _collapsed(group: Group) -> Cell:
    """`1 of 3`."""
    text = group.collapsed_text.removesuffix(" collapsed") or MISSING
    return cell(text, Tone.WARNING if group.collapsed else Tone.MUTED)


def _diverged(group: Group) -> Cell:
    return cell(group.diverged or MISSING, Tone.BAD if group.diverged else Tone.MUTED)


def _difference(group: Group) -> Cell:
    return cell(points(points_off(group.mean, paper_accuracy(group.settings_key))))


# What is known of runs of the same settings, a column each.
GROUP_COLUMNS: tuple[Column[Group], ...] = (
    Column(Heading("Model"), lambda group: cell(group.example.preset)),
    Column(Heading("Accuracy", RIGHT), group_accuracy),
    Column(Heading("n", RIGHT), lambda group: cell(group.n)),
    Column(Heading("Collapsed", weight=1), _collapsed),
    Column(Heading("Diverged", RIGHT, 1), _diverged),
    Column(Heading("Best", RIGHT, 5), lambda group: cell(percent(group.best))),
    Column(Heading("Worst", RIGHT, 7), lambda group: cell(percent(group.worst))),
    Column(
        Heading("Paper", RIGHT, 1),
        lambda group: cell(percent(paper_accuracy(group.settings_key))),
    ),
    Column(
        Heading(
            "Difference", RIGHT, 4, "Diff.", "Differences are in points, ours minus the paper's."
        ),
        _difference,
    ),
    Column(Heading("Optimizer", weight=1), lambda group: cell(group.example.optimizer_text)),
    Column(Heading("LR", RIGHT, 2), lambda group: cell(number(group.example.learning_rate))),
    Column(Heading("Batch", RIGHT, 3), lambda group: cell(group.example.batch_size)),
    Column(Heading("Epochs", RIGHT, 3), lambda group: cell(group.example.epochs)),
    Column(
        Heading("Schedule", weight=8),
        lambda group: cell(group.example.schedule.replace("_", " ")),
    ),
    Column(Heading("Precision", weight=6), lambda group: cell(group.example.precision)),
    Column(Heading("Data", weight=9), lambda group: cell(data_text(group.example))),
    Column(Heading("Time", RIGHT, 6), lambda group: cell(duration(group.train_seconds))),
    Column(Heading("Seeds", weight=10), lambda group: cell(seeds_text(group.seeds))),
)
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
