"""`leaderboard import` and `export` as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.leaderboard.document import document
from workbench.leaderboard.store import Leaderboard
from workbench.leaderboard.transfer import to_file
from workbench.runs.folder import RunFolder
from workbench.runs.summary import RunSummary
from workbench.settings import Home

MakeRun = Callable[..., RunFolder]
MakeSummary = Callable[..., RunSummary]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(home: Home, tmp_path: Path) -> Command:
    """Runs `mnist-workbench` on the test's home, in the test's folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workbench", *arguments, "--home", str(home.path)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def published(tmp_path: Path, paper_summary: MakeSummary) -> list[RunSummary]:
    """Two runs of somebody else, in `published.json`."""
    runs = [paper_summary(3, 0, 0.9524, seed, host="elsewhere") for seed in range(2)]
    (tmp_path / "published.json").write_text(to_file(runs), encoding="utf-8")
    return runs


def test_imported_runs_stand_beside_ones_own(
    command: Command, home: Home, make_run: MakeRun, published: list[RunSummary]
) -> None:
    make_run(accuracy=0.951)
    before = command("leaderboard", "--format", "json").stdout
    done = command("leaderboard", "import", "published.json")
    assert done.returncode == 0 and done.stdout == ""
    assert "2 runs imported from elsewhere (A Processor, 2 cores)\n" in done.stderr
    assert Leaderboard(home).imported() == published
    assert command("leaderboard", "--format", "json").stdout == before
    listed = json.loads(command("leaderboard", "--imported", "--format", "json").stdout)
    assert [item["host"] for item in listed] == ["elsewhere"] * 2
    (row, *_) = json.loads(command("leaderboard", "--table", "3", "--format", "json").stdout)
    assert (row["n"], row["mean"], row["imported_n"]) == (1, 0.951, 2)
    again = command("leaderboard", "import", "published.json")
    assert "2 runs imported" in again.stderr
    assert "2 of them were there already and are replaced" in again.stderr
    gone = command("leaderboard", "import", "--remove")
    assert "2 imported runs taken off" in gone.stderr
    assert Leaderboard(home).imported() == []
    assert "nothing is imported" in command("leaderboard", "--imported").stderr


def test_what_one_exports_another_imports(
    command: Command, home: Home, tmp_path: Path, make_run: MakeRun
) -> None:
    for seed in range(2):
        make_run(accuracy=0.951, seed=seed)
    make_run(ending="stopped")
    written = command("export", "-o", "mine.json", "--entries")
    assert "1 run stopped or failed: no results, left out" in written.stderr
    text = (tmp_path / "mine.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert command("export", "--entries").stdout == text
    own = command("leaderboard", "import", "mine.json")
    assert own.returncode == 0
    assert "0 runs imported; 2 runs of your own left out" in own.stderr
    other = Home(tmp_path / "other")
    elsewhere = subprocess.run(
        [sys.executable, "-m", "workbench", "leaderboard", "import", "mine.json",
         "--home", str(other.path)],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert elsewhere.returncode == 0, elsewhere.stderr
    theirs = Leaderboard(other).imported()
    assert len(theirs) == 2
    assert to_file(theirs) == text
    assert not other.leaderboard.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("leaderboard", "import"), "name a FILE, or --remove without one"),
        (("leaderboard", "import", "published.json", "--remove"), "name a FILE, or --remove"),
        (("leaderboard", "import", "none.json"), "none.json: there is no such file"),
        (("leaderboard", "--imported", "--table", "3"), "leave one out"),
        (("export", "--entries", "--group"), "takes --filter alone"),
        (("export", "--title", "Mine", "--table", "3"), "only the whole markdown document"),
        (("export", "--entries", "--title", "Mine"), "only the whole markdown document"),
        (("export", "-o", "results.xlsx"), "none of .md, .markdown, .csv, .json, .tex"),
    ],
)
def test_wrong_use_is_one_sentence(
    command: Command, published: list[RunSummary], arguments: tuple[str, ...], said: str
) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_a_damaged_file_imports_nothing(
    command: Command, home: Home, tmp_path: Path, published: list[RunSummary]
) -> None:
    file: dict[str, Any] = json.loads((tmp_path / "published.json").read_text())
    file["entries"][1]["test_accuracy"] = "high"
    (tmp_path / "published.json").write_text(json.dumps(file))
    done = command("leaderboard", "import", "published.json")
    assert done.returncode == 2
    assert "published.json: entry 2: test_accuracy must be a number" in done.stderr
    assert done.stderr.count("\n") == 1
    assert Leaderboard(home).imported() == []


def test_the_documents_title(command: Command, home: Home, make_run: MakeRun) -> None:
    make_run()
    done = command("export", "--title", "Reproduction of the paper's tables")
    assert done.stdout.startswith("# Reproduction of the paper's tables\n")
    title = "Reproduction of the paper's tables"
    assert done.stdout == document(Leaderboard(home).entries(), title)


def test_results_of_another_machine_are_counted_with_ones_own(
    command: Command, tmp_path: Path, make_run: MakeRun, published: list[RunSummary]
) -> None:
    make_run(accuracy=0.951, seed=7)
    assert command("leaderboard", "import", "published.json").returncode == 0
    pooled = ("--with", "published.json")
    table = json.loads(command("export", "--table", "3", "--format", "json", *pooled).stdout)
    assert (table[0]["n"], table[0]["imported_n"]) == (3, 0)
    text = command("export", *pooled).stdout
    assert "3 runs, started" in text and "Imported runs" not in text
    entries = json.loads(command("export", "--entries", *pooled).stdout)["entries"]
    assert {entry["run_id"] for entry in entries} > {run.run_id for run in published}
    again = ("-o", "all.json", "--entries", *pooled)
    assert command("export", *again).returncode == 0
    assert json.loads((tmp_path / "all.json").read_text())["entries"] == entries
    assert len(json.loads(command("leaderboard", "--format", "json").stdout)) == 1
    refused = command("export", "--with", "nothing.json")
    assert refused.returncode == 2 and "there is no such file" in refused.stderr


def test_a_filter_that_lets_nothing_through_says_how_many_there_are(
    command: Command, make_run: MakeRun
) -> None:
    make_run(accuracy=0.951)
    for words in (("leaderboard",), ("leaderboard", "--group")):
        said = command(*words, "--filter", "seed=7").stderr
        assert said == "No run matches the filter; without it there is 1.\n"
    assert command("runs", "--status", "paused").stderr == (
        "No run is paused; without --status there are 1.\n"
    )
