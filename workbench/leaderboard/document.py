"""The whole leaderboard and all tables of the paper as one markdown document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.formats import count, local_time, percent, points
from workbench.leaderboard import views
from workbench.leaderboard.claims import Verdict
from workbench.leaderboard.columns import sort_runs
from workbench.leaderboard.export import escaped, table_lines, to_markdown
from workbench.leaderboard.grouping import group_runs, machine_of, ranked
from workbench.leaderboard.judges import check_all, claims_table
from workbench.leaderboard.paper import RowComparison, TableComparison, compare_all, row_name
from workbench.leaderboard.table import RIGHT, Columns, Heading, table_of
from workbench.model.tables import PaperTable
from workbench.runs.summary import RunSummary

TITLE = "Results of mnist-workbench"
FAR_POINTS = 0.5  # a difference from the paper that is to be spoken of


def document(
    summaries: Sequence[RunSummary],
    title: str = TITLE,
    imported: Sequence[RunSummary] = (),
) -> str:
    """Where the numbers come from, the paper's tables beside ours, its claims, then all runs.

    Imported runs stand beside the paper's rows and in a table at the end, counted in nothing.
    The same runs give the same document: it bears no date of its own.
    """
    parts = [f"# {escaped(title)}\n", provenance(summaries), "## The paper's tables, and ours\n"]
    parts += [_paper_part(comparison) for comparison in compare_all(summaries, imported=imported)]
    parts.append(to_markdown(claims_table(summaries), level=3))
    half = compare_all(summaries, "bfloat16", imported)
    half = [part for part in half if part.trained or part.imported]
    if half:
        parts.append("## The same in bfloat16\n")
        parts += [_paper_part(comparison) for comparison in half]
    if any(part.trained for part in half):
        parts.append(to_markdown(claims_table(summaries, "bfloat16"), level=3))
    parts.append(to_markdown(views.grouped_table(ranked(group_runs(summaries)), "By settings")))
    parts.append(to_markdown(views.leaderboard_table(sort_runs(summaries), "All runs")))
    if imported:
        parts.append(to_markdown(views.imported_table(sort_runs(imported))))
    return "\n".join(parts)


def brief(summaries: Sequence[RunSummary]) -> str:
    """All rows of the paper in one table, what is to be said of some, and the verdicts on what
    the paper concludes: for a README. Table 9, which repeats two rows, is left out."""
    found = [
        (part.table, row)
        for part in compare_all(summaries)
        for row in part.rows
        if part.table.layout == "rows"
    ]
    columns: Columns[tuple[PaperTable, RowComparison]] = [
        (Heading("Table"), lambda one: one[0].number),
        (Heading("Row"), lambda one: row_name(one[0], one[1].row)),
        (Heading("Paper", RIGHT), lambda one: percent(one[1].row.accuracy)),
        (Heading("Ours", RIGHT), lambda one: views.our_accuracy(one[1])),
        (Heading("n", RIGHT), lambda one: one[1].ours.n),
        (Heading("Difference", RIGHT), lambda one: points(one[1].difference)),
        (Heading("Within spread"), lambda one: views.within_text(one[1])),
    ]
    apart = {
        row.settings_key: f"- **{row_name(table, row.row)}** (Table {table.number}): "
        + escaped(" ".join(filter(None, [f"{row.verdict}.", row.by_epoch, *row.remarks])))
        for table, row in found
        if row.paper_collapsed or abs(row.difference or 0.0) > FAR_POINTS
    }
    parts = ["\n".join(table_lines(table_of("", found, columns)))]
    if apart:
        parts.append(f"More than {FAR_POINTS} points from the paper, or collapsed there:")
        parts.append("\n".join(apart.values()))
    claims: Columns[Verdict] = [
        (Heading("What the paper says"), lambda item: item.claim.name),
        (Heading("Section"), lambda item: item.claim.section),
        (Heading("Our runs"), lambda item: item.kind.value),
    ]
    parts.append("\n".join(table_lines(table_of("", check_all(summaries), claims))))
    return "\n\n".join(parts) + "\n"


def provenance(summaries: Sequence[RunSummary]) -> str:
    """On which machines and with which versions the runs were made."""
    if not summaries:
        return "No runs yet: `mnist-workbench run nn-1` makes the first.\n"
    machines = Counter((machine_of(run), run.tensorflow, run.keras) for run in summaries)
    starts = sorted(local_time(run.started_at) for run in summaries)
    first, last = starts[0][:10], starts[-1][:10]
    when = f"on {first}" if first == last else f"between {first} and {last}"
    lines = [
        f"{count(len(summaries), 'run')}, started {when}; written by `mnist-workbench export`. "
        "Accuracies are on the test images after the last epoch.\n"
    ]
    lines += [
        f"- {escaped(place.host)}: {escaped(place.cpu)}, {place.cores_text}, "
        f"TensorFlow {escaped(tensorflow)}, Keras {escaped(keras)}: {count(runs, 'run')}"
        for (place, tensorflow, keras), runs in machines.most_common()
    ]
    return "\n".join(lines) + "\n"


def _paper_part(comparison: TableComparison) -> str:
    parts = [to_markdown(views.paper_view(comparison), level=3)]
    if comparison.epochs_told and comparison.table.layout == "rows":
        parts.append(to_markdown(views.epochs_view(comparison), level=3))
    return "\n".join(parts)
