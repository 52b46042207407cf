"""The run in numbers and words: each function gives the lines of one panel, aligned and steady."""

from __future__ import annotations

import math
import textwrap
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import events

from workbench.errors import UserError
from workbench.formats import (
    MISSING,
    clock,
    count,
    epochs_done,
    metric_text,
    percent,
    percent_spread,
)
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import beside_paper
from workbench.leaderboard.store import Leaderboard
from workbench.model.describe import settings_sentence
from workbench.model.spec import TrainingSpec
from workbench.runs.environment import GPU_EXTRA
from workbench.runs.events import Failed
from workbench.runs.folder import RunFolder
from workbench.runs.record import RunRecord, ScriptRecord
from workbench.runs.status import Status
from workbench.runs.summary import HEADLINES, summarise
from workbench.runs.trouble import collapse_remark
from workbench.settings import Home
from workbench.text import one_line
from workbench.tui.charts import short_number
from workbench.tui.plotting import Glyphs, terminal_glyphs
from workbench.tui.screens.train.state import MachineUse, RunState
from workbench.tui.widgets.steady_lines import Line, SteadyLines


class Verdict(NamedTuple):
    """What can be said of a run's settings: `Your 3 runs: 97.41 ± 0.07 %`; and of a collapse."""

    own_runs: str = ""
    collapsed: str = ""


def judge(home: Home, folder: RunFolder, spec: TrainingSpec) -> Verdict:
    """Compare a run with the paper and with all runs of its settings. Reads files: in a thread.

    Raises:
        UserError: the leaderboard cannot be read.
    """
    key = spec.settings_key
    entries = Leaderboard(home).entries()
    same = {entry.run_id: entry for entry in entries if entry.settings_key == key}
    collapsed = ""
    try:
        # Its worker may not have come to write it there yet.
        own = same[folder.run_id] = summarise(folder)
        if own.collapsed_to is not None and own.test_accuracy is not None:
            collapsed = collapse_remark(own.test_accuracy, own.collapsed_to)
    except UserError:
        pass
    group = Group(key, tuple(same.values()))
    spread = percent_spread(group.mean, group.deviation)
    told = {0: "", 1: "Your first run of these settings."}
    return Verdict(told.get(group.n, f"Your {count(group.n, 'run')}: {spread}"), collapsed)


def fitting(parts: Sequence[str], width: int) -> str:
    """As many parts, from the first on, as fit into so many columns; none of them cut."""
    count = len(parts)
    while count > 1 and len("   ".join(parts[:count])) > width:
        count -= 1
    return "   ".join(parts[:count])


def value_text(name: str, value: float | None, missing: str = MISSING) -> str:
    return missing if value is None else metric_text(name, value)


def loss_text(value: float | None) -> str:
    """Of our own loop, in four decimals: its digits stand still while it falls."""
    if value is not None and abs(value) < 1000:
        return f"{value:.4f}"
    return value_text("loss", value)


class MetricReading(NamedTuple):
    """A metric at one place, smoothed and not, and as tested; None where it has no value there."""

    name: str
    smooth: float | None = None
    raw: float | None = None
    tested: float | None = None


@dataclass(frozen=True)
class Reading:
    """Values at one place: the newest ones, or those under the cursor.

    Accuracy and loss, or the metrics of a script.
    """

    where: str
    metrics: tuple[MetricReading, ...] = (MetricReading("accuracy"), MetricReading("loss"))
    test_epoch: int = 0


def now_lines(reading: Reading, state: RunState, width: int) -> list[Line]:
    """The values of a place, one a line, beside the paper's where it has one."""
    if state.spec is None:
        return _script_lines(reading.metrics, width)
    accuracy, lost = reading.metrics
    after = f"epoch {reading.test_epoch}" if reading.test_epoch else ""
    paper = f"paper {percent(state.paper)}" if state.paper is not None else ""
    beside, epoch = (paper, after) if paper else (after, "")
    other = _tested_on(state)
    room = max(0, width - 25)
    lines: list[Line] = []
    for name, value, note, word in (
        (f"{other} accuracy", value_text("accuracy", accuracy.tested), beside, "test"),
        (f"{other} loss", loss_text(lost.tested), epoch, "test"),
        ("train accuracy", value_text("accuracy", accuracy.raw), _smoothed(accuracy), "train"),
        ("train loss", loss_text(lost.raw), _smoothed(lost), "train"),
    ):
        aside = f" {note:>{room}}"[: room + 1]
        lines.append([(f"{name:<14} ", "muted"), (f"{value:>9}", word), (aside, "muted")])
    return lines


