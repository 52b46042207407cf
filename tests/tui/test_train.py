"""A run's screen: what it shows of a living, an ended and a broken run, and what its keys do."""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.content import Content
from textual.geometry import Region
from textual.pilot import Pilot

from tests.support import until
from workbench.formats import MISSING
from workbench.model.spec import TrainingSpec
from workbench.runs import control, service
from workbench.runs.events import (
    Batch,
    Epoch,
    Event,
    Failed,
    Finished,
    Paused,
    Preparing,
    Queued,
    Resumed,
    Started,
    Stopped,
)
from workbench.runs.folder import RunFolder, create_run
from workbench.runs.log import EventReader, EventWriter
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels
from workbench.runs.status import Status
from workbench.runs.watchlist import Watchlist, read_run
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.plotting import Glyphs
from workbench.tui.screens.classes import ClassesScreen
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.errors import ErrorsScreen
from workbench.tui.screens.train import numbers, plots
from workbench.tui.screens.train.dialogs import (
    ConfusionScreen,
    LogScreen,
    clean,
    mistake_lines,
)
from workbench.tui.screens.train.numbers import Verdict
from workbench.tui.screens.train.plots import RunPlots
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.screens.train.state import RunState
from workbench.tui.widgets.bars import Hints
from workbench.tui.widgets.steady_lines import Line, SteadyLines

pytestmark = pytest.mark.asyncio

STEPS = 1000  # an epoch of CNN model 2


class FakeRun:
    """A run whose worker is the test: it holds the lock and writes the log."""

    def __init__(self, home: Home, preset: str = "cnn-2", seed: int = 0) -> None:
        spec = specs_for(home, preset, Plan(seed=seed))[0]
        self.folder, self._lock = create_run(home, spec, Labels(), "run")
        self.writer = EventWriter(self.folder.events_file)

    def write(self, *events: Event) -> None:
        for event in events:
            self.writer.write(event)

    def train(self, until: int, start: int = 0) -> None:
        """Chunks of 50 steps, and the epochs they complete."""
        if start == 0:
            self.write(Started(time.time(), os.getpid(), 1, 5, STEPS, 60_000, False, "CPU"))
        for step in range(start + 50, until + 1, 50):
            epoch = 1 + (step - 1) // STEPS
            self.write(Batch(time.time(), epoch, step, 50, 1 / step, 0.9, 1158.0, step / 20))
            if step % STEPS == 0:
                self.write(
                    Epoch(time.time(), epoch, step, 0.2, 0.95, 0.1, 0.96 + epoch / 1000, 1158.0,
                          50.0, step / 20)
                )  # fmt: skip

    def end(self, kind: type[Finished] | type[Stopped] | type[Failed], **more: object) -> None:
        facts = {
            "epochs_completed": 5,
            "step": 5 * STEPS,
            "seconds": 250.0,
            "images_per_second": 1158.0,
            "test_loss": 0.0812,
            "test_accuracy": 0.9749,
            "best_epoch": 4,
            "best_epoch_test_accuracy": 0.9755,
        }
        self.write(kind(time.time(), **{**facts, **more}))  # type: ignore[arg-type]
        self.die()

    def die(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


CONFUSION = [
    [90 if true == said else (true + said) % 3 for said in range(10)] for true in range(10)
]


@pytest.fixture
def run(home: Home) -> Iterator[FakeRun]:
    made = FakeRun(home)
    yield made
    made.die()


@asynccontextmanager
async def shown(
    home: Home, folder: RunFolder, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[TrainScreen, Pilot[None]]]:
    app = WorkbenchApp(home)
    async with app.run_test(size=size) as pilot:
        screen = TrainScreen(folder)
        await app.push_screen(screen)
        yield screen, pilot


def hints(screen: TrainScreen) -> str:
    return str(screen.query_one(Hints).render())


def plain(line: Line) -> str:
    return "".join(piece for piece, _ in line)


def legend(plot: CurvePlot) -> str:
    """What stands below the plot, without its colours."""
    return Content.from_markup(str(plot.border_subtitle)).plain


def lowest_line(plot: CurvePlot) -> str:
    """The line of the border that carries the subtitle, as it is sent to the terminal."""
    lines = plot.render_lines(Region(0, plot.outer_size.height - 1, plot.outer_size.width, 1))
    return lines[0].text


def in_the_list(folder: RunFolder, home: Home | None = None) -> str:
    """The state as the list of runs shows it; of a living run with its home."""
    if home is None:
        return read_run(folder).state.marked
    watchlist = Watchlist(home)
    watchlist.look()
    return watchlist.living[0].state.marked


def text(screen: TrainScreen, name: str) -> str:
    return screen.query_one(f"#{name}", SteadyLines).plain


async def test_a_run_is_followed_from_waiting_to_its_result(home: Home, run: FakeRun) -> None:
    run.write(Preparing(time.time() - 7, "loading TensorFlow"))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "Loading TensorFlow … " in text(screen, "run-notice"))
        assert screen.status is Status.PREPARING
        run.train(1500)
        await until(pilot, lambda: "96.10 %" in text(screen, "run-now"))
        assert text(screen, "run-notice") == ""
        assert "training" in text(screen, "run-head")
        assert "epoch 2/5" in text(screen, "run-head")
        assert "paper 97.47 %" in text(screen, "run-now")
        await until(pilot, lambda: "30%" in text(screen, "run-progress"))  # the log grows meanwhile
        assert "96.10" in text(screen, "run-epochs")
        await until(pilot, lambda: "paper 97.47" in text(screen, "accuracy"))
        await until(pilot, lambda: "●" in text(screen, "loss"))
        run.train(5 * STEPS, 1500)
        run.end(Finished, confusion=CONFUSION)
        await until(pilot, lambda: "first run of these settings" in text(screen, "run-now"))
        assert "97.49 %, paper 97.47 %: +0.02" in text(screen, "run-now")
        assert "best epoch 4 97.55 %" in text(screen, "run-now")
        assert "✓ finished" in text(screen, "run-head")


