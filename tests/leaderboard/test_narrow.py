"""What a terminal of 80 columns shows of the tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from rich.console import Console

from workbench.leaderboard.export import to_latex, to_markdown
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import compare
from workbench.leaderboard.table import RIGHT, Heading, Table, TableView, Tone, cell
from workbench.leaderboard.views import grouped_table, paper_view
from workbench.model.tables import paper_table
from workbench.runs.summary import RunSummary

MakeSummary = Callable[..., RunSummary]


def drawn(table: Table, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), legacy_windows=False)
    console.print(TableView(table))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def heading_line(lines: Sequence[str]) -> str:
    return lines[next(place for place, line in enumerate(lines) if line.startswith("──")) - 1]


@pytest.fixture
def table_runs(paper_summary: MakeSummary) -> Callable[[int], list[RunSummary]]:
    """Three runs of every row of a table, about the paper's accuracy; one of the last's fell."""

    def make(number: int) -> list[RunSummary]:
        rows = paper_table(number).rows
        return [
            paper_summary(number, place, value, seed, train_seconds=600.0 + place)
            for place, row in enumerate(rows)
            for seed, value in enumerate(_about(row.accuracy, fallen=place == len(rows) - 1))
        ]

    return make


def _about(accuracy: float, *, fallen: bool) -> tuple[float, ...]:
    middle = 0.9757 if accuracy < 0.2 else accuracy
    return (middle - 0.0003, middle, 0.1135 if fallen else middle + 0.0003)


TableRuns = Callable[[int], list[RunSummary]]


@pytest.mark.parametrize(
    ("number", "label"), [(3, "Model"), (6, "Model"), (7, "Trial"), (8, "Trial")]
)
@pytest.mark.parametrize("width", [80, 120])
def test_what_the_table_is_for_is_shown(
    table_runs: TableRuns, number: int, label: str, width: int
) -> None:
    lines = drawn(paper_view(compare(paper_table(number), table_runs(number))), width)
    heading = heading_line(lines)
    paper = "Paper's best" if number == 6 else "Paper"
    for text in (label, paper, "Ours", " n ", "Diff"):
        assert text in heading, heading
    first = lines[lines.index(heading) + 2]
    assert "✓" in first
    text = " ".join(" ".join(lines).split())
    assert width == 120 or "…" not in text  # there architectures are cut
    folded = "Within spread" not in heading
    meaning = "Within spread (✓ yes): the" if folded else "Within spread: the"
    assert f"{meaning} paper's value lies where" in text
    assert "1 of 3 runs collapsed" in text


def test_a_wide_terminal_has_the_verdict_in_a_column(table_runs: TableRuns) -> None:
    lines = drawn(paper_view(compare(paper_table(7), table_runs(7))), 130)
    heading = heading_line(lines)
    assert "Learning rate" in heading and "Difference" in heading and "Within spread" in heading
    assert "✓ yes" in lines[lines.index(heading) + 2]
    text = " ".join(lines)
    assert "Within spread: the paper's value" in text and "Not shown" not in text


def test_footnotes_explain_only_what_is_shown(table_runs: TableRuns) -> None:
    view = paper_view(compare(paper_table(8), table_runs(8)))
    narrow, wide = (" ".join(drawn(view, width)) for width in (60, 140))
    assert "Time, ours: mean of the runs on box (A Processor, 2 cores)" in wide
    assert "Time, ours" in to_markdown(view)
    assert "mean of the runs on box" not in narrow
    assert "Not shown at this width:" in narrow


def test_times_are_kept_where_they_fit(table_runs: TableRuns) -> None:
    lines = drawn(paper_view(compare(paper_table(8), table_runs(8))))
    assert "Time, ours" in heading_line(lines)
    assert "10 min 00 s" in " ".join(lines)


def test_nothing_trained_shows_no_column_of_dashes() -> None:
    lines = drawn(paper_view(compare(paper_table(8), [])), 120)
    assert "Difference" not in heading_line(lines)
    assert "Time, paper" in heading_line(lines) and "Time, ours" not in heading_line(lines)
    assert not any(line.startswith("Differences are") for line in lines)


def test_a_page_has_short_headings_where_it_needs_them(table_runs: TableRuns) -> None:
    text = to_latex(paper_view(compare(paper_table(8), table_runs(8))))
    assert "Time, ours" in text and "Batch &" in text


def test_folding_leaves_a_verdict_behind() -> None:
    table = Table(
        "T",
        (
            Heading("Name"),
            Heading("Gap", RIGHT, note="Gap: in points."),
            Heading("Fine", weight=1, note="Fine: as it should be.", folds_into="Gap"),
        ),
        (
            (cell("a" * 20), cell("+1"), cell("yes", Tone.GOOD, "✓")),
            (cell("b"), cell("+2"), cell("no", Tone.BAD, "✗")),
            (cell("c"), cell("+3"), cell("not judged")),
        ),
    )
    assert drawn(table, 40)[3:] == [
        "a" * 20 + "   +1  ✓ yes     ", "b" + " " * 22 + "+2  ✗ no      ",
        "c" + " " * 22 + "+3  not judged", "Gap: in points.", "Fine: as it should be.",
    ]  # fmt: skip
    assert drawn(table, 30)[1:] == [
        "Name                   Gap",
        "──────────────────────────",
        "a" * 20 + "  ✓ +1",
        "b" + " " * 21 + "✗ +2",
        "c" + " " * 23 + "+3",
        "Gap: in points. Fine (✓ yes, ✗",
        "no): as it should be.         ".rstrip(),
    ]


# By settings


def test_a_sweep_shows_what_was_swept(make_summary: MakeSummary) -> None:
    """None of these settings are the paper's, and only the schedule differs."""
    runs = [
        make_summary(schedule=schedule, settings_key=schedule, seed=seed, train_seconds=seconds,
                     test_accuracy=0.97 + 0.001 * seed + 0.00001 * seconds)
        for seconds, schedule in ((100.0, "inverse_time_decay"), (200.0, "constant"))
        for seed in range(3)
    ]  # fmt: skip
    heading = heading_line(drawn(grouped_table(ranked(group_runs(runs)))))
    assert "Schedule" in heading
    assert "Paper" not in heading and "Diff" not in heading and "Diverged" not in heading
    wide = heading_line(drawn(grouped_table(ranked(group_runs(runs))), 200))
    assert "Optimizer" in wide and "Paper" not in wide


