"""How good a model is so far: the paper's accuracy, and that of our finished runs of exactly its
settings; read from the leaderboard, and told in a few lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.errors import UserError
from workbench.formats import count, percent, percent_spread, points
from workbench.settings import Home
from workbench.tui.screens.models.catalogue import Entry
from workbench.tui.widgets.columns import fit

if TYPE_CHECKING:
    from workbench.leaderboard.grouping import Group
    from workbench.model.spec import Precision
    from workbench.runs.summary import RunSummary

LABEL, VALUE = 11, 9
VERDICTS = {True: "✓ within our spread", False: "≠ outside our spread"}


@dataclass(frozen=True)
class ModelResults:
    """Our results for one model; groups are None where nothing was trained.

    `within` says whether the paper's accuracy lies within our spread, None where that cannot
    be judged: fewer than two trials, or a model that is not the paper's.
    """

    ours: Group | None = None
    bfloat16: Group | None = None
    within: bool | None = None


NO_RESULTS = ModelResults()


def read_results(home: Home, entries: Iterable[Entry]) -> dict[str, ModelResults]:
    """The results of every model by name. Reads the leaderboard: call it in a thread.

    Raises:
        UserError: the leaderboard cannot be read.
    """
    # Imported here, since the first frame does not wait for the leaderboard.
    from workbench.leaderboard.grouping import by_settings
    from workbench.leaderboard.store import Leaderboard

    summaries: list[RunSummary] = Leaderboard(home).entries()
    if not summaries:
        return {}
    groups = by_settings(summaries)
    return {entry.name: _results_of(entry, groups) for entry in entries}


def _results_of(entry: Entry, groups: dict[str, Group]) -> ModelResults:
    ours = groups.get(_settings_key(entry, "float32"))
    half = groups.get(_settings_key(entry, "bfloat16"))
    return ModelResults(ours, half, _within(entry, ours))


def _settings_key(entry: Entry, precision: Precision) -> str:
    """The key of what `t` trains; empty for a model that cannot be trained."""
    from workbench.runs.plan import Plan, specs_for_preset

    if entry.preset is None:
        return ""
    try:
        return specs_for_preset(entry.preset, Plan(precision=precision))[0].settings_key
    except UserError:
        return ""


def _within(entry: Entry, ours: Group | None) -> bool | None:
    from workbench.leaderboard.paper import RowComparison
    from workbench.model.tables import paper_rows_by_settings

    if ours is None or entry.preset is None or entry.preset.paper is None:
        return None
    place = entry.preset.paper
    for table, row in paper_rows_by_settings().get(ours.settings_key, ()):
        if table.number == place.table:
            return RowComparison(row, ours.settings_key, ours).within
    return None


def accuracy_lines(entry: Entry, results: ModelResults) -> Content:
    """One fact a line, values right-aligned: for the panel of a wide window."""
    paper, mean, deviation, n = _numbers(entry, results)
    if entry.problem is not None:
        return Content.styled("cannot be trained", "$muted")
    lines = []
    if paper is not None:
        lines.append(_line("paper", percent(paper)))
    if entry.is_unread:
        return Content("\n").join(lines)
    if mean is None:
        lines += [_line("ours", "–"), Content.styled(_without_mean(results), "$muted")]
        lines.append(Content.styled("press t to train it", "$muted"))
    else:
        lines.append(_line("ours", percent(mean), "bold"))
        if deviation is not None:
            lines.append(_line("", f"± {100 * deviation:.2f}  "))
        lines.append(_line("runs", f"{n}  "))
        if paper is not None:
            lines.append(_line("difference", f"{points(100 * (mean - paper))}  "))
            lines.append(_verdict(results))
    half = results.bfloat16
    if half is not None and half.mean is not None and len(lines) < 7:
        lines.append(_line("bfloat16", percent(half.mean)))
    return Content("\n").join(lines)


def accuracy_sentence(entry: Entry, results: ModelResults) -> Content:
    """The same in two short lines: for a narrow window."""
    paper, mean, deviation, n = _numbers(entry, results)
    if entry.problem is not None:
        return Content.styled("cannot be trained", "$muted")
    first = [("paper ", "$muted"), (percent(paper), "")] if paper is not None else []
    if entry.is_unread:
        return Content.assemble(*first)
    if mean is None or n is None:
        first.append((f"   {_without_mean(results)}", "$muted"))
        second = Content.styled("press t to train it", "$muted")
    else:
        ours = percent_spread(mean, deviation)
        first += [("   ours " if first else "ours ", "$muted"), (ours, "bold")]
        runs = count(n, "run")
        text = f"{runs}, " + (points(100 * (mean - paper)) + "  " if paper is not None else "")
        second = Content.assemble((text.rstrip(", ") + " ", "$muted"), _verdict(results))
    return Content("\n").join([Content.assemble(*first), second])


def _numbers(
    entry: Entry, results: ModelResults
) -> tuple[float | None, float | None, float | None, int | None]:
    ours = results.ours
    paper = entry.paper_accuracy
    return (paper, ours.mean, ours.deviation, ours.n) if ours else (paper, None, None, None)


def _without_mean(results: ModelResults) -> str:
    """Why there is no accuracy of ours."""
    ours = results.ours
    if ours is not None and ours.collapsed:
        return ours.collapsed_text
    if ours is not None and ours.diverged:
        return f"diverged in {ours.diverged} of {ours.diverged}"
    return "not trained yet"


def _line(label: str, value: str, style: str = "") -> Content:
    return Content.assemble((fit(label, LABEL), "$muted"), (value.rjust(VALUE), style))


def _verdict(results: ModelResults) -> Content:
    if results.within is None:
        n = results.ours.n if results.ours is not None else 0
        reasons = {1: "one run: no spread", 2: "two runs: too few"}
        return Content.styled(reasons.get(n, ""), "$muted")
    return Content.styled(VERDICTS[results.within], "$success" if results.within else "$warning")