async def test_a_growing_curve_sends_only_what_changed(
    home: Home, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[str | None] = []
    refresh = CurvePlot.refresh

    def noting(self: CurvePlot, *regions: Region, **options: bool) -> CurvePlot:
        if not regions:
            whole.append(self.id)
        return refresh(self, *regions, **options)

    run.train(500)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "paper 97.47" in text(screen, "accuracy"))
        await pilot.pause(2 * plots.PLOT_SECONDS)
        monkeypatch.setattr(CurvePlot, "refresh", noting)
        for step in (1500, 2500, 3500):
            before = text(screen, "accuracy")
            run.train(step, step - 1000)
            await until(pilot, lambda before=before: text(screen, "accuracy") != before)
        assert whole == []
        screen.action_log_scale()
        await until(pilot, lambda: set(whole) == {"accuracy", "loss"})  # the titles say so


async def test_the_result_stands_beside_ones_earlier_runs(home: Home) -> None:
    for seed, accuracy in enumerate((0.9736, 0.9742, 0.9749)):
        run = FakeRun(home, seed=seed)
        run.train(5 * STEPS)
        run.end(Finished, confusion=CONFUSION, test_accuracy=accuracy)
        from workbench.leaderboard.store import Leaderboard
        from workbench.runs.summary import summarise

        Leaderboard(home).record(summarise(run.folder))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "Your 3 runs: 97.42 ± 0.07 %" in text(screen, "run-now"))


async def test_what_counts_of_a_run_that_has_ended(home: Home, run: FakeRun) -> None:
    run.train(5 * STEPS)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "100%" in text(screen, "run-progress"))
        assert screen.query_one("#run-machine").display
        run.end(Finished, confusion=CONFUSION)
        await until(pilot, lambda: "took" in text(screen, "run-progress"))
        assert "4:10      1,158 img/s" in text(screen, "run-progress")
        assert "5 epochs, 5,000 steps, CPU" in text(screen, "run-progress")
        assert not screen.query_one("#run-machine").display
        assert "█" not in text(screen, "run-progress")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: text(screen, "run-bar").startswith("took 4:10   1,158 img/s"))


async def test_a_run_that_was_stopped_says_how_far_it_came(home: Home, run: FakeRun) -> None:
    run.train(2500)
    run.end(Stopped, epochs_completed=2, step=2500, seconds=125.0)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "2 of 5 epochs, 2,500 steps" in text(screen, "run-progress"))
        assert screen.query_one("#run-side").border_title == "last values"


