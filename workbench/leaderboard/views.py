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
from workbench.leaderboard.table import Align, Cell, Heading, Table, Tone, cell
from workbench.leaderboard.transfer import machines
from workbench.runs.collapse import collapse_remark
from workbench.runs.status import Status
from workbench.runs.summary import RunSummary
from workbench.text import one_line

RIGHT = Align.RIGHT
IMPORTED_TITLE = "Imported runs"
NOTHING_IMPORTED = "nothing is imported; `mnist-workbench leaderboard import FILE` does so"

RUN_HEADINGS = (
    Heading("#", RIGHT),
    Heading("Run", weight=1),
    Heading("Model"),
    Heading("Accuracy", RIGHT),
    Heading("Status"),
    Heading("Optimizer", weight=2),
    Heading("LR", RIGHT, 3),
    Heading("Batch", RIGHT, 4),
    Heading("Epochs", RIGHT, 5),
    Heading("Seed", RIGHT, 6),
    Heading("Precision", weight=8),
    Heading("Data", weight=9),
    Heading("Best epoch", RIGHT, 11),
    Heading("Time", RIGHT, 4),
    Heading("Images/s", RIGHT, 12),
    Heading("Parameters", RIGHT, 12),
    Heading("Started", weight=10),
    Heading("Tags", weight=7),
    Heading("Note", weight=13),
)


def _headings(headings: tuple[Heading, ...], data: Iterable[str]) -> tuple[Heading, ...]:
    """The headings, with the data set kept on narrow terminals where accuracies are of several."""
    if len(set(data)) < 2:
        return headings
    return tuple(replace(item, weight=1) if item.text == "Data" else item for item in headings)


def leaderboard_table(summaries: Sequence[RunSummary], title: str = "Leaderboard") -> Table:
    """All runs in the order given, one a row."""
    rows = tuple(run_row(place, run) for place, run in enumerate(summaries, 1))
    return Table(
        title=title,
        headings=_headings(RUN_HEADINGS, map(data_text, summaries)),
        rows=rows,
        footnotes=tuple(_run_footnotes(summaries)),
        records=tuple(run.to_json() for run in summaries),
        empty="no runs here yet",
    )


def run_accuracy(run: RunSummary) -> Cell:
    """A run's accuracy after its last epoch; a diverged run has none."""
    return Cell(percent(run.test_accuracy), Tone.PLAIN if run.test_accuracy else Tone.MUTED)


def run_status(run: RunSummary) -> Cell:
    """How the run came out: a word and a mark."""
    state = run.state
    text = state.word
    if state is Status.STOPPED:
        text += f" ({run.epochs_completed}/{run.epochs})"
    elif state is Status.COLLAPSED:
        text += f" to {run.collapsed_to}"
    return Cell(text, Tone(state.role), state.mark)


def data_text(run: RunSummary) -> str:
    """The data set, with how many training images where not all."""
    return run.dataset if run.train_limit is None else f"{run.dataset}, {run.train_limit:,}"


def run_row(place: int, run: RunSummary) -> tuple[Cell, ...]:
    """One run's cells under the leaderboard's headings; `place` counts from 1."""
    best = MISSING
    if run.best_epoch_test_accuracy is not None:
        best = f"{percent(run.best_epoch_test_accuracy)} ({run.best_epoch})"
    return (
        Cell(str(place)),
        cell(run.run_id),
        cell(run.preset),
        run_accuracy(run),
        run_status(run),
        cell(run.optimizer_text),
        Cell(number(run.learning_rate)),
        Cell(number(run.batch_size, "d")),
        Cell(number(run.epochs, "d")),
        Cell(str(run.seed)),
        cell(run.precision),
        cell(data_text(run)),
        Cell(best),
        Cell(duration(run.train_seconds)),
        Cell(number(run.images_per_second, ",.0f")),
        Cell(number(run.parameters, ",d")),
        cell(local_time(run.started_at)),
        cell(", ".join(run.tags)),
        cell(run.note),
    )


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


_GROUP_HEADINGS = (
    Heading("Model"),
    Heading("Accuracy", RIGHT),
    Heading("n", RIGHT),
    Heading("Collapsed", weight=1),
    Heading("Diverged", RIGHT, 1),
    Heading("Best", RIGHT, 5),
    Heading("Worst", RIGHT, 7),
    Heading("Paper", RIGHT, 1),
    Heading("Difference", RIGHT, 4, "Diff.", "Differences are in points, ours minus the paper's."),
    Heading("Optimizer", weight=1),
    Heading("LR", RIGHT, 2),
    Heading("Batch", RIGHT, 3),
    Heading("Epochs", RIGHT, 3),
    Heading("Schedule", weight=8),
    Heading("Precision", weight=6),
    Heading("Data", weight=9),
    Heading("Time", RIGHT, 6),
    Heading("Seeds", weight=10),
)
_SETTINGS = frozenset({"Optimizer", "LR", "Batch", "Epochs", "Schedule", "Precision", "Data"})
_ALARMS = frozenset({"Collapsed", "Diverged"})  # not there at all where nothing went wrong
_HEAVIEST = max(heading.weight for heading in _GROUP_HEADINGS)


def grouped_table(groups: Sequence[Group], title: str = "Leaderboard by settings") -> Table:
    """Groups in the order given, one a row, with the paper's accuracy where it has one."""
    rows = tuple(_group_row(group) for group in groups)
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
    if len({place for group in groups for place in group.seconds}) < 2:
        return _GROUP_HEADINGS
    timed = dict.fromkeys(group.timed_on.text for group in groups if group.timed_on)
    note = one_line(f"Time: on the machine with the most runs of each row; {', '.join(timed)}.")
    return tuple(
        replace(item, note=note) if item.text == "Time" else item for item in _GROUP_HEADINGS
    )


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


def group_accuracy(group: Group) -> Cell:
    """Mean and spread of the runs that learned; where none did, what became of them."""
    if group.n:
        tone = Tone.WARNING if group.collapsed else Tone.STRONG
        return cell(percent_spread(group.mean, group.deviation), tone)
    if group.collapsed:
        return cell(group.collapsed_text, Tone.WARNING)
    return cell("diverged", Tone.BAD) if group.diverged else cell(MISSING, Tone.MUTED)


def _group_row(group: Group) -> tuple[Cell, ...]:
    run = group.example
    paper = paper_accuracy(group.settings_key)
    return (
        cell(run.preset),
        group_accuracy(group),
        cell(group.n),
        cell(_collapsed(group), Tone.WARNING if group.collapsed else Tone.MUTED),
        cell(group.diverged or MISSING, Tone.BAD if group.diverged else Tone.MUTED),
        cell(percent(group.best)),
        cell(percent(group.worst)),
        cell(percent(paper)),
        cell(points(points_off(group.mean, paper))),
        cell(run.optimizer_text),
        cell(number(run.learning_rate)),
        cell(run.batch_size),
        cell(run.epochs),
        cell(run.schedule.replace("_", " ")),
        cell(run.precision),
        cell(data_text(run)),
        cell(duration(group.train_seconds)),
        cell(seeds_text(group.seeds)),
    )


def _collapsed(group: Group) -> str:
    """`1 of 3`."""
    return group.collapsed_text.removesuffix(" collapsed") or MISSING


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
