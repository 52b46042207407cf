"""What the Search screen says: how far it is, what would be chosen, what the parameters did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from workbench.formats import clock, count, epochs_done, percent
from workbench.queue.search import (
    FEWEST_FOR_IMPORTANCE,
    Search,
    SearchProgress,
    SearchResult,
)
from workbench.queue.space import Parameter, Value, values_text
from workbench.queue.store import SearchEntry
from workbench.queue.view import QueueView, short_time_left
from workbench.runs.status import Status
from workbench.text import one_line
from workbench.tui.screens.runs.rows import bar_pieces
from workbench.tui.widgets.steady_lines import Line, wrapped

SHARE, BAR = 5, 12  # cells of ` 71 %` and of the bar before it
MOST_NOW = 2  # trials that train at once and are told


@dataclass(frozen=True)
class Found:
    """All that is known of a search: its files, and its part of the queue."""

    search: Search
    progress: SearchProgress
    result: SearchResult | None
    queue: QueueView

    @property
    def entry(self) -> SearchEntry | None:
        """Its entry in the queue, while it stands there."""
        return next(iter(self.queue.searches), None)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is searched, the most important first."""
        shares = self.progress.importance
        return tuple(
            sorted(
                self.search.parameters, key=lambda item: shares.get(item.name, 0.0), reverse=True
            )
        )

    @property
    def run_now(self) -> str | None:
        """The run that trains now."""
        return next((item.trial.run_id for item in self.queue.training), None)

    @property
    def chosen_run(self) -> str | None:
        """The run of the trial that would be chosen, or was."""
        best = self.progress.best
        return best.run_id if best else None


def head_line(found: Found) -> Line:
    """`● training  12 of 40 trials (3 pruned) · about 40 min left  tpe, hyperband`."""
    entry, search = found.entry, found.search
    outcomes = Counter(trial.outcome for trial in found.progress.trials if trial.outcome)
    told = [f"{n} {outcome}" for outcome, n in outcomes.items() if outcome != "finished"]
    aside = f" ({', '.join(told)})" if told else ""
    words = f"{outcomes.total()} of {count(search.trials, 'trial')}{aside}"
    state: Line = []
    if entry is not None and entry.state.pending and not found.queue.running:
        state = [(" ■ the queue stands still ", "warning")]
    elif entry is not None:
        state = [(f" {entry.state.marked} ", entry.state.role)]
        left = short_time_left(found.queue) if found.queue.running else ""
        words = one_line(entry.message) if entry.state is Status.FAILED else words
        words += f" · {left}" if left else ""
    return [*state, (f" {words}", "strong"), (f"  {search.sampler}, {search.pruner}", "muted")]


def choice_lines(found: Found, width: int) -> list[Line]:
    """What would be chosen now, or what was and how it was tested."""
    best, result = found.progress.best, found.result
    if result is not None:
        tested = ", ".join(percent(accuracy) for accuracy in result.test_accuracies)
        chosen = _settings(found, result.values)
        sentence = (
            f"Chosen: trial {result.number}, {percent(result.validation_accuracy)} of the "
            f"validation images. Trained on all training images: {tested or 'no result'} of the "
            f"test images; no other trial has been tested. {chosen}"
        )
    elif best is not None:
        others = [trial for trial in found.progress.trials if trial.number != best.number]
        whole = sum(trial.accuracy is not None for trial in others)
        given_up = sum(trial.outcome == "pruned" for trial in others)
        beaten = count(whole, "whole trial") + (f" and {given_up} pruned" if given_up else "")
        sentence = (
            f"Would be chosen now: trial {best.number}, {percent(best.accuracy)} of the validation "
            f"images, above {beaten}: {_settings(found, best.values)}"
        )
    else:
        sentence = "Nothing to choose from yet: no trial has been trained to its end."
    return wrapped(sentence, "", width, 2)


def _settings(found: Found, values: dict[str, Value]) -> str:
    return values_text(found.search.parameters, values)


def parameter_lines(found: Found, at: int, width: int) -> list[Line]:
    """A line a parameter: its share in what sets the best apart, and the chosen value."""
    shares, best = found.progress.importance, found.progress.best
    values = found.result.values if found.result else best.values if best else {}
    names = max((len(item.short) for item in found.parameters), default=0)
    names = min(names, max(4, width - BAR - SHARE - 14))
    lines: list[Line] = []
    for place, item in enumerate(found.parameters):
        here = place == at
        share = shares.get(item.name)
        bar = bar_pieces(share, BAR) if share is not None else [(" " * BAR, "muted")]
        said = f"{100 * share:3.0f} %" if share is not None else " " * SHARE
        value = values.get(item.name)
        text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(
            [
                ("› " if here else "  ", "accent"),
                (f"{item.short[:names]:<{names}} ", "strong" if here else ""),
                *bar,
                (f" {said} ", "muted"),
                (f" {text}"[: max(0, width - names - BAR - SHARE - 5)], "test"),
            ]
        )
    return lines


def now_lines(found: Found, width: int) -> list[Line]:
    """What trains now, a line each."""
    lines: list[Line] = []
    for item in found.queue.training[:MOST_NOW]:
        trial, run = item.trial, item.run
        number = "final training" if trial.number is None else f"trial {trial.number}"
        summary = run.summary if run is not None else None
        epochs = epochs_done(summary.epochs_completed, summary.epochs) if summary else ""
        so_far = percent(item.accuracy) if item.accuracy is not None else ""
        left = f"{clock(item.seconds_left)} left" if item.seconds_left is not None else ""
        words = [run.preparing if run is not None else "", epochs, so_far, left]
        said = " · ".join(word for word in words if word)
        head = f" ▲ {number}  {one_line(trial.label)}"
        lines.append([(head[: max(10, width - len(said) - 2)], "train"), (f"  {said}", "muted")])
    return lines or [[(" nothing trains now", "muted")]]


def importance_title(found: Found) -> str:
    """What the list of parameters says."""
    if found.progress.importance:
        return "what sets the best quarter apart"
    return f"parameters (shares after {FEWEST_FOR_IMPORTANCE} whole trials)"