async def test_the_cursor_on_a_mark_reads_that_test(home: Home, run: FakeRun) -> None:
    run.train(2500)
    async with shown(home, run.folder) as (screen, pilot):
        plot = screen.query_one("#loss", CurvePlot)
        await until(pilot, lambda: "●" in plot.plain)
        left = plot._drawing.left
        marks = {line.index("●") for line in plot.plain.splitlines() if "●" in line}
        plots = screen.query_one(RunPlots)
        for epoch, column in enumerate(sorted(marks), 1):
            plots.cursor = column - left
            assert plots.reading().test_epoch == epoch
            plots.cursor = column - left - 1
            assert plots.reading().test_epoch == epoch - 1


async def test_pause_stop_and_kill_reach_the_worker(home: Home, run: FakeRun) -> None:
    run.train(500)
    asked = lambda: control.requested(run.folder.path)  # noqa: E731
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.RUNNING)
        assert "p pause" in hints(screen) and "resume" not in hints(screen)
        await pilot.press("p", "p", "p")  # one after another, however quick
        await until(pilot, lambda: "pausing" in text(screen, "run-head"))
        await until(pilot, lambda: not any(one.group == "ask" for one in screen.workers))
        assert asked() is control.Command.PAUSE
        run.write(Paused(time.time(), 500))
        await until(pilot, lambda: screen.status is Status.PAUSED)
        assert "‖ paused" in text(screen, "run-head")
        assert "r resumes" in text(screen, "run-notice")
        assert "r resume" in hints(screen) and "go on" not in hints(screen)
        assert " p " not in hints(screen)  # one verb, though p takes the pause back too
        await pilot.press("p")
        await until(pilot, lambda: asked() is control.Command.RUN)
        run.write(Resumed(time.time(), 1, 500, 25.0))
        await until(pilot, lambda: screen.status is Status.RUNNING)
        await pilot.press("s")
        await until(pilot, lambda: asked() is control.Command.STOP)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("escape")
        run.end(Stopped, epochs_completed=0, step=500)
        await until(pilot, lambda: "Stopped after 0 of 5" in text(screen, "run-notice"))
        # Nothing lives: there is nothing to pause any more.
        assert screen.check_action("pause", ()) is False


async def test_a_confirmed_kill_ends_the_worker(
    home: Home, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.train(500)
    killed = []

    def kill(path: Path) -> None:
        (path / "killed").touch()  # as the real one does, before its signal
        killed.append(path)

    monkeypatch.setattr(control, "kill", kill)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.RUNNING)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: killed)
        run.die()
        await until(pilot, lambda: screen.status is Status.KILLED)


async def test_a_crashed_run_is_taken_up_again_in_place(
    home: Home, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.train(1500)
    run.die()
    resumed = []
    monkeypatch.setattr(service, "take_up", lambda folder: resumed.append(folder))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "after epoch 1" in text(screen, "run-notice"))
        await pilot.press("r")
        await until(pilot, lambda: resumed == [run.folder])
        # It is asked about at leaving, and once however often it was resumed.
        app = pilot.app
        assert isinstance(app, WorkbenchApp)
        await until(pilot, lambda: app.started == [run.folder])
        app.ask_about(run.folder)
        assert app.started == [run.folder]
        # What its worker would do: the first epoch stands, what came after is trained again.
        from workbench.runs import lock

        run._lock = lock.acquire(run.folder.lock_file) or -1
        run.write(Preparing(time.time(), "starting the worker"))
        await until(pilot, lambda: screen.status is Status.RUNNING or "Starting" in text(
            screen, "run-notice"))  # fmt: skip
        run.write(Resumed(time.time(), 2, 1000, 50.0))
        run.train(1100, 1000)
        await until(pilot, lambda: "22%" in text(screen, "run-progress"))


