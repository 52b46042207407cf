"""Search on the screen: what it shows of a search's files, and how one is begun."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.support import LivingRun, ended_run, until
from tests.tui.test_queue import RunnerHere, has_line, lines, runner
from workbench.errors import UserError
from workbench.model.preset import find_preset
from workbench.queue.search import (
    Search,
    SearchFolder,
    SearchProgress,
    SearchRequest,
    SearchResult,
    SearchTrial,
    all_searches,
    enqueue_search,
)
from workbench.queue.store import QueueStore, Trial
from workbench.runs.plan import Plan
from workbench.runs.status import Status
from workbench.settings import Home
from workbench.tui.app import WorkbenchApp
from workbench.tui.plotting import Role
from workbench.tui.screens.compose.screen import ComposeScreen
from workbench.tui.screens.curves import CurvePlot
from workbench.tui.screens.queue.adding import SearchDialog
from workbench.tui.screens.run_settings import RunSettings, check, own_values
from workbench.tui.screens.search import SearchCharts, SearchScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.steady_lines import SteadyLines

__all__ = ["runner"]  # a fixture
SPACE = ("learning_rate=log:1e-4..1e-1", "optimizer=sgd,adam")


def a_search(home: Home) -> Search:
    preset = find_preset("nn-1", home)
    return SearchRequest(preset, Plan(validation="0.15"), SPACE, trials="12", seeds="2").search()


def trial(number: int, rate: float, accuracy: float | None, **facts: Any) -> SearchTrial:
    reached = accuracy or facts.pop("reached", 0.5)
    values = {"optimizer.learning_rate": rate, "optimizer.kind": ("sgd", "adam")[number % 2]}
    known: dict[str, Any] = {"outcome": "finished", "curve": {1: reached / 2, 2: reached}, **facts}
    return SearchTrial(number=number, values=values, accuracy=accuracy, **known)


def half_way(home: Home, run_id: str | None = None) -> Search:
    """A search of which one trial would be chosen, one was given up, and one trains."""
    wanted = a_search(home)
    enqueue_search(home, wanted)
    trials = (
        trial(0, 1e-3, 0.93),
        trial(1, 1e-2, 0.97, run_id=run_id),
        trial(2, 1e-4, None, outcome="pruned", reached=0.6),
        trial(3, 3e-2, None, outcome="", reached=0.9),
    )
    shares = {"optimizer.learning_rate": 0.8, "optimizer.kind": 0.2}
    SearchFolder(home, wanted.id).keep(SearchProgress(trials=trials, importance=shares))
    with QueueStore(home).change() as state:
        message = "3 of 12 trials (1 pruned), best 97.00 % of the validation images"
        state.put_search(
            state.searches[0].model_copy(update={"state": Status.RUNNING, "message": message})
        )
    return wanted


def plain(app: WorkbenchApp, name: str) -> str:
    return app.screen.query_one(f"#search-{name}", SteadyLines).plain


async def opened(app: WorkbenchApp, pilot: Pilot[None], search_id: str) -> SearchScreen:
    app.open_search(search_id)
    await until(pilot, lambda: isinstance(app.screen, SearchScreen) and app.screen._found)
    screen = app.screen
    assert isinstance(screen, SearchScreen)
    return screen


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_says_what_would_be_chosen_and_shows_the_trials(
    home: Home, size: tuple[int, int]
) -> None:
    wanted = half_way(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, wanted.id)
        assert "3 of 12 trials (1 pruned)" in plain(app, "head")
        words = " ".join(plain(app, "choice").split())
        assert words.startswith("Would be chosen now: trial 1, 97.00 % of the validation images")
        assert "above 1 whole trial and 1 pruned: lr=0.01 opt=adam" in words
        plot = app.screen.query_one("#search-trials", CurvePlot)
        await until(pilot, lambda: "◆" in plot.plain)
        assert {mark for mark in "●○▲◆" if mark in plot.plain} == set("●○▲◆")
        first, second = plain(app, "parameters").splitlines()
        assert first.startswith("› lr") and "80 %" in first and "0.01" in first
        assert second.startswith("  opt") and "adam" in second
        assert "nothing trains now" in plain(app, "now")


@pytest.mark.asyncio
async def test_each_parameter_is_drawn_against_accuracy(home: Home) -> None:
    wanted = half_way(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, pilot, wanted.id)
        await pilot.press("tab", "tab")
        plot = screen.query_one("#search-slice", CurvePlot)
        await until(pilot, lambda: "◆" in plot.plain)
        assert ".001" in plot.plain and str(plot.border_title) == "lr, logarithmic"
        await pilot.press("down")
        await until(pilot, lambda: "adam" in plot.plain and "sgd" in plot.plain)
        assert plain(app, "parameters").splitlines()[1].startswith("› opt")
        await pilot.press("down")
        assert plain(app, "parameters").splitlines()[0].startswith("› lr")


@pytest.mark.asyncio
async def test_it_follows_what_the_queue_writes_down(home: Home) -> None:
    wanted = half_way(home)
    run = LivingRun(home)
    with QueueStore(home).change() as state:
        state.trials.append(
            Trial(id="abc", spec=run.spec, label="lr=0.03 opt=adam", search=wanted.id, number=3,
                  state=Status.RUNNING, run_id=run.folder.run_id)
        )  # fmt: skip
    run.train(0.5)
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, wanted.id)
        await until(pilot, lambda: "trial 3  lr=0.03 opt=adam" in plain(app, "now"))
        folder = SearchFolder(home, wanted.id)
        better = (*folder.progress().trials[:3], trial(3, 3e-2, 0.98))
        folder.keep(SearchProgress(trials=better))
        app.run_feed.look_now()
        await until(pilot, lambda: "98.00 %" in plain(app, "choice"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        assert isinstance(app.screen, TrainScreen)
        assert app.screen.folder.run_id == run.folder.run_id
    run.die()


@pytest.mark.asyncio
async def test_over_it_says_how_the_chosen_settings_were_tested(home: Home) -> None:
    run = ended_run(home)
    wanted = half_way(home, run.run_id)
    final = wanted.final_specs({"optimizer.learning_rate": 0.01, "optimizer.kind": "adam"}, None)
    SearchFolder(home, wanted.id).keep(
        SearchResult(
            values={"optimizer.learning_rate": 0.01, "optimizer.kind": "adam"}, number=1,
            run_id=run.run_id, validation_accuracy=0.97, counts={"finished": 2}, final=final[0],
            final_runs=("a", "b"), test_accuracies=(0.965, 0.966),
        )
    )  # fmt: skip
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, wanted.id)
        assert "Would be chosen" in plain(app, "choice")  # while the queue says that it goes on
        await pilot.press("e")
        await until(pilot, lambda: "not over" in "".join(n.message for n in app._notifications))
        with QueueStore(home).change() as state:
            state.searches = []
        app.run_feed.look_now()
        await until(pilot, lambda: plain(app, "choice").strip().startswith("Chosen: trial 1"))
        words = " ".join(plain(app, "choice").split())
        assert "96.50 %, 96.60 % of the test" in words and words.endswith("lr=0.01 opt=adam")
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ComposeScreen))
        assert isinstance(app.screen, ComposeScreen)
        assert app.screen.draft.training.optimizer.kind == "adam"


@pytest.mark.asyncio
async def test_it_is_reached_from_the_queue_and_its_row_tells_how_far_it_is(home: Home) -> None:
    half_way(home)
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: has_line(app, "search", "3 of 12 trials"))
        assert "○ waiting" in lines(app)[0]  # nobody works on it
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
        await pilot.press("escape", "d")
        await until(pilot, lambda: not QueueStore(home).read().searches)


@pytest.mark.asyncio
async def test_a_search_that_is_gone_says_so(home: Home) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_search("cnn-2-000000")
        await until(pilot, lambda: app.screen.query("#search-head"))
        await until(pilot, lambda: "gone or damaged" in plain(app, "head"))


@pytest.mark.asyncio
async def test_the_palette_finds_searches(home: Home) -> None:
    wanted = half_way(home)
    assert all_searches(home) == [wanted.id]
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.press(*"search")
        await until(pilot, lambda: wanted.id in app.export_screenshot())


def test_curves_of_what_was_given_up_are_dim_and_under_the_others(home: Home) -> None:
    wanted = half_way(home)
    progress = SearchFolder(home, wanted.id).progress()
    chart = SearchCharts().curves(progress, 60, 12)
    roles = [series.role for series in chart.series]
    assert roles[0] is Role.DIM and roles[-1] is Role.TEST
    assert SearchCharts().trials(SearchProgress(), 12, 60, 12).x_range == (0.5, 12.5)


def test_neither_the_view_nor_the_dialog_loads_optuna() -> None:
    code = (
        "import sys, workbench.tui.screens.search, workbench.tui.screens.queue.adding, "
        "workbench.cli.search; sys.exit('optuna' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Beginning one


def plan_text(app: WorkbenchApp) -> str:
    return str(app.screen.query_one("#plan", Static).content)


@pytest.mark.asyncio
async def test_any_setting_of_a_draft_may_become_a_range_and_the_cost_is_said_before(
    home: Home, runner: RunnerHere
) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, ComposeScreen))
        compose = app.screen
        assert isinstance(compose, ComposeScreen)
        compose.start_from(find_preset("cnn-2", home))
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, SearchDialog))
        await until(pilot, lambda: "nothing to search" in plan_text(app))
        for _ in range(16):  # the lines scroll, and the arrows go on from field to field
            await pilot.press("down")
        assert app.focused is not None and (app.focused.id or "").startswith("layers-1-")
        app.screen.query_one("#layers-1-filters", Input).value = "16..x"
        await until(
            pilot,
            lambda: (
                '"x" is not a number'
                in str(app.screen.query_one("#error-layers-1-filters", Static).content)
            ),
        )
        app.screen.query_one("#layers-1-filters", Input).value = "16..64"
        app.screen.query_one("#optimizer-learning_rate", Input).value = "log:1e-4..1e-1"
        app.screen.query_one("#trials", Input).value = "7"
        await until(pilot, lambda: "7 trials and 3 final trainings: about" in plan_text(app))
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
    (entry,) = QueueStore(home).read().searches
    found = SearchFolder(home, entry.id).read()
    assert found.space == ("optimizer.learning_rate=log:1e-4..1e-1", "layers.1.filters=16..64")
    assert found.trials == 7 and found.base.dataset.validation is not None
    assert runner.held, "the queue was started"


@pytest.mark.asyncio
async def test_a_range_in_the_run_settings_goes_on_to_a_search(
    home: Home, runner: RunnerHere
) -> None:
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(RunSettings(find_preset("cnn-2", home)))
        await until(pilot, lambda: isinstance(app.screen, RunSettings))
        app.screen.query_one("#learning_rate", Input).value = "log:1e-3..1e-1"
        app.screen.query_one("#epochs", Input).value = "2"
        summary = app.screen.query_one("#summary", Static)
        await until(pilot, lambda: "a search over learning_rate=log" in str(summary.content))
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, SearchDialog))
        rate = app.screen.query_one("#optimizer-learning_rate", Input)
        assert rate.value == "log:1e-3..1e-1"
        assert app.screen.query_one("#epochs", Input).placeholder == "2"
        await until(pilot, lambda: "40 trials" in plan_text(app))
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, SearchScreen))
    (entry,) = QueueStore(home).read().searches
    assert SearchFolder(home, entry.id).read().base.training.epochs == 2


def test_a_number_that_is_none_is_said_with_its_field(home: Home) -> None:
    preset = find_preset("nn-1", home)
    with pytest.raises(UserError, match="trials: must be a whole number") as caught:
        SearchRequest(preset, Plan(validation="0.15"), SPACE, trials="x").search()
    assert (caught.value.field, caught.value.reason.partition(" (")[0]) == (
        "trials", "must be a whole number",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1..0.1", "1..0.1 is an empty range"),
        ("log:0..1", "no logarithm of 0"),
        ("0.1,fast", '"fast" is not a number'),
    ],
)
def test_a_range_that_is_none_is_said_under_its_field(home: Home, text: str, words: str) -> None:
    preset = find_preset("cnn-2", home)
    checked = check(preset, {**own_values(preset), "learning_rate": text})
    assert list(checked.errors) == ["learning_rate"] and words in checked.errors["learning_rate"]
    numbers = check(preset, {**own_values(preset), "batch_size": "1,000"})
    assert not numbers.space and numbers.specs[0].training.batch_size == 1000