@pytest.mark.parametrize(
    ("field", "values", "heading"),
    [
        ("precision", ("float32", "bfloat16"), "Precision"),
        ("train_limit", (None, 6000), "Data"),
        ("epochs", (5, 10), "Epochs"),
        ("optimizer_text", ("SGD (momentum 0.7)", "Adam"), "Optimizer"),
    ],
)
def test_whichever_setting_differs_is_shown(
    make_summary: MakeSummary, field: str, values: tuple[object, object], heading: str
) -> None:
    runs = [
        make_summary(**{field: value}, settings_key=str(value), seed=seed, train_seconds=100.0 * n,
                     test_accuracy=0.97 + 0.001 * seed + 0.0001 * n)
        for n, value in enumerate(values, 1)
        for seed in range(2)
    ]  # fmt: skip
    assert heading in heading_line(drawn(grouped_table(group_runs(runs)), 60))


def test_groups_say_how_many_collapsed(make_summary: MakeSummary) -> None:
    runs = [
        make_summary(seed=seed, test_accuracy=value)
        for seed, value in enumerate((0.97, 0.98, 0.1135))
    ]
    gone = [make_summary(settings_key="x", preset="y", test_accuracy=0.1135)]
    lines = drawn(grouped_table(ranked(group_runs([*runs, *gone]))))
    assert "Collapsed" in heading_line(lines)
    first, second = lines[lines.index(heading_line(lines)) + 2 :][:2]
    assert "97.50 ± 0.71 %  2  1 of 3" in first
    assert "1 of 1 collapsed  0  1 of 1" in second
    text = " ".join(lines)
    assert "2 runs collapsed" in text and "over n runs" in text


def test_groups_say_where_times_are_of(make_summary: MakeSummary) -> None:
    runs = [make_summary(), make_summary(seed=1, threads=1), make_summary(seed=2, threads=1)]

    def notes(runs: Sequence[RunSummary]) -> list[str]:
        table = grouped_table(group_runs(runs))
        return table.notes(table.filled_columns())

    said = "Time: on the machine with the most runs of each row; "
    assert f"{said}box (A Processor, 2 cores (1 thread a run))." in notes(runs)
    assert not any(note.startswith("Time") for note in notes(runs[:1]))