def _script_lines(metrics: Sequence[MetricReading], width: int) -> list[Line]:
    lines: list[Line] = []
    for metric in metrics:
        train = value_text(metric.name, metric.raw, "")
        validation = value_text(metric.name, metric.tested, "")
        room = max(6, width - 26)
        name = f"{one_line(metric.name):<{room}.{room}} "
        beside = f"  val {validation:>9}" if validation else ""
        lines.append([(name, "muted"), (f"{train:>9}", "train"), (beside, "test")])
    return lines


def _tested_on(state: RunState) -> str:
    return "val" if state.record.tested_on == "validation" else "test"


def _smoothed(metric: MetricReading) -> str:
    """In brackets, where it is not what stands before them."""
    smooth = metric.smooth
    if smooth is None or smooth == metric.raw or not math.isfinite(smooth):
        return ""
    said = short_number(smooth) if metric.name == "loss" else f"{100 * smooth:.1f}"
    return f"(smoothed {said})"


def compact_lines(
    reading: Reading, state: RunState, use: MachineUse | None, width: int
) -> list[Line]:
    """The same in two lines, for a narrow window; the place before what may be dropped."""
    speed = speed_text(state)
    machine = "  ".join(text for text in (machine_text(use), gpu_text(use)) if text)
    if state.spec is None:
        first, *more = _script_lines(reading.metrics[:2], width - len(machine) - 4)
        return [[*first, ("    " + machine, "muted")], *more]
    accuracy, lost = reading.metrics
    beside = [reading.where]
    if state.paper is not None:
        beside.append(f"paper {percent(state.paper)}")
    test: Line = [(f"   {fitting(beside, width - 35)}", "muted")]
    train: Line = [
        (f"   {speed}" if speed else "", ""),
        (f"   {machine}" if machine else "", "muted"),
    ]
    lines: list[Line] = []
    for name, right, wrong, word, rest in (
        (_tested_on(state), accuracy.tested, lost.tested, "test", test),
        ("train", accuracy.raw, lost.raw, "train", train),
    ):
        said, lost_said = value_text("accuracy", right), loss_text(wrong)
        head = [(f"{name:<7}", "muted"), (f"{said:>9}", word)]
        lines.append([*head, ("  loss ", "muted"), (f"{lost_said:>9}", word), *rest])
    return lines


def speed_text(state: RunState) -> str:
    """The speed in a steady width; empty before there is one."""
    ending = state.history.ending
    speed = ending.images_per_second if ending else state.history.images_per_second
    if speed is None or not math.isfinite(speed):
        return ""
    return f"{speed:>7,.0f} img/s"


def machine_text(use: MachineUse | None) -> str:
    """CPU and memory in one line; empty when they cannot be told."""
    if use is None:
        return ""
    return f"cpu {use.cpu_percent:>4.0f} %  mem {use.memory_bytes / 2**30:.1f} GiB"


def gpu_text(use: MachineUse | None) -> str:
    """How busy each GPU is, in one line; empty without one."""
    gpus = use.gpus[-1] if use and use.gpus else ()
    busy = [MISSING if gpu.percent is None else str(gpu.percent) for gpu in gpus]
    return f"gpu {' '.join(busy)} %" if busy else ""