async def test_a_failure_is_said_in_words_with_its_place(home: Home, run: FakeRun) -> None:
    run.train(500)
    run.write(Batch(time.time(), 1, 550, 50, math.nan, 0.1, 1158.0, 27.5))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "epoch 1, step 550" in text(screen, "run-notice"))
        assert "not a number" in text(screen, "run-notice")
        await until(pilot, lambda: "✗" in text(screen, "loss"))
        run.end(Failed, reason="diverged", message="diverged: at step 550", epoch=1, step=550)
        await until(pilot, lambda: "Diverged: at step 550" in text(screen, "run-notice"))
        assert "✗ diverged" in text(screen, "run-head")
        assert "✗ diverged" in in_the_list(run.folder)


async def test_a_divergence_is_marked_though_its_chunk_was_never_written(
    home: Home, run: FakeRun
) -> None:
    run.train(500)
    run.end(Failed, reason="diverged", message="diverged: at step 512", epoch=1, step=512)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "✗ loss not a number" in text(screen, "loss"))


async def test_a_collapsed_run_is_named_as_in_the_list(home: Home, run: FakeRun) -> None:
    run.train(5 * STEPS)
    run.end(Finished, confusion=[[0, 90, 0]] * 3, test_accuracy=0.1135)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "! collapsed" in text(screen, "run-head"))
        assert "! collapsed" in in_the_list(run.folder)


@pytest.mark.parametrize("killed", [False, True])
async def test_a_crash_names_the_epoch_it_cut_short_and_a_kill_is_no_mystery(
    home: Home, run: FakeRun, killed: bool
) -> None:
    run.train(2 * STEPS)
    if killed:
        (run.folder.path / "killed").touch()
    run.die()
    async with shown(home, run.folder) as (screen, pilot):
        state = Status.KILLED if killed else Status.CRASHED
        await until(pilot, lambda: screen.status is state)
        said = " ".join(text(screen, "run-notice").split())
        if killed:
            assert said == "Killed; r resumes it after epoch 2."
        else:
            assert "died in epoch 3, at step 2,000, without a word" in said
            assert "r resumes the run after epoch 2" in said
        shown_state = "■ killed" if killed else "✗ crashed"
        assert shown_state in text(screen, "run-head")
        assert shown_state in in_the_list(run.folder)


async def test_a_kill_is_told_to_who_watches(home: Home, run: FakeRun) -> None:
    run.train(500)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.RUNNING)
        (run.folder.path / "killed").touch()
        run.die()
        await until(
            pilot, lambda: "Killed; r resumes it from the beg" in text(screen, "run-notice")
        )


async def test_a_run_resumed_after_a_kill_while_paused_starts_anew(
    home: Home, run: FakeRun
) -> None:
    run.train(1500)
    run.write(Paused(time.time(), 1500), Preparing(time.time(), "starting the worker"))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "Starting the worker" in text(screen, "run-notice"))
        assert "◌ preparing" in text(screen, "run-head")
        assert "◌ preparing" in in_the_list(run.folder, home)


async def test_the_view_is_changed_by_keys(home: Home, run: FakeRun) -> None:
    run.train(2500)
    async with shown(home, run.folder) as (screen, pilot):
        plot = screen.query_one("#loss", CurvePlot)
        await until(pilot, lambda: "●" in plot.plain)
        before = plot.plain
        await pilot.press("y")
        await until(pilot, lambda: plot.plain != before)
        assert "logarithmic" in str(plot.border_title)
        await pilot.press("x")
        await until(pilot, lambda: "5,000" in plot.plain)
        await pilot.press("x")
        assert "time" in str(plot.border_subtitle)
        await pilot.press("x", "z")
        assert "recent quarter" in str(plot.border_subtitle)
        for _ in range(20):
            await pilot.press("right_square_bracket")
        assert "0.995" in str(plot.border_subtitle)
        for _ in range(20):
            await pilot.press("left_square_bracket")
        assert "not smoothed" in str(plot.border_subtitle)


