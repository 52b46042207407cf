"""Unsaved work outlives its app, is never another's, and is gone once saved."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import PresetError
from workbench.model.draft import EMPTY, DraftFile, DraftHistory, draft_of, draft_text, read_draft
from workbench.model.forms import new_layer
from workbench.model.preset import paper_presets, save_preset
from workbench.settings import Home

PAPER = {preset.name: preset for preset in paper_presets()}


def edited(name: str = "cnn-2", place: int = 1) -> DraftHistory:
    begun = DraftHistory.begun(PAPER[name])
    return begun.changed(begun.draft.deleted(place), "delete", place)


def drafts(home: Home) -> list[Path]:
    return sorted((home.path / "drafts").glob("*.toml"))


def left_behind(home: Home, history: DraftHistory, when: float = 1_767_258_000.0) -> Path:
    """As an app leaves it that is gone with unsaved work."""
    before = set(drafts(home))
    file = DraftFile(home)
    file.keep(history)
    file.close()
    (path,) = set(drafts(home)) - before
    os.utime(path, (when, when))
    return path


def test_work_left_behind_comes_back_with_a_way_to_undo_it(home: Home) -> None:
    history = edited()
    left_behind(home, history)
    app = DraftFile(home)
    returned, errors = app.take_over()
    assert errors == [] and returned is not None
    assert returned.changed_at == 1_767_258_000.0
    back = returned.history
    assert (back.draft, back.kept, back.origin) == (history.draft, PAPER["cnn-2"], PAPER["cnn-2"])
    assert back.unsaved
    assert back.undo()[0].draft == draft_of(PAPER["cnn-2"])
    assert not back.undo()[0].unsaved


def test_every_draft_is_read_back_as_it_was(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "draft.toml"
    fresh = DraftHistory.begun()
    mine = PAPER["nn-1"].model_copy(update={"name": "mine", "title": 'a "b" [c]', "part": "own"})
    save_preset(mine, home)
    kept = DraftHistory.begun(PAPER["cnn-1"]).saved_as(mine)
    for history in (
        fresh.changed(
            fresh.draft.added(0, new_layer("Conv2D")), "add", 0
        ),  # impossible as it stands
        *(edited(name) for name in PAPER),
        kept,
        DraftHistory.begun(PAPER["nn-1"]).changed(draft_of(EMPTY), "delete all", 0),
    ):
        file.write_text(draft_text(history), encoding="utf-8")
        back = read_draft(file, home)
        assert back.draft == history.draft
        assert (back.origin.name, back.kept.name) == (history.origin.name, history.kept.name)


def test_nothing_is_made_before_there_is_something_to_keep(home: Home) -> None:
    file = DraftFile(home)
    assert file.take_over() == (None, [])
    file.keep(DraftHistory.begun(PAPER["nn-1"]))
    file.close()
    assert not (home.path / "drafts").exists()


def test_saved_and_discarded_work_does_not_come_back(home: Home) -> None:
    for end in ("saved", "discarded"):
        file, history = DraftFile(home), edited()
        file.keep(history)
        assert len(drafts(home)) == 1
        if end == "saved":
            file.keep(history.saved_as(history.named("mine", "Mine")))
        else:
            file.discard()
        assert drafts(home) == []
        file.close()
        assert list((home.path / "drafts").iterdir()) == []
        assert DraftFile(home).take_over() == (None, [])


def test_files_are_for_their_owner_alone(home: Home) -> None:
    path = left_behind(home, edited())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not list(path.parent.glob("*.tmp"))


def test_two_apps_do_not_touch_each_others_work(home: Home) -> None:
    one, other = DraftFile(home), DraftFile(home)
    one.keep(edited("cnn-2"))
    assert other.take_over() == (None, [])  # its app lives
    other.keep(edited("nn-1"))
    assert len(drafts(home)) == 2
    one.close()
    third = DraftFile(home)
    returned, _ = third.take_over()
    assert returned is not None and returned.history.draft == edited("cnn-2").draft
    assert DraftFile(home).take_over() == (None, [])  # taken, and the other lives
    third.keep(returned.history.undo()[0])
    assert len(drafts(home)) == 1


def test_the_newest_comes_first_and_the_older_one_after_it(home: Home) -> None:
    left_behind(home, edited("nn-1"), when=2_000.0)
    left_behind(home, edited("nn-2"), when=3_000.0)
    left_behind(home, edited("cnn-1"), when=1_000.0)
    first, second = DraftFile(home), DraftFile(home)
    times = [file.take_over()[0] for file in (first, second)]
    assert [returned.changed_at for returned in times if returned] == [3_000.0, 2_000.0]


def test_a_killed_app_leaves_its_work_to_the_next(home: Home) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from workbench.settings import Home; from workbench.model.draft import DraftFile;"
        "from workbench.model.draft import DraftHistory; from workbench.model.preset import *;"
        "begun = DraftHistory.begun(paper_presets()[0]);"
        "DraftFile(Home(Path(sys.argv[1]))).keep(begun.changed(begun.draft.deleted(1), 'd', 1));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(home.path)], check=False)
    assert ended.returncode == -9
    app = DraftFile(home)
    returned, errors = app.take_over()
    assert errors == [] and returned is not None
    assert returned.history.draft == edited("nn-1").draft


@pytest.mark.parametrize(
    "damage", [b"no toml [", b"\xff\xfe", b"", b'kept = "nn-1"\nname = 3\n', b"x" * 1_000_001]
)
def test_a_damaged_draft_is_kept_aside_and_the_next_one_taken(home: Home, damage: bytes) -> None:
    left_behind(home, edited("nn-2"), when=1_000.0)
    path = left_behind(home, edited("nn-1"))
    path.write_bytes(damage)
    app = DraftFile(home)
    returned, errors = app.take_over()
    assert returned is not None and returned.history.draft == edited("nn-2").draft
    (error,) = errors
    assert isinstance(error, PresetError)
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damage
    assert str(aside) in str(error)
    assert not path.exists()


def test_work_that_was_saved_just_before_the_end_is_not_unsaved(home: Home) -> None:
    history = edited()
    saved = history.named("mine", "Mine")
    save_preset(saved, home)
    path = left_behind(home, history)
    path.write_text(draft_text(history.saved_as(saved)), encoding="utf-8")
    assert DraftFile(home).take_over() == (None, [])
    assert drafts(home) == []


def test_a_draft_of_a_model_that_is_gone_is_still_work(home: Home) -> None:
    mine = PAPER["nn-1"].model_copy(update={"name": "mine", "part": "own"})
    kept = save_preset(mine, home)
    begun = DraftHistory.begun(mine)
    left_behind(home, begun.changed(begun.draft.deleted(1), "delete", 1))
    kept.unlink()
    returned, _ = DraftFile(home).take_over()
    assert returned is not None
    assert returned.history.kept is EMPTY
    assert returned.history.draft == begun.draft.deleted(1)


def test_a_full_disk_leaves_what_was_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    file = DraftFile(home)
    file.keep(edited("nn-1"))
    before = drafts(home)[0].read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.keep(edited("nn-2"))
    assert drafts(home)[0].read_bytes() == before
    assert not list((home.path / "drafts").glob("*.tmp"))
