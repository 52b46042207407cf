"""What a user can set: read, checked, written with comments kept, and heeded."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import workbench
from tests.support import ended_run, until, wait_until
from workbench.cli.config import all_actions
from workbench.cli.entry import run
from workbench.config import AXES, CONFIG_VARIABLE, Config, ConfigError, config_file, remember
from workbench.runs.curves import Axis
from workbench.runs.folder import RunFolder
from workbench.runs.summary import tell_command
from workbench.runs.watchlist import read_run
from workbench.settings import Home
from workbench.tui import terminal
from workbench.tui.app import WorkbenchApp


def write(text: str) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(text)


def test_what_is_set_holds_and_what_is_wrong_is_said() -> None:
    write('theme = "light"\nsmoothing = 7\nsmothing = 0.6\nnotify = ["ntfy", "publish"]\n')
    config = Config()
    assert config["theme"] == "light" and config["notify"] == ("ntfy", "publish")
    assert config["smoothing"] == 0.6, "its default"
    first, second = (str(problem) for problem in config.problems)
    assert first.startswith(f"{config_file()}: smoothing: 7 is none of 0.0, 0.3")
    assert second.endswith('there is no setting "smothing"; did you mean "smoothing"?')


def test_a_file_that_is_no_toml_is_said_and_kept() -> None:
    write("theme = \n")
    assert len(Config().problems) == 1 and Config()["theme"] == "dark"
    with pytest.raises(ConfigError, match="nothing was changed"):
        remember("theme", "light")
    assert config_file().read_text() == "theme = \n"


def test_comments_stay_when_a_setting_is_written() -> None:
    write('# mine\ntheme = "dark" # at night\n\n[keys]\n"runs.kill" = "X" # not k\n')
    remember("theme", "light")
    remember("keys.train.pause", "space")
    remember("keys.runs.kill", None)
    text = config_file().read_text()
    assert text.startswith('# mine\ntheme = "light" # at night\n')
    assert Config()["keys"] == {"train.pause": "space"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["theme", "lihgt"], "theme: 'lihgt' is none of dark, light, auto"),
        (["nots", "1"], 'there is no setting "nots"; did you mean "notify"?'),
        (["seeds", "0"], "seeds: 0 is no whole number from 1 to 1,000"),
        (["theme", "dark", "light"], "theme: takes one value, not 2"),
        (
            ["keys.trian.pause", "x"],
            'there is no action "trian.pause"; did you mean "train.pause"?',
        ),
    ],
)
def test_a_bad_setting_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not config_file().exists()


def test_the_command_sets_shows_and_unsets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "seeds", "3"]) == 0
    capsys.readouterr()
    assert run(["config", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"]["seeds"] == {"value": 3, "default": 1}
    assert run(["config", "seeds", "--unset"]) == 0
    assert "seeds" not in Config().set_here


def test_a_file_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "file" / "config.toml"))
    assert run(["config", "theme", "light"]) == 1
    assert f"name another file with {CONFIG_VARIABLE}" in capsys.readouterr().err


def test_reproduce_and_sweep_train_as_many_seeds_as_are_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remember("seeds", 4)
    for command in (["reproduce", "3"], ["sweep", "nn-1", "--set", "epochs=1"]):
        for more, seeds in (([], {0, 1, 2, 3}), (["--seeds", "2"], {0, 1})):
            assert run([*command, "--dry-run", "--json", *more]) == 0
            plan = json.loads(capsys.readouterr().out)
            trials = plan if isinstance(plan, list) else plan["trials"]
            assert {trial["seed"] for trial in trials} == seeds


def test_a_key_that_is_a_digit_stays_a_key() -> None:
    assert run(["config", "keys.train.pause", "7"]) == 0
    assert Config()["keys"] == {"train.pause": "7"}


def test_a_word_for_notify_that_is_not_known_is_no_command() -> None:
    write('notify = "termnal"\n')
    assert len(Config().problems) == 1 and Config()["notify"] == ("terminal",)
    assert run(["config", "notify", "bell"]) == 0
    assert Config()["notify"] == ("bell",)


def test_settings_written_at_once_are_all_kept() -> None:
    actions = [f"keys.runs.action{number}" for number in range(20)]
    threads = [threading.Thread(target=remember, args=(name, "x")) for name in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Config()["keys"]) == len(actions)


def test_the_axes_that_can_be_set_are_those_of_the_curves() -> None:
    assert tuple(Axis) == AXES


def test_every_action_has_a_name_of_its_own() -> None:
    actions = {action.name: action for action in all_actions()}
    assert actions["train.pause"].keys == "p" and actions["app.go.models"].keys == "1"
    assert all(action.meaning for action in actions.values())


@pytest.mark.asyncio
async def test_another_key_does_it_and_the_old_one_no_longer(home: Home) -> None:
    write('[keys]\n"app.go.runs" = "f9"\n')
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        assert app.current_mode == "models"
        await pilot.press("f9")
        await until(pilot, lambda: app.current_mode == "runs")


@pytest.mark.asyncio
async def test_the_theme_and_the_smoothing_are_remembered(home: Home) -> None:
    folder = ended_run(home, "finished", 0.95)
    app = WorkbenchApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+t")
        app.open_run(folder)
        await until(pilot, lambda: app.screen.query("#run-head"))
        await pilot.press("]", "x")
        await until(pilot, lambda: Config()["axis"] == "steps" and Config()["smoothing"] == 0.8)
    assert Config()["theme"] == "light"
    again = WorkbenchApp(home)
    assert again.theme == "workbench-light"


@pytest.mark.asyncio
async def test_a_fault_in_the_file_is_said_at_the_start(home: Home) -> None:
    write("seeds = true\n")
    app = WorkbenchApp(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert any("seeds" in notice.message for notice in app._notifications)


def test_the_users_command_is_given_the_end_as_its_last_word(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import sys, pathlib; pathlib.Path({str(told)!r}).write_text(sys.argv[1])"
    remember("notify", [sys.executable, "-c", code])
    tell_command("nn-1 finished: 95.25 %")
    wait_until(lambda: told.exists() and told.stat().st_size)
    assert told.read_text() == "nn-1 finished: 95.25 %"


def test_a_scripts_end_is_told_too(tmp_path: Path, home: Home) -> None:
    told = tmp_path / "told"
    code = f"import sys, pathlib; pathlib.Path({str(told)!r}).write_text(sys.argv[1])"
    remember("notify", [sys.executable, "-c", code])
    with workbench.start("gan", epochs=1) as training:
        training.log(loss=1.0)
    wait_until(lambda: told.exists() and told.stat().st_size)
    assert told.read_text().startswith("gan finished")


def test_a_command_that_is_not_there_ends_no_script(home: Home) -> None:
    remember("notify", ["/no/such/command"])
    with workbench.start("gan") as training:
        training.log(loss=1.0)
    assert training.folder is not None
    assert read_run(RunFolder(training.folder)).state.word == "finished"


@pytest.mark.parametrize(
    ("environment", "sequence"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]9;done, 95 %\x07"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "\x1b]9;done, 95 %\x07"),
        ({"TERM": "foot"}, "\x1b]777;notify;mnist-workbench;done, 95 %\x07"),
        ({"TERM": "xterm-256color"}, ""),
        (
            {"TERM": "screen", "TERM_PROGRAM": "ghostty", "TMUX": "/tmp/x"},
            "\x1bPtmux;\x1b\x1b]9;done, 95 %\x07\x1b\\",
        ),
    ],
)
def test_a_notification_goes_only_to_terminals_that_know_it(
    environment: dict[str, str], sequence: str
) -> None:
    assert terminal.notification("done; 95 %", environment) == sequence
    assert "\x1b[31m" not in terminal.notification("\x1b[31mred", environment)


def test_progress_is_shown_and_taken_away() -> None:
    knows = {"TERM_PROGRAM": "ghostty"}
    assert terminal.progress(0.425, knows) == "\x1b]9;4;1;42\x07"
    assert terminal.progress(None, knows) == "\x1b]9;4;0;\x07"
    assert terminal.progress(0.5, {"TERM": "xterm"}) == ""


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        ("\x1b]11;rgb:ffff/fafa/f0f0\x1b\\\x1b[?62c", True),
        ("\x1b]11;rgb:1414/1717/1a1a\x07\x1b[?62c", False),
        ("\x1b[?62;4c", None),
        ("\x1b]11;rgb:zz/00/00\x07", None),
        ("", None),
    ],
)
def test_what_a_terminal_answers_about_its_background(answer: str, light: bool | None) -> None:
    assert terminal.is_light(answer) is light


@pytest.mark.parametrize(
    ("answer", "light"),
    [(b"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?1;2c", True), (b"\x1b[?1;2c", None)],
)
def test_a_terminal_is_asked_and_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, light: bool | None
) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)

    def reply() -> None:
        asked = b""
        while b"\x1b[c" not in asked:
            asked += os.read(ours, 64)
        os.write(ours, answer)

    answering = threading.Thread(target=reply, daemon=True)
    answering.start()
    pseudo = SimpleNamespace(fileno=lambda: theirs)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", pseudo)
        patch.setattr(sys, "stdout", pseudo)
        found = terminal.has_light_background()
    assert found is light and termios.tcgetattr(theirs) == before
    answering.join(5)
    os.close(ours)
    os.close(theirs)