async def test_the_cursor_reads_values_off_and_escape_takes_it_away(
    home: Home, run: FakeRun
) -> None:
    run.train(2500)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "●" in text(screen, "loss"))
        side = screen.query_one("#run-side")
        await pilot.press("h")
        await until(pilot, lambda: "step 2," in str(side.border_title))
        assert "96.20 %" in text(screen, "run-now")
        for _ in range(16):
            await pilot.press("left")
        assert "step 1," in str(side.border_title)
        assert "96.10 %" in text(screen, "run-now")
        await pilot.press("l")  # with the cursor out it moves, and opens no log
        assert pilot.app.screen is screen
        await pilot.press("escape")
        assert pilot.app.screen is screen
        assert side.border_title == "now"
        await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_a_zoomed_run_is_called_by_what_is_shown(home: Home, run: FakeRun) -> None:
    run.train(250)
    async with shown(home, run.folder) as (screen, pilot):
        plot = screen.query_one("#loss", CurvePlot)
        await until(pilot, lambda: plot.plain)
        await pilot.press("z")
        await until(pilot, lambda: "first quarter" in str(plot.border_subtitle))
        run.train(5 * STEPS, 250)
        await until(pilot, lambda: "last quarter" in str(plot.border_subtitle))


@pytest.mark.parametrize("width", [60, 80, 100, 120])
async def test_what_has_no_room_on_a_plots_border_is_left_out_whole(
    home: Home, run: FakeRun, width: int
) -> None:
    run.train(500)
    async with shown(home, run.folder, (width, 30)) as (screen, pilot):
        plot = screen.query_one("#accuracy", CurvePlot)
        await until(pilot, lambda: "x: epochs" in str(plot.border_subtitle))
        for keys in ("", "z", "xz"):
            await pilot.press(*keys)
            await pilot.pause()
            said = legend(plot)
            assert "x: " in said and said in lowest_line(plot)


async def test_the_legend_names_what_a_plain_terminal_draws(
    home: Home, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "terminal_glyphs", lambda: Glyphs.PLAIN)
    run.train(500)
    async with shown(home, run.folder) as (screen, pilot):
        plot = screen.query_one("#loss", CurvePlot)
        await until(pilot, lambda: "+ train  o test" in legend(plot))
        assert "[$train]" in str(plot.border_subtitle) and "[$test]" in str(plot.border_subtitle)


@pytest.mark.parametrize(
    ("width", "keys"),
    [(80, ("p pause", "s stop", "esc", "X kill", "l log file")),
     (120, ("p pause", "s stop", "esc", "X kill", "l log file", "← → read off"))],
)  # fmt: skip
async def test_the_ways_out_of_a_training_stay_in_the_footer(
    home: Home, run: FakeRun, width: int, keys: tuple[str, ...]
) -> None:
    run.train(500)
    async with shown(home, run.folder, (width, 24)) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.RUNNING)
        await pilot.pause()
        line = hints(screen)
        places = [line.find(key) for key in keys]
        assert min(places) >= 0 and places == sorted(places), line


async def test_the_place_of_the_cursor_is_not_cut_off_at_80_columns(
    home: Home, run: FakeRun
) -> None:
    run.train(2500)
    async with shown(home, run.folder, (80, 24)) as (screen, pilot):
        await until(pilot, lambda: "paper 97.47 %" in text(screen, "run-compact"))
        await pilot.press("h")
        await until(pilot, lambda: "epoch 2." in text(screen, "run-compact"))
        line = text(screen, "run-compact").splitlines()[0]
        assert re.search(r"epoch 2\.\d\d · step 2,\d{3} · 2:0\d", line)
        assert len(line) <= 78


async def test_the_facts_of_a_long_run_fit_their_lines(home: Home, run: FakeRun) -> None:
    run.write(Started(time.time(), os.getpid(), 1, 5, STEPS, 60_000, True, "CPU"))
    run.train(2500, 50)
    run.end(Stopped, epochs_completed=2, step=2500, seconds=125.0)
    state = RunState(run.folder)
    for event in EventReader(run.folder.events_file).read():
        state.apply(event)
    state.history.planned_epochs = 4000
    state.history.epochs *= 37
    assert plain(numbers.course_lines(state, 39)[1]) == "74 of 4,000 epochs, CPU, XLA"
    assert len(plain(numbers.course_line(state, 58))) <= 58


async def test_a_result_without_runs_of_ones_own_has_no_empty_line(
    home: Home, run: FakeRun
) -> None:
    run.train(5 * STEPS)
    run.end(Finished, confusion=CONFUSION)
    state = RunState(run.folder)
    for event in EventReader(run.folder.events_file).read():
        state.apply(event)
    alone = Verdict()
    lines = [plain(line) for line in numbers.verdict_lines(state, alone, 39)]
    assert all(lines) and len(lines) == 3
    assert plain(numbers.compact_verdict(state, alone)[0]) == lines[0]


