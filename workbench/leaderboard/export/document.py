"""The whole leaderboard and all tables of the paper as one markdown document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.leaderboard.export.markdown import escaped, to_markdown
from workbench.leaderboard.grouping import group_runs, ranked
from workbench.leaderboard.paper import TableComparison, compare_all
from workbench.leaderboard.paper_view import paper_view
from workbench.leaderboard.sorting import sort_runs
from workbench.leaderboard.views import grouped_table, leaderboard_table
from workbench.leaderboard.wording import count
from workbench.runs.summary import RunSummary

TITLE = "Results of mnist-workbench"


def document(summaries: Sequence[RunSummary], title: str = TITLE) -> str:
    """Where the numbers come from, the paper's tables beside ours, then all runs.

    The same runs give the same document: it bears no date of its own.
    """
    parts = [f"# {escaped(title)}\n", provenance(summaries), "## The paper's tables, and ours\n"]
    parts += [_paper_part(comparison) for comparison in compare_all(summaries)]
    half = [part for part in compare_all(summaries, "bfloat16") if part.trained]
    if half:
        parts.append("## The same in bfloat16\n")
        parts += [_paper_part(comparison) for comparison in half]
    parts.append(to_markdown(grouped_table(ranked(group_runs(summaries)), "By settings")))
    parts.append(to_markdown(leaderboard_table(sort_runs(summaries), "All runs")))
    return "\n".join(parts)


def provenance(summaries: Sequence[RunSummary]) -> str:
    """On which machines and with which versions the runs were made."""
    if not summaries:
        return "No runs yet: `mnist-workbench run nn-1` makes the first.\n"
    machines = Counter(
        (run.host, run.cpu, run.cores, run.tensorflow, run.keras) for run in summaries
    )
    starts = sorted(run.started_at for run in summaries)
    first, last = starts[0][:10], starts[-1][:10]
    when = f"on {first}" if first == last else f"between {first} and {last}"
    lines = [
        f"{count(len(summaries), 'run')}, started {when}; written by `mnist-workbench export`. "
        "Accuracies are on the test images after the last epoch.\n"
    ]
    lines += [
        f"- {escaped(host)}: {escaped(cpu)}, {count(cores, 'core')}, "
        f"TensorFlow {escaped(tensorflow)}, Keras {escaped(keras)}: {count(runs, 'run')}"
        for (host, cpu, cores, tensorflow, keras), runs in machines.most_common()
    ]
    return "\n".join(lines) + "\n"


def _paper_part(comparison: TableComparison) -> str:
    return to_markdown(paper_view(comparison), level=3)