def machine_lines(state: RunState, use: MachineUse | None, width: int) -> list[Line]:
    """Speed, CPU and memory of the worker, and a line a GPU: how busy, how full, and before."""
    lines: list[Line] = [
        [(f"{speed_text(state).strip() or MISSING:<16}", ""), (_device(state)[:20], "muted")],
        [(machine_text(use) or MISSING, "muted" if use is None else "")],
    ]
    if use is None:
        return lines
    for number, gpu in enumerate(use.gpus[-1] if use.gpus else ()):
        busy = f"{MISSING if gpu.percent is None else gpu.percent:>3} %"
        memory = f"{gpu.used_bytes / 2**30:>5.1f}/{gpu.total_bytes / 2**30:.0f} GiB "
        before = [gpus[number].percent or 0 for gpus in use.gpus if number < len(gpus)]
        text = f"gpu {number} {busy} {memory}"
        curve = spark(before[-max(1, width - len(text)) :], 100)
        lines.append([(text, ""), (curve, "accent")])
    return lines + [[(f"gpu: {GPU_EXTRA}", "warning")]] * use.gpu_unseen


def _device(state: RunState) -> str:
    started = state.history.started
    return f"{started.device}{', XLA' if started.xla else ''}" if started else ""


def _shown(signs: str, in_ascii: str) -> str:
    """Whichever of the two the terminal can show."""
    return in_ascii if terminal_glyphs() is Glyphs.ASCII else signs


def _bar(state: RunState, width: int) -> Line:
    """How far the run is, or what it does while that stands still."""
    said = state.evaluating or f"{state.share:>4.0%}"
    room = max(4, width - len(said) - 3)
    full = int(room * state.share)
    filled, empty = _shown("█", "#"), _shown("░", "-")
    return [(filled * full, "accent"), (empty * (room - full), "muted"), (f" {said}", "")]


def course_lines(state: RunState, width: int) -> list[Line]:
    """The whole run: how far, how long, how long still; what it took once it has ended."""
    if state.status.alive:
        step: Line = [(f"step {state.history.step:,}", "")]
        first = _bar(state, width) if state.history.planned_steps else step
        return [first, [(_times(state), "")]]
    took, speed = f"{clock(state.history.seconds):<10}", speed_text(state).strip()
    facts = ", ".join(_ended_facts(state, width - 2))
    return [[("took ", "muted"), (took, "strong"), (speed, "strong")], [(facts, "muted")]]


def _times(state: RunState) -> str:
    # A command that logs nothing tells no time of its own.
    silent = state.spec is None and not state.history.step
    text = f"elapsed {clock(state.waited_seconds if silent else state.history.seconds):>7}"
    if state.status in (Status.RUNNING, Status.PAUSED):
        text += f"   left {clock(state.history.seconds_left):>7}"
    return text


def course_line(state: RunState, width: int) -> Line:
    """The same in one line, for a narrow window."""
    if not state.status.alive:
        took, speed = clock(state.history.seconds), speed_text(state).strip()
        room = width - len(f"took {took}   {speed}") - 3 * 3
        rest = "".join(f"   {fact}" for fact in [speed, *_ended_facts(state, room)] if fact)
        return [("took ", "muted"), (took, "strong"), (rest, "muted")]
    if not state.history.planned_steps:
        return [(f"step {state.history.step:,}   {_times(state)}", "muted")]
    rest = f"  epoch {state.epoch}/{state.history.planned_epochs}  {_times(state)}"
    return [*_bar(state, width - len(rest)), (rest, "muted")]


def _epochs_done(state: RunState) -> str:
    done, planned = len(state.history.epochs), state.history.planned_epochs
    if not planned:
        return count(done, "epoch") if done else ""
    whole = count(planned, "epoch")
    return whole if done == planned else f"{done} of {whole}"


def _ended_facts(state: RunState, width: int) -> list[str]:
    """Epochs, steps and device, without those steps where they have no room beside each other."""
    steps = f"{state.history.step:,} steps"
    facts = [fact for fact in (_epochs_done(state), steps, _device(state)) if fact]
    if len(", ".join(facts)) > width:
        facts.remove(steps)  # the epochs tell nearly the same
    return facts


