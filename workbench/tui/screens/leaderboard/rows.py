"""The rows of the leaderboard: their columns, and the lines below the table about one of them.

Of runs, imported ones, scripts, groups, rows of the paper, and its claims. The columns are as
those of commands in `leaderboard/columns.py`, with the units in the headings and the settings in
one column: a screen has fewer letters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rich.text import Text

from workbench.formats import (
    MISSING,
    bare_percent,
    clock,
    count,
    duration,
    epochs_done,
    local_time,
    moment,
    percent,
    percent_spread,
    points,
    seeds_text,
)
from workbench.leaderboard.claims import VERDICTS, Verdict
from workbench.leaderboard.columns import Column as TableColumn
from workbench.leaderboard.columns import group_difference, run_difference
from workbench.leaderboard.grouping import Group, Machine, machine_of
from workbench.leaderboard.paper import RowComparison, TableComparison, paper_accuracy
from workbench.leaderboard.table import (
    NARROWEST,
    Cell,
    Column,
    Content,
    Piece,
    Table,
    natural_width,
    whole_text,
)
from workbench.leaderboard.views import SHORT_HEADINGS, imported_text
from workbench.model.hyperparameters import optimizer_text
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary
from workbench.text import one_line
from workbench.tui.widgets.words import settings_text, training_text

Row = AnySummary | Group | RowComparison | Verdict  # what a row tells of

BEYOND = "≠"


def difference(points_off: float | None, beyond: bool) -> Content:
    """Percentage points, marked and coloured only where the paper lies beyond our spread.

    The numbers stand under one another whether they are marked or not.
    """
    text = points(points_off)
    return (f"{text} {BEYOND}", "warning") if beyond and points_off is not None else f"{text}  "


def mean_accuracy(group: Group) -> Piece:
    """`97.41 ± 0.07`, or what became of runs of which none learned."""
    if group.n:
        return percent_spread(group.mean, group.deviation).removesuffix(" %"), "strong"
    for some, state in ((group.collapsed, Status.COLLAPSED),
                        (group.diverged, Status.DIVERGED)):  # fmt: skip
        if some:
            return state.word, state.role
    return MISSING, "muted"


def piece_of(cell: Cell) -> Piece:
    """What a command's table says, as the screen's lists do."""
    return whole_text(cell), cell.tone.value


def _paper(row: RunSummary | Group, width: int) -> Piece:
    return bare_percent(paper_accuracy(row.settings_key)), "muted"


SETTINGS = Column("settings", "Settings", 17, stretch=6, most=64, ideal=32, say=settings_text)


def run_columns(beyond: Collection[str] = (), *, reached: bool = False) -> tuple[Column, ...]:
    """Of runs, one a line; `beyond` are the settings whose paper value is beyond our spread.

    `reached`: a run among them has come to 99 %, so that the time to it has its columns.
    """

    def model(run: RunSummary, width: int) -> Content:
        return [(run.state.mark, run.state.role), (f" {one_line(run.preset)}", "")]

    def accuracy(run: RunSummary, width: int) -> Content:
        state, text = run.state, bare_percent(run.test_accuracy)
        if state is Status.DIVERGED:
            return state.word, state.role
        if state is Status.COLLAPSED:
            return f"{text} {state.mark}", state.role
        return text, "strong" if state is Status.FINISHED else "muted"

    def best(run: RunSummary, width: int) -> Content:
        text = bare_percent(run.best_epoch_test_accuracy)
        return (text if text == MISSING else f"{text} @{run.best_epoch:<2}"), "muted"

    to_99 = (
        Column("seconds_to_99", "To 99 %", 7, weight=2, right=True,
               say=lambda run, width: duration(run.seconds_to_99)),
        Column("cold_seconds_to_99", "From cold", 9, weight=4, right=True,
               say=lambda run, width: (duration(run.cold_seconds_to_99), "muted")),
    )  # fmt: skip
    return (
        Column("model", "  Model", 12, stretch=1, most=18, ideal=13, say=model),
        SETTINGS,
        Column("accuracy", "Test %", 8, right=True, say=accuracy),
        Column("best", "Best % @ep", 10, weight=3, right=True, say=best),
        Column("seed", "Seed", 4, right=True, say=lambda run, width: str(run.seed)),
        Column("paper", "Paper %", 7, right=True, say=_paper),
        Column("difference", "Diff.  ", 7, right=True,
               say=lambda run, width: difference(run_difference(run), run.settings_key in beyond)),
        Column("time", "Time", 7, weight=1, right=True,
               say=lambda run, width: clock(run.train_seconds)),
        *(to_99 if reached else ()),
        Column("tags", "Tags", 10, weight=2, stretch=1, most=24,
               say=lambda run, width: (" ".join(run.tags), "test")),
        Column("started", "Started", 12, weight=5,
               say=lambda run, width: (moment(run.started_at), "muted")),
        Column("run", "Run", 4, weight=4,
               say=lambda run, width: (run.run_id.partition("-")[0], "muted")),
        Column("note", "Note", 16, weight=6, stretch=2, most=60,
               say=lambda run, width: one_line(run.note)),
    )  # fmt: skip


def imported_columns() -> tuple[Column, ...]:
    """Of runs of somebody else. Our spread is no measure of theirs: no difference is marked."""
    machine = Column("machine", "Machine", 10, weight=2, stretch=1, most=24,
                     say=lambda run, width: (one_line(run.host), "muted"))  # fmt: skip
    return tuple(
        machine if column.key == "tags" else column
        for column in run_columns()
        if column.key != "best"
    )


def group_columns(beyond: Collection[str] = ()) -> tuple[Column, ...]:
    """Of groups of runs of the same settings, one a line."""

    def number(group: Group, width: int) -> Content:
        return [(str(group.n), ""), (" !" if group.collapsed else "  ", "warning")]

    def some(amount: int, role: str) -> Piece:
        return (str(amount), role) if amount else (MISSING, "muted")

    return (
        Column("model", "Model", 11, stretch=1, most=18,
               say=lambda group, width: one_line(group.example.preset)),
        replace(SETTINGS, say=lambda group, width: settings_text(group.example, width)),
        Column("n", "n  ", 5, right=True, say=number),
        Column("accuracy", "Mean ± sd %", 12, right=True,
               say=lambda group, width: mean_accuracy(group)),
        Column("best", "Best %", 6, weight=2, right=True,
               say=lambda group, width: (bare_percent(group.best), "muted")),
        Column("worst", "Worst %", 7, weight=4, right=True,
               say=lambda group, width: (bare_percent(group.worst), "muted")),
        Column("paper", "Paper %", 7, right=True, say=_paper),
        Column("difference", "Diff.  ", 7, right=True,
               say=lambda group, width: difference(
                   group_difference(group), group.settings_key in beyond)),
        Column("time", "Time", 7, weight=3, right=True,
               say=lambda group, width: clock(group.train_seconds)),
        Column("seeds", "Seeds", 10, weight=5, stretch=1, most=20,
               say=lambda group, width: (seeds_text(group.seeds), "muted")),
        Column("collapsed", "Collapsed", 9, weight=6, right=True,
               say=lambda group, width: some(len(group.collapsed), "warning")),
        Column("diverged", "Diverged", 8, weight=7, right=True,
               say=lambda group, width: some(group.diverged, "bad")),
    )  # fmt: skip


CLAIM_COLUMNS = (
    Column("verdict", "  Verdict", 18,
           say=lambda checked, width: piece_of(VERDICTS[checked.kind])),
    Column("claim", "What the paper says", 32, stretch=1, most=44,
           say=lambda checked, width: checked.claim.name),
    Column("section", "Section", 7, weight=1, say=lambda checked, width: checked.claim.section),
    Column("table", "From", 7, weight=2,
           say=lambda checked, width: (f"Table {checked.claim.table}", "muted")),
)  # fmt: skip


def paper_columns(comparison: TableComparison, training: Mapping[str, int]) -> tuple[Column, ...]:
    """The paper's columns, then ours. The widths fit the paper's few rows.

    `training` are settings being trained now.
    """
    table, rows = comparison.table, comparison.rows
    label = max(len(table.label_heading), *(len(row.row.label) for row in rows))
    columns = [
        Column("label", table.label_heading, min(14, label), ideal=label,
               say=lambda row, width: row.row.label)
    ]  # fmt: skip
    for place, text in enumerate(table.cell_headings):
        cells = [row.row.cells[place] for row in rows]
        heading = SHORT_HEADINGS.get(text, text)
        width = min(34, max(len(heading), *(len(cell) for cell in cells)))
        # The architecture is known from the model's name, so it goes first.
        weight = 9 if text == "Architecture" else 8 - place if len(table.cell_headings) > 2 else 0

        def paper_cell(row: RowComparison, width: int, place: int = place) -> Content:
            return row.row.cells[place]

        columns.append(
            Column(f"cell{place}", heading, min(12, width), weight, comparison.has_numbers(place),
                   ideal=width, say=paper_cell)
        )  # fmt: skip
    best = comparison.best_counts
    columns += [
        Column("paper", "Paper's best %" if best else "Paper %", 14 if best else 7, right=True,
               say=lambda row, width: bare_percent(row.row.accuracy)),
        Column("ours", "Ours %", 12, right=True, say=lambda row, width: mean_accuracy(row.ours)),
        Column("n", "n", 2, right=True, say=lambda row, width: str(row.ours.n)),
    ]  # fmt: skip
    if comparison.shows_best:
        columns.append(
            Column("best", "Our best %", 10, weight=2 if best else 10, right=True,
                   say=lambda row, width: bare_percent(row.ours.best))
        )  # fmt: skip
    columns += [
        Column("difference", "Diff.  ", 7, right=True,
               say=lambda row, width: difference(row.difference, row.within is False)),
        Column("verdict", "Verdict", 10, stretch=1, most=24,
               say=lambda row, width: _verdict(row, training.get(row.settings_key, 0), width < 15)),
    ]  # fmt: skip
    if comparison.imported:
        columns.append(
            Column("imported", "Imported %", 17, weight=4, right=True,
                   say=lambda row, width: (_imported(row.imported), "muted"))
        )  # fmt: skip
    if comparison.timed:
        columns += [
            Column("time-paper", "Time, paper", 11, weight=3, right=True,
                   say=lambda row, width: clock(row.row.train_seconds)),
            Column("time-ours", "Time, ours", 10, weight=3, right=True,
                   say=lambda row, width: clock(comparison.seconds(row))),
        ]  # fmt: skip
    return tuple(columns)


def _imported(group: Group) -> str:
    """`97.41 ± 0.07 (3)` of runs of somebody else: mean, deviation and how many."""
    text = mean_accuracy(group)[0]
    return f"{text} ({group.n})" if group.n else text


def _verdict(row: RowComparison, going: int, short: bool) -> Content:
    if going:
        state = Status.RUNNING
        return (f"{state.marked}{f' {going}' if going > 1 else ''}", state.role)
    if not row.trained:
        state = Status.DIVERGED
        return (state.marked, state.role) if row.ours.diverged else ("○ t trains", "muted")
    collapsed = row.collapses.removesuffix(" collapsed").replace(" of ", "/")
    if row.paper_collapsed or not row.ours.n:
        state = Status.COLLAPSED
        text = f"{state.mark} {collapsed}"
        return (text if short else f"{text} {state.word}", state.role)
    match row.within:
        case True:
            text, tone = f"✓ within{'' if short else ' spread'}", "good"
        case False:
            text, tone = f"{BEYOND} beyond{'' if short else ' spread'}", "warning"
        case None:
            few = {1: "one run", 2: "two runs"}
            text, tone = f"· {few.get(row.ours.n, 'all equal')}", "muted"
    if not collapsed:
        return (text, tone)
    return [(text, tone), (" !" if short else f" ! {collapsed}", "warning")]


def list_columns(columns: Sequence[TableColumn[ScriptSummary]], table: Table) -> tuple[Column, ...]:
    """Of scripts: the columns of commands, as wide as the texts of a table of the same runs."""
    found = []
    for place, column in enumerate(columns):
        widest = natural_width(table, place)
        heading = table.headings[place]

        def say(
            run: ScriptSummary, width: int, column: TableColumn[ScriptSummary] = column
        ) -> Content:
            return piece_of(column.cell(run))

        found.append(
            Column(
                column.name,
                heading.text,
                widest if heading.weight else min(widest, NARROWEST),
                heading.weight,
                heading.right,
                ideal=widest,
                say=say,
            )
        )
    return tuple(found)


def row_key(row: Row) -> str:
    """What a row is known by, however the order changes."""
    match row:
        case RunSummary() | ScriptSummary():
            return row.run_id
        case Group():
            return f"{row.example.preset}/{row.settings_key}"
        case RowComparison():
            return row.settings_key
    return row.claim.key


# Below the table


def detail_text(
    subject: Row | None, comparison: TableComparison | None, *, machines: bool = False
) -> Text:
    """What is to be said of a row; `comparison` is the table on view, where it is of the paper.

    With `machines` runs are told with the machine they were made on.
    """
    match subject:
        case RunSummary():
            head, first, second = subject.run_id, training_text(subject), _run_words(subject)
            if machines:
                machine = f"{machine_of(subject).text}, TensorFlow {subject.tensorflow}"
                second = f"{machine}  ·  {second}"
        case ScriptSummary():
            head, first = subject.run_id, training_text(subject)
            second = _facts(subject, [subject.message])
        case Group():
            head = subject.example.preset
            first, second = settings_text(subject.example), _group_words(subject)
        case RowComparison() if comparison is not None:
            head, first = subject.row.label, subject.verdict
            if head.isdigit():
                head = f"{comparison.table.label_heading} {head}"
            second = "  ·  ".join(_row_words(subject, comparison.timed_on))
        case Verdict():
            # Whole sentences, over as many lines as they take.
            text = Text(one_line(subject.claim.statement), "bold")
            return text.append(f"\n{one_line(subject.text)}", "not bold")
        case _:
            return Text()
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{one_line(head)}  ", "bold")
    return text.append(f"{one_line(first)}\n{one_line(second)}")


def _run_words(run: RunSummary) -> str:
    parts = []
    match run.state:
        case Status.COLLAPSED:
            parts.append(f"answers {run.collapsed_to} to every image")
        case Status.FINISHED:
            pass
        case Status.STOPPED | Status.PRUNED:
            parts.append(f"{run.state.word} after {epochs_done(run.epochs_completed, run.epochs)}")
        case state:
            parts.append(run.message or state.word)
    if run.validation_accuracy is not None:
        parts.append(f"{percent(run.validation_accuracy)} of the validation images")
    if run.best_epoch_test_accuracy is not None:
        parts.append(f"best {percent(run.best_epoch_test_accuracy)} in epoch {run.best_epoch}")
    return _facts(run, parts)


def _facts(run: AnySummary, first: list[str]) -> str:
    """What came of a run, then how long it took, when it began, and its labels."""
    parts = [*first, duration(run.train_seconds), local_time(run.started_at)]
    return "  ·  ".join(part for part in (*parts, " ".join(run.tags), run.note) if part)


def _group_words(group: Group) -> str:
    parts = [f"{count(len(group.trials), 'run')}, seeds {seeds_text(group.seeds)}"]
    if group.collapsed:
        parts.append(group.collapsed_text)
    if group.n:
        parts.append(percent_spread(group.mean, group.deviation))
        parts.append(f"from {percent(group.worst)} to {percent(group.best)}")
    if group.repeated:
        parts.append(f"{group.repeated} repeated")
    if group.unfinished:
        parts.append(f"{group.unfinished} not finished")
    if group.diverged:
        parts.append(f"{group.diverged} diverged")
    return "  ·  ".join(parts)


def _row_words(row: RowComparison, machine: Machine | None) -> list[str]:
    """First what a narrow table drops: times, imported runs, the best run; then remarks."""
    words, ours = [], row.ours
    if row.row.train_seconds is not None:
        seconds = ours.seconds_on(machine)
        words.append(f"paper took {duration(row.row.train_seconds)}")
        if seconds is not None and machine is not None:
            words[-1] += f", ours {duration(seconds)} on {machine.host}, {machine.cores_text}"
    if row.imported.runs:
        words.append(f"imported: {imported_text(row.imported)}")
    if ours.n > 1:
        best = f"best of {ours.n}: {percent(ours.best)}"
        if row.best_difference is not None:
            best += f" ({points(row.best_difference)})"
        words.append(best)
    # Of ours first: a narrow terminal cuts the rest.
    words += sorted(row.remarks, key=lambda text: text.startswith("Paper"))
    settings = row.row.preset_with_settings().training
    words.append(
        f"{row.row.preset}: {optimizer_text(settings.optimizer)}, "
        f"learning rate {settings.optimizer.learning_rate:g}, "
        f"batch {settings.batch_size}, {count(settings.epochs, 'epoch')}"
    )
    return words