async def test_80_by_24_shows_one_plot_the_numbers_and_the_epochs(home: Home, run: FakeRun) -> None:
    run.train(2500)
    async with shown(home, run.folder, (80, 24)) as (screen, pilot):
        await until(pilot, lambda: "96.20 %" in text(screen, "run-compact"))
        assert "epoch 3/5" in text(screen, "run-bar")
        assert screen.query_one("#accuracy").display
        assert not screen.query_one("#loss").display
        await pilot.press("tab")
        assert screen.query_one("#loss").display
        await until(pilot, lambda: "●" in text(screen, "loss"))
        await pilot.press("tab")
        await until(pilot, lambda: "96.20" in text(screen, "run-epochs"))
        await until(pilot, lambda: screen.query_one("#run-side").border_title == "epochs")
        await pilot.press("tab")
        assert screen.query_one("#accuracy").display
        for size in ((60, 18), (40, 12), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert "96.20 %" in text(screen, "run-compact")


async def test_confusion_and_log_open_over_the_screen(home: Home, run: FakeRun) -> None:
    run.train(5 * STEPS)
    long = b"long " * 40 + b"\n"
    run.folder.log_file.write_bytes(b"\x1b[31mloading\x1b[0m [brackets]\n" + long)
    run.end(Finished, confusion=CONFUSION)
    async with shown(home, run.folder, (80, 24)) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.FINISHED)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfusionScreen))
        shown_map = str(pilot.app.screen.query_one("#heat-map").render())
        assert "true\\pred." in shown_map and "recall" in shown_map and "precision" in shown_map
        await pilot.press("enter")  # the cursor begins on the most frequent mistake
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorsScreen))
        await pilot.press("escape", "c", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClassesScreen))
        await pilot.press("escape")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, LogScreen))
        from textual.widgets import Log

        log = pilot.app.screen.query_one(Log)
        await until(pilot, lambda: "loading [brackets]" in log.lines)
        assert log.has_focus and log.background_colors[1] == log.parent.background_colors[1]
        await until(pilot, lambda: log.max_scroll_x > 0)
        await pilot.press("right")
        await until(pilot, lambda: log.scroll_offset.x > 0)
        await pilot.press("escape")
        assert pilot.app.screen is screen


async def test_again_takes_the_next_unused_seed(
    home: Home, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.train(5 * STEPS)
    run.end(Finished, confusion=CONFUSION)
    other = FakeRun(home, seed=1)  # still living, not on the leaderboard
    made: list[FakeRun] = []

    def launch(home: Home, specs: list[TrainingSpec], *_: object) -> list[RunFolder]:
        made.append(FakeRun(home, seed=specs[0].seed))
        return [made[-1].folder]

    monkeypatch.setattr(service, "launch", launch)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.FINISHED)
        app = pilot.app
        assert isinstance(app, WorkbenchApp)
        await until(pilot, lambda: app.run_feed.last.living)
        await pilot.press("n", "n")  # pressed twice, it is started once
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("j", "enter")  # now, though the other keeps the cores busy
        await until(pilot, lambda: made and app.screen not in (screen, None))
        assert [new.folder.record.spec.seed for new in made] == [2]
        assert any("Seed 2: lower ones" in note.message for note in pilot.app._notifications)
    for new in (other, *made):
        new.die()


async def test_a_folder_deleted_underneath_is_said(home: Home, run: FakeRun) -> None:
    run.train(500)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: screen.status is Status.RUNNING)
        shutil.rmtree(run.folder.path)
        await until(pilot, lambda: screen.status is Status.DELETED)
        assert "has been deleted" in text(screen, "run-notice")
        await pilot.press("y", "z", "h", "l", "p", "s")
        assert pilot.app.is_running


async def test_a_run_that_cannot_be_read_is_said(home: Home, run: FakeRun) -> None:
    run.folder.spec_file.write_text("{")
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "damaged" in text(screen, "run-notice"))
        await pilot.press("y", "h", "n", "tab")
        assert pilot.app.is_running


