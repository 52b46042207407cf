"""Two lines below the table about the row under the cursor: all that a narrow table drops."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from workbench.formats import (
    count,
    duration,
    epochs_done,
    local_time,
    percent,
    percent_spread,
    points,
    seeds_text,
)
from workbench.leaderboard.claims import CheckedClaim
from workbench.leaderboard.grouping import Group, Machine, machine_of
from workbench.leaderboard.paper import RowComparison
from workbench.leaderboard.views import imported_text
from workbench.model.hyperparameters import optimizer_text
from workbench.runs.status import Status
from workbench.runs.summary import AnySummary, RunSummary, ScriptSummary
from workbench.text import one_line
from workbench.tui.settings_text import settings_text

Subject = RunSummary | ScriptSummary | Group | RowComparison | CheckedClaim | str | None


class BoardDetail(Widget):
    """`subject` is what the cursor is on, or a sentence."""

    subject: reactive[Subject] = reactive(None)
    label_heading = ""  # what the paper calls the rows of the table on view
    timed_on: Machine | None = None  # the machine whose times stand in that table
    machines = False  # whether runs are told with the machine they were made on

    def render(self) -> RenderResult:
        subject = self.subject
        match subject:
            case RunSummary():
                head, first, second = subject.run_id, _settings(subject), _run_words(subject)
                if self.machines:
                    second = f"{_machine(subject)}  ·  {second}"
            case ScriptSummary():
                facts = (subject.framework, subject.config_text or " ".join(subject.command))
                head, first = subject.run_id, "  ".join(fact for fact in facts if fact)
                second = _facts(subject, [subject.message])
            case Group():
                head = subject.example.preset
                first, second = settings_text(subject.example), _group_words(subject)
            case RowComparison():
                head, first = subject.row.label, subject.verdict
                if head.isdigit():
                    head = f"{self.label_heading} {head}"
                second = "  ·  ".join(_row_words(subject, self.timed_on))
            case CheckedClaim():
                return _claim(subject)
            case str():
                head, first, second = "", subject, ""
            case _:
                return ""
        text = Text(no_wrap=True, overflow="ellipsis")
        if head:
            text.append(f"{one_line(head)}  ", "bold")
        text.append(f"{one_line(first)}\n{one_line(second)}")
        return text


def _claim(checked: CheckedClaim) -> Text:
    """The claim, then what our runs say: whole sentences, over as many lines as they take."""
    text = Text(one_line(checked.claim.statement), "bold")
    text.append(f"\n{one_line(checked.verdict.text)}", "not bold")
    return text


def _settings(run: RunSummary) -> str:
    return f"seed {run.seed}, {settings_text(run)}"


def _machine(run: RunSummary) -> str:
    return f"{machine_of(run).text}, TensorFlow {run.tensorflow}"


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
        seconds = ours.seconds_on(machine) if ours is not None else None
        words.append(f"paper took {duration(row.row.train_seconds)}")
        if seconds is not None and machine is not None:
            words[-1] += f", ours {duration(seconds)} on {machine.host}, {machine.cores_text}"
    if row.imported.runs:
        words.append(f"imported: {imported_text(row.imported)}")
    if ours is not None and ours.n > 1:
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