def settings_lines(state: RunState, width: int) -> list[Line]:
    """What is trained with, tags and note, then the learning rate and the speed over the run."""
    words = [settings_sentence(state.spec.training)] if state.spec is not None else []
    labels = state.labels
    words += [f"tags {', '.join(labels.tags)}"] if labels.tags else []
    words += [f"note {one_line(labels.note)}"] if labels.note else []
    lines: list[Line] = [
        [(line, "")] for text in words for line in textwrap.wrap(text, max(10, width), max_lines=3)
    ]
    planned, length = state.history.planned_steps, state.history.steps_per_epoch
    if state.spec is None or not planned:
        return lines
    columns = max(1, width - 20)
    steps = [(2 * at + 1) * planned // (2 * columns) for at in range(columns)]
    done = sum(step <= state.history.step for step in steps)
    training, batches = state.spec.training, state.history.batches
    rates = [training.rate_at(step, length) for step in steps]
    known = [rate for rate in rates if rate is not None]
    if known and min(known) < max(known):
        curve = spark(known, max(known))
        now = training.rate_at(state.history.step, length) or 0.0
        curves = (curve[:done], "accent"), (curve[done:], "muted")
        lines.append([("rate  ", "muted"), *curves, (f" {now:>9.3g}", "")])
    # Each cell is one chunk of its stretch, so that those drawn stand still.
    places = [bisect_left(batches, step, key=lambda one: one.step) for step in steps[:done]]
    speeds = [batches[place].images_per_second for place in places if place < len(batches)]
    speeds = [speed for speed in speeds if math.isfinite(speed)]
    if speeds:
        curve = spark(speeds, max(speeds)).ljust(columns)
        most = f" {max(speeds):>6,.0f} img/s"
        lines.append([("speed ", "muted"), (curve, "accent"), (most, "")])
    return lines


def spark(values: Sequence[float], most: float) -> str:
    """A character a value, as high as its share of `most`."""
    marks = _shown("▁▂▃▄▅▆▇█", "_.-=+*%#")
    return "".join(marks[min(7, int(8 * value / most))] if most > 0 else marks[0]
                   for value in values)  # fmt: skip


def class_lines(confusion: Sequence[Sequence[int]], width: int) -> list[Line]:
    """How many of each class's test images were right, as bars from a round share to all."""
    shares = [row[at] / sum(row) if sum(row) else math.nan for at, row in enumerate(confusion)]
    least = min((value for value in shares if math.isfinite(value)), default=0.0)
    start = min(0.95, math.floor(20 * least - 1e-9) / 20)
    room, full = max(4, width - 13), _shown("█", "#")
    lines: list[Line] = []
    for number, value in enumerate(shares):
        length = int(room * max(0.0, value - start) / (1 - start)) if math.isfinite(value) else 0
        said = (percent(value) if math.isfinite(value) else MISSING).rjust(width - 4 - length)
        lines.append([(f"{number:>2}  ", "muted"), (full * length, "test"), (said, "")])
    return lines


def epoch_heading(state: RunState) -> Line:
    if state.spec is None:
        names = "".join(f"{one_line(name):>13.12}" for name in _table_metrics(state))
        return [(f"   #{names}     time", "muted")]
    return [(f"   #  train %  {_tested_on(state):>4} %    loss     time", "muted")]


def epoch_rows(state: RunState, first: int, count: int) -> list[Line]:
    """Rows of the table of epochs from `first` on."""
    rows: list[Line] = []
    for epoch in state.history.epochs[first : first + count]:
        if epoch.metrics is not None:
            metrics = epoch.metrics
            told = [value_text(name, metrics.get(name), "") for name in _table_metrics(state)]
            cells = "".join(f"{value:>13}" for value in told)
            took = f"{clock(epoch.epoch_seconds):>9}"
            rows.append([(f"{epoch.epoch:>4}", "muted"), (cells, ""), (took, "muted")])
            continue
        train = f"{100 * epoch.accuracy:.2f}" if math.isfinite(epoch.accuracy) else MISSING
        other_loss, accuracy = epoch.judged
        test = f"{100 * accuracy:.2f}" if math.isfinite(accuracy) else MISSING
        test_loss = loss_text(other_loss) if math.isfinite(other_loss) else MISSING
        seconds = epoch.epoch_seconds
        took = clock(seconds) if seconds >= 10 else f"{seconds:.1f} s"
        values = [(f"{train:>9}", "train"), (f"{test:>8}", "test"), (f"{test_loss:>8}", "")]
        rows.append([(f"{epoch.epoch:>4}", "muted"), *values, (f"{took:>9}", "muted")])
    return rows


def _table_metrics(state: RunState) -> list[str]:
    """Those of a script's epochs that have room in the table."""
    known = state.history.epochs[-1].metrics if state.history.epochs else None
    best = [name for name in HEADLINES if name in (known or {})]
    return list(dict.fromkeys([*best, *(known or {})]))[:2]


def head_line(state: RunState, asked: str, width: int) -> Line:
    """What the run is on the left, what it is doing on the right."""
    status = state.status
    title = state.record.title
    right = f"{_shown(status.mark, '*')} {asked or state.evaluating or status.word}"
    planned = state.history.planned_epochs
    epochs = f"epoch {state.epoch}/{planned}" if planned else f"step {state.history.step:,}"
    if status in (Status.RUNNING, Status.PAUSED):
        right += f"   {epochs}"
        if width >= 100:
            right += f"   {speed_text(state)}"
    room = width - len(right) - 3
    left = title if len(title) <= room else title[: max(0, room - 1)] + "…"
    more = ""
    for fact in _facts(state.record):
        if len(left) + len(more) + len(fact) + 3 <= room:
            more += f" · {fact}"
    gap = " " * max(1, width - 2 - len(left) - len(more) - len(right))
    role = status.role or "strong"
    return [(" ", ""), (left, "strong"), (more, "muted"), (gap, ""), (right, role)]


def _facts(record: RunRecord) -> list[str]:
    """What is known of what is trained, the most telling first."""
    if isinstance(record, ScriptRecord):
        return [one_line(fact) for fact in record.script.facts]
    spec = record.spec
    facts = [spec.preset, f"seed {spec.seed}", spec.precision]
    if spec.dataset.name != "mnist":
        facts.append(spec.dataset.name)
    if spec.dataset.train_limit:
        facts.append(f"first {count(spec.dataset.train_limit, 'image')}")
    return facts


def verdict_lines(state: RunState, verdict: Verdict | None, width: int) -> list[Line]:
    """The result beside the paper's and one's own earlier runs."""
    ending = state.history.ending
    if state.spec is None:
        return _metric_lines(state, width)
    held_out: list[Line] = []
    if ending is not None and ending.validation_accuracy is not None:
        held_out = [[("validation ", "muted"), (percent(ending.validation_accuracy), "")]]
    if ending is None or ending.test_accuracy is None:
        nothing = "not tested" if held_out else "no epoch was completed"
        return [*held_out, [(nothing, "muted")]]
    lines: list[Line] = []
    result = [(percent(ending.test_accuracy), "strong")]
    if not state.status.completed:
        result.append((f"  after epoch {ending.epochs_completed}", "muted"))
    elif verdict is not None:
        comparable = ending.test_accuracy if state.status is Status.FINISHED else None
        beside = beside_paper(state.spec.settings_key, comparable)
        paper, colon, apart = beside.partition(": ")
        if paper:
            result += [(f", {paper}{colon}", ""), (apart, "strong")]
    lines.append(result)
    if verdict is not None and verdict.own_runs and state.status.completed:
        lines.append([(verdict.own_runs, "")])
    lines += [[("test loss ", "muted"), (loss_text(ending.test_loss), "")], *held_out]
    if ending.best_epoch_test_accuracy is not None:
        best, epoch = percent(ending.best_epoch_test_accuracy), f"best epoch {ending.best_epoch} "
        lines.append([(epoch, "muted"), (best, ""), ("  (not ranked)", "muted")])
    return lines


def _metric_lines(state: RunState, width: int) -> list[Line]:
    """The last value of each of a script's metrics."""
    metrics = state.history.metrics
    name_width = min(max(map(len, metrics), default=0), max(8, width - 12))
    lines: list[Line] = []
    for name, value in metrics.items():
        head = f"{one_line(name):<{name_width}.{name_width}} "
        lines.append([(head, "muted"), (metric_text(name, value), "strong")])
    return lines or [[("no metric was logged", "muted")]]


def compact_verdict(state: RunState, verdict: Verdict | None) -> list[Line]:
    """The same in two lines: the comparison, then the rest."""
    lines = verdict_lines(state, verdict, 80)
    compared = verdict is not None and verdict.own_runs and state.status.completed
    own = 2 if compared else 1
    return [_joined(part) for part in (lines[:own], lines[own:]) if part]


def _joined(lines: list[Line]) -> Line:
    pieces: list[tuple[str, str]] = []
    for line in lines:
        pieces += [("   ", ""), *line] if pieces else line
    return pieces


def notice(state: RunState, collapsed: str = "") -> tuple[str, str]:
    """A sentence, and the word for how it is to look; empty where nothing is the matter."""
    ending, history = state.history.ending, state.history
    trouble = state.watch.trouble
    match state.status:
        case Status.DELETED:
            return (
                "The folder of this run has been deleted. What was read of it stays on view; "
                "Esc leaves it."
            ), "bad"
        case Status.QUEUED | Status.PREPARING:
            return f"{_capital(history.waiting_for)} … {state.waited_seconds:.0f} s", "muted"
        case (Status.KILLED | Status.CRASHED) as status if state.spec is None:
            killed = status is Status.KILLED
            how, word = ("Killed", "muted") if killed else ("Its process died", "bad")
            return f"{how} at step {history.step:,}, without a word in the log.", word
        case (Status.KILLED | Status.CRASHED) as status:
            done = history.epochs[-1].epoch if history.epochs else 0
            after = f"after epoch {done}" if done else "from the beginning"
            if status is Status.KILLED:
                return f"Killed; r resumes it {after}.", "muted"
            where = f"in epoch {state.epoch}" if done < history.planned_epochs else "at the end"
            return (
                f"The worker died {where}, at step {history.step:,}, without a word in the log. "
                f"r resumes the run {after}; l shows what the worker wrote."
            ), "bad"
        case Status.FAILED | Status.DIVERGED:
            assert isinstance(ending, Failed)
            advice = "l shows what the worker wrote."
            if ending.diverged:
                advice = "A lower learning rate may fix it."
            sentence = _capital(ending.message or "the run failed").rstrip(".")
            return f"{sentence}. {advice}", "bad"
        case Status.STOPPED | Status.PRUNED:
            assert ending is not None
            if state.spec is None:
                return f"Stopped at step {ending.step:,}.", "muted"
            done_words = epochs_done(ending.epochs_completed, history.planned_epochs)
            how = state.status.word.capitalize()
            return f"{how} after {done_words} and saved. r resumes it from there.", "muted"
    if trouble is not None:
        return _capital(trouble.words) + ".", "bad"
    if state.status is Status.PAUSED:
        return "Paused; r resumes.", "muted"
    if state.spec is None and not state.curves.names:
        return "It has logged no metric; l shows what it prints.", "muted"
    return collapsed, "bad"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class EpochTable(SteadyLines):
    """The epochs under their heading, the newest in view until one scrolls."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._state: RunState | None = None
        self._back = 0  # rows scrolled back from the newest

    def follow(self, state: RunState) -> None:
        self._state = state
        room = max(0, self.size.height - 1)
        total = len(state.history.epochs)
        self._back = max(0, min(self._back, total - room))
        first = max(0, total - room - self._back)
        lines = [epoch_heading(state)]
        lines += epoch_rows(state, first, room)
        if total == 0:
            lines.append([("   after the first epoch", "muted")])
        self.show(lines)

    def scroll_rows(self, rows: int) -> None:
        """Towards older epochs (negative) or newer ones."""
        self._back = max(0, self._back - rows)
        if self._state is not None:
            self.follow(self._state)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.scroll_rows(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.scroll_rows(1)

    def on_resize(self, event: events.Resize) -> None:
        if self._state is not None:
            self.follow(self._state)
