"""The leaderboard and its groups as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from workbench.leaderboard.grouping import Group
from workbench.leaderboard.outcome import Outcome, collapse_remark, collapsed_to, outcome
from workbench.leaderboard.paper import paper_accuracies
from workbench.leaderboard.table import Align, Cell, Heading, Table, Tone, cell
from workbench.leaderboard.wording import (
    MISSING,
    count,
    duration,
    number,
    percent,
    percent_spread,
    points,
)
from workbench.runs.summary import RunSummary

RIGHT = Align.RIGHT
MARKS: dict[Outcome, tuple[Tone, str]] = {
    Outcome.FINISHED: (Tone.PLAIN, "✓"),
    Outcome.STOPPED: (Tone.MUTED, "■"),
    Outcome.FAILED: (Tone.BAD, "✗"),
    Outcome.CRASHED: (Tone.BAD, "✗"),
    Outcome.DIVERGED: (Tone.BAD, "✗"),
    Outcome.COLLAPSED: (Tone.WARNING, "!"),
    Outcome.RUNNING: (Tone.GOOD, "●"),
    Outcome.QUEUED: (Tone.MUTED, "○"),
    Outcome.PAUSED: (Tone.WARNING, "‖"),
}

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
    word = outcome(run)
    tone, mark = MARKS[word]
    text = word.value
    if word is Outcome.STOPPED:
        text = f"stopped ({run.epochs_completed}/{run.epochs})"
    elif word is Outcome.COLLAPSED:
        text = f"collapsed to {collapsed_to(run)}"
    return Cell(text, tone, mark)


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
        cell(run.started_at[:16].replace("T", " ")),
        cell(", ".join(run.tags)),
        cell(run.note),
    )


def _run_footnotes(summaries: Sequence[RunSummary]) -> list[str]:
    notes = []
    collapsed: dict[int, float] = {}
    for run in summaries:
        digit = collapsed_to(run)
        if outcome(run) is Outcome.COLLAPSED and digit is not None and run.test_accuracy:
            collapsed[digit] = run.test_accuracy
    notes += [
        f"Collapsed: {collapse_remark(accuracy, digit)}"
        for digit, accuracy in sorted(collapsed.items())
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
    Heading("Best", RIGHT, 5),
    Heading("Worst", RIGHT, 7),
    Heading("Paper", RIGHT, 1),
    Heading("Difference", RIGHT, 4),
    Heading("Optimizer", weight=1),
    Heading("LR", RIGHT, 2),
    Heading("Batch", RIGHT, 3),
    Heading("Epochs", RIGHT, 3),
    Heading("Schedule", weight=8),
    Heading("Precision", weight=6),
    Heading("Data", weight=9),
    Heading("Time", RIGHT, 6),
    Heading("Diverged", RIGHT, 5),
    Heading("Seeds", weight=10),
)


def grouped_table(groups: Sequence[Group], title: str = "Leaderboard by settings") -> Table:
    """Groups in the order given, one a row, with the paper's accuracy where it has one."""
    return Table(
        title=title,
        headings=_headings(_GROUP_HEADINGS, (data_text(group.example) for group in groups)),
        rows=tuple(_group_row(group) for group in groups),
        footnotes=tuple(_group_footnotes(groups)),
        records=tuple(
            {**group.to_json(), "paper_accuracy": paper_accuracies().get(group.settings_key)}
            for group in groups
        ),
        empty="no runs here yet",
    )


def _group_row(group: Group) -> tuple[Cell, ...]:
    run = group.example
    paper = paper_accuracies().get(group.settings_key)
    difference = None
    if paper is not None and group.mean is not None:
        difference = 100 * (group.mean - paper)
    return (
        cell(run.preset),
        cell(percent_spread(group.mean, group.deviation)),
        cell(group.n),
        cell(percent(group.best)),
        cell(percent(group.worst)),
        cell(percent(paper)),
        cell(points(difference)),
        cell(run.optimizer_text),
        cell(number(run.learning_rate)),
        cell(run.batch_size),
        cell(run.epochs),
        cell(run.schedule.replace("_", " ")),
        cell(run.precision),
        cell(data_text(run)),
        cell(duration(group.train_seconds)),
        cell(group.diverged or MISSING, Tone.BAD if group.diverged else Tone.MUTED),
        cell(seeds_text(group.seeds)),
    )


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds in a few letters: `0–4, 7`."""
    if not seeds:
        return MISSING
    ranges: list[list[int]] = []
    for seed in seeds:
        if ranges and seed == ranges[-1][-1] + 1:
            ranges[-1][1:] = [seed]
        else:
            ranges.append([seed])
    return ", ".join("–".join(str(end) for end in pair) for pair in ranges)


def _group_footnotes(groups: Sequence[Group]) -> list[str]:
    notes = []
    if any(group.n > 1 for group in groups):
        notes.append("± is the sample standard deviation over the seeds; differences in points.")
    unfinished = sum(group.unfinished for group in groups)
    if unfinished:
        notes.append(f"{count(unfinished, 'run')} stopped or failed and not counted.")
    repeated = sum(group.repeated for group in groups)
    if repeated:
        notes.append(
            f"{count(repeated, 'run')} with the seed and the result of another, counted once."
        )
    collapsed = sum(len(group.collapsed) for group in groups)
    if collapsed:
        notes.append(
            f"{count(collapsed, 'run')} among them collapsed: "
            "the network answers one digit to every test image."
        )
    return notes
