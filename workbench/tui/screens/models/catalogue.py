"""What there is to choose from: the shipped models by part, then the user's own, readable or not;
and how good each is so far.

What a model is takes longer to import than the first frame: until then the paper's models are
known by their headlines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.errors import PresetError, UserError
from workbench.formats import count, percent, percent_spread, points
from workbench.model.paper_models import Headline, shipped_headlines
from workbench.settings import Home
from workbench.tui.widgets.words import fit

if TYPE_CHECKING:
    from workbench.leaderboard.grouping import Group
    from workbench.model.architecture import Analysis
    from workbench.model.preset import Preset
    from workbench.model.spec import Precision

PART_TITLES = {
    "nn": "Neural networks",
    "cnn": "Convolutional networks",
    "tuned": "Finely tuned",
    "speed": "For speed, not the paper's",
    "own": "Yours",
}
LABEL, VALUE = 11, 9
VERDICTS = {True: "✓ within our spread", False: "≠ outside our spread"}
CANNOT_BE_TRAINED = Content.styled("cannot be trained", "$muted")
TRAIN_IT = Content.styled("press t to train it", "$muted")


@dataclass(frozen=True)
class Entry(Headline):
    """One model of the list.

    A file that cannot be read has an `error` and no preset; one of the paper's that has not been
    read yet has neither.
    """

    preset: Preset | None = None
    error: PresetError | None = None

    @property
    def is_unread(self) -> bool:
        return self.preset is None and self.error is None

    @cached_property
    def analysis(self) -> Analysis | None:
        if self.preset is None:
            return None
        from workbench.model.architecture import analyse

        return analyse(self.preset.architecture)

    @property
    def problem(self) -> str | None:
        """Why it cannot be trained, as one sentence; None where it can."""
        if self.error is not None:
            return str(self.error)
        if self.analysis is not None and self.analysis.problem is not None:
            return str(self.analysis.problem)
        return None

    def matches(self, words: str) -> bool:
        text = f"{self.name} {self.title} {PART_TITLES[self.part]} {self.summary}".casefold()
        return all(word in text for word in words.casefold().split())


def unread_entries() -> tuple[Entry, ...]:
    return tuple(Entry(**vars(headline)) for headline in shipped_headlines())


def _entry(preset: Preset) -> Entry:
    accuracy = preset.paper.accuracy if preset.paper else None
    return Entry(preset.name, preset.title, preset.part, preset.summary, accuracy, preset)


def shipped_entries() -> tuple[Entry, ...]:
    """The models that are shipped, the paper's nine first."""
    from workbench.model.preset import shipped_presets

    return tuple(map(_entry, shipped_presets()))


def own_entries(home: Home) -> tuple[Entry, ...]:
    """The user's presets by file name; reads the disk."""
    from workbench.model.preset import own_presets_by_file

    return tuple(
        Entry(path.stem, path.stem, "own", "", None, error=found)
        if isinstance(found, PresetError)
        else _entry(found)
        for path, found in own_presets_by_file(home)
    )


# How good a model is so far


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

    groups = by_settings(Leaderboard(home).entries())
    if not groups:
        return {}
    results = {}
    for entry in entries:
        ours = groups.get(_settings_key(entry, "float32"))
        half = groups.get(_settings_key(entry, "bfloat16"))
        results[entry.name] = ModelResults(ours, half, _within(entry, ours))
    return results


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
    if entry.problem is not None:
        return CANNOT_BE_TRAINED
    paper, ours, half = entry.accuracy, results.ours, results.bfloat16
    lines = [_line("paper", percent(paper))] if paper is not None else []
    if entry.is_unread:
        return Content("\n").join(lines)
    if ours is None or ours.mean is None:
        lines += [_line("ours", "–"), Content.styled(_without_mean(results), "$muted"), TRAIN_IT]
    else:
        lines.append(_line("ours", percent(ours.mean), "bold"))
        if ours.deviation is not None:
            lines.append(_line("", f"± {100 * ours.deviation:.2f}  "))
        lines.append(_line("runs", f"{ours.n}  "))
        if paper is not None:
            lines.append(_line("difference", f"{points(100 * (ours.mean - paper))}  "))
            lines.append(_verdict(results))
    if half is not None and half.mean is not None and len(lines) < 7:
        lines.append(_line("bfloat16", percent(half.mean)))
    return Content("\n").join(lines)


def accuracy_sentence(entry: Entry, results: ModelResults) -> Content:
    """The same in two short lines: for a narrow window."""
    if entry.problem is not None:
        return CANNOT_BE_TRAINED
    paper, ours = entry.accuracy, results.ours
    first = [("paper ", "$muted"), (percent(paper), "")] if paper is not None else []
    if entry.is_unread:
        return Content.assemble(*first)
    if ours is None or ours.mean is None:
        first.append((f"   {_without_mean(results)}", "$muted"))
        second = TRAIN_IT
    else:
        spread = percent_spread(ours.mean, ours.deviation)
        first += [("   ours " if first else "ours ", "$muted"), (spread, "bold")]
        off = f", {points(100 * (ours.mean - paper))} " if paper is not None else ""
        runs = f"{count(ours.n, 'run')}{off} "
        second = Content.assemble((runs, "$muted"), _verdict(results))
    return Content("\n").join([Content.assemble(*first), second])


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