async def test_a_queued_run_says_so_and_is_not_killed_with_its_queue(
    home: Home, run: FakeRun
) -> None:
    run.write(Queued(time.time()))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "Waiting for its turn" in text(screen, "run-notice"))
        await pilot.press("X")
        await pilot.pause()
        assert pilot.app.screen is screen


async def test_no_mistake_is_broken_at_the_end_of_a_line() -> None:
    lines = mistake_lines(CONFUSION).splitlines()
    assert len(lines) == 2 and all(len(line) <= 11 + 10 * 5 + 9 for line in lines)
    assert all(re.search(r"\d taken for \d: \d+$", line) for line in lines)


async def test_mistakes_in_words_the_worst_first() -> None:
    first, *lines = mistake_lines([[5, 2], [7, 5]]).splitlines()
    assert first and lines == ["1 taken for 0: 7", "0 taken for 1: 2"]


async def test_a_log_cannot_move_the_cursor() -> None:
    assert clean(b"a\x1b[2Jb\x07\rc\td\xff") == "ab\nc   d\ufffd"


async def test_free_rows_tell_settings_speed_and_the_accuracy_of_each_class(
    home: Home, run: FakeRun
) -> None:
    run.folder.set_labels(Labels(tags=("first",), note="what the paper has"))
    run.train(2500)
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "speed" in text(screen, "run-settings"))
        said = text(screen, "run-settings")
        assert "SGD (momentum 0.7) at 0.002" in said and "batches of 60" in said
        assert "tags first" in said and "note what the paper has" in said
        assert "rate" in said and "1,158 img/s" in said  # it decays
        done = next(line for line in said.splitlines() if line.startswith("speed"))
        columns = screen.query_one("#run-settings").size.width - 20
        assert 0.4 < done.count("█") / columns < 0.6
        assert not screen.query_one("#run-classes").display
        run.train(5 * STEPS, 2500)
        run.end(Finished, confusion=CONFUSION)
        await until(pilot, lambda: screen.query_one("#run-classes").display)
        shares = text(screen, "run-classes").splitlines()
        assert len(shares) == 10 and shares[0].split()[-2:] == ["90.91", "%"]
        assert "5" in text(screen, "run-epochs").splitlines()[5].split()[0]
        await pilot.resize_terminal(110, 26)
        await until(pilot, lambda: not screen.query_one("#run-classes").display)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_while_it_evaluates_it_says_testing(
    home: Home, run: FakeRun, size: tuple[int, int]
) -> None:
    run.train(STEPS - 50)
    bar = "run-bar" if size[0] < 100 else "run-progress"
    async with shown(home, run.folder, size) as (screen, pilot):
        await until(pilot, lambda: "19%" in text(screen, bar))
        run.write(Batch(time.time(), 1, STEPS, 50, 0.1, 0.9, 1158.0, 50.0))
        await until(pilot, lambda: "testing" in text(screen, bar))
        assert "%" not in text(screen, bar) and "testing" in text(screen, "run-head")
        run.write(Epoch(time.time(), 1, STEPS, 0.2, 0.95, 0.1, 0.96, 1158.0, 50.0, 52.0))
        await until(pilot, lambda: "20%" in text(screen, bar))
        assert "testing" not in text(screen, "run-head")


async def test_the_measured_value_comes_before_the_smoothed_one(home: Home, run: FakeRun) -> None:
    run.train(500)
    run.write(Batch(time.time(), 1, 550, 50, 0.1, 0.4017, 1158.0, 27.5))
    async with shown(home, run.folder) as (screen, pilot):
        await until(pilot, lambda: "(smoothed " in text(screen, "run-now"))
        line = text(screen, "run-now").splitlines()[2]
        assert re.fullmatch(r"train accuracy +40\.17 % +\(smoothed \d\d\.\d\)", line)


async def test_a_loss_keeps_its_digits_where_they_are() -> None:
    falling = [numbers.loss_text(value) for value in (2.3026, 0.0921, 0.00012, 0.0)]
    assert falling == ["2.3026", "0.0921", "0.0001", "0.0000"]
    assert [numbers.loss_text(value) for value in (None, math.nan, 12345.0)] == [
        MISSING,
        "no number",
        "1.23e+04",
    ]
