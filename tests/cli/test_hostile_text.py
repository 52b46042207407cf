"""Names, notes and files that hold escape sequences or markup are shown, never sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import LivingRun, ended_run, is_safe
from workbench.cli.entry import run as command
from workbench.model.preset import find_preset, preset_toml
from workbench.runs.record import Labels
from workbench.settings import Home

ESCAPES = "\x1b]0;pwned\x07\x9b31m\u202egnp"
Capture = pytest.CaptureFixture[str]


def safe_lines(capsys: Capture) -> tuple[str, str]:
    """What was printed, after each line was found safe."""
    out, err = capsys.readouterr()
    for line in (out + err).split("\n"):
        assert is_safe(line), ascii(line)
    return out, err


def own_preset(home: Home, **words: str) -> Path:
    preset = find_preset("nn-1", home).model_copy(
        update={"name": "mine", "part": "own", "paper": None, **words}
    )
    file = home.presets / "mine.toml"
    file.write_text(preset_toml(preset), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        ["delete", ESCAPES, "--yes"],
        ["stop", ESCAPES],
        ["pause", ESCAPES],
        ["attach", ESCAPES],
        ["queue", "drop", ESCAPES],
        ["show", ESCAPES],
        ["run", "nn-1", "--dataset", f"{ESCAPES}.npz"],
        ["run", "nn-1", "--precision", ESCAPES],
        ["leaderboard", "--filter", f"lr={ESCAPES}"],
        ["leaderboard", "tag", "x", "--", ESCAPES],
        ["runs", "--status", ESCAPES],
        [ESCAPES],
        ["run", "nn-1", f"--{ESCAPES}"],
    ],
)
def test_arguments_are_echoed_in_one_safe_line(
    home: Home, capsys: Capture, arguments: list[str]
) -> None:
    assert command(arguments) == 2
    out, err = safe_lines(capsys)
    assert out == "" and err.count("\n") == 1


def test_a_new_line_in_an_argument_makes_no_second_line(home: Home, capsys: Capture) -> None:
    ended_run(home)
    for arguments in (["stop", "a\nb"], ["delete", "a\nb", "--yes"], ["show", "a\nb"]):
        assert command(arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("form", ["table", "json", "toml", "python"])
def test_a_preset_s_own_words_are_shown(home: Home, capsys: Capture, form: str) -> None:
    own_preset(home, title=f"T {ESCAPES}", summary=f"[/nope] {ESCAPES}")
    assert command(["show", "mine", "--format", form]) == 0
    out, _ = safe_lines(capsys)
    if form == "json":
        assert json.loads(out)["summary"] == f"[/nope] {ESCAPES}"
    elif form == "table":
        assert "[/nope]" in out and "\\x1b]0;pwned" in out
    assert command(["presets"]) == 0
    safe_lines(capsys)
    assert command(["presets", "--format", "json"]) == 0
    assert ESCAPES in json.loads(safe_lines(capsys)[0])[-1]["title"]


def test_an_unknown_key_and_a_file_s_name_are_shown(home: Home, capsys: Capture) -> None:
    file = own_preset(home)
    text = file.read_text(encoding="utf-8")
    file.write_text(f'"\\u001b[31mx" = 1\n{text}', encoding="utf-8")
    (home.presets / f"a{ESCAPES}.toml").write_text("no preset", encoding="utf-8")
    command(["presets"])
    _, err = safe_lines(capsys)
    assert "\\x1b[31mx" in err
    assert command(["show", "mine"]) == 2
    safe_lines(capsys)


def test_runs_with_hostile_words_are_listed(home: Home, capsys: Capture) -> None:
    ended_run(home, labels=Labels(tags=("a\x1b[31mb",), note=f"n\n{ESCAPES}"))
    living = LivingRun(home)
    spec = living.folder.spec_file.read_text(encoding="utf-8")
    data = json.loads(spec)
    data["launched_from"]["terminal"] = f"/dev/{ESCAPES}"
    data["spec"]["title"] = f"T{ESCAPES}"
    living.folder.spec_file.write_text(json.dumps(data), encoding="utf-8")
    (home.runs / f"zz{ESCAPES}").mkdir()
    (home.runs / f"zz{ESCAPES}" / "spec.json").write_text("damaged", encoding="utf-8")
    for arguments in (
        ["runs"],
        ["runs", "--format", "json"],
        ["leaderboard"],
        *(["leaderboard", "--format", form] for form in ("markdown", "csv", "json", "latex")),
    ):
        assert command(arguments) == 0
        safe_lines(capsys)
    living.die()


def test_imported_entries_leave_safely(home: Home, capsys: Capture, tmp_path: Path) -> None:
    run = ended_run(home)
    assert command(["export", "-o", str(tmp_path / "a.json"), "--entries"]) == 0
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    data["entries"][0].update(
        run_id="zzzz-other", host=ESCAPES, note=f"=1\n{ESCAPES}", title=f"[/x]{ESCAPES}"
    )
    (tmp_path / "b.json").write_text(json.dumps(data), encoding="utf-8")
    assert command(["leaderboard", "import", str(tmp_path / "b.json")]) == 0
    capsys.readouterr()
    for form in ("rich", "markdown", "csv", "json", "latex"):
        assert command(["leaderboard", "--imported", "--format", form]) == 0
        out, _ = safe_lines(capsys)
        assert "zzzz" in out and run.run_id not in out
