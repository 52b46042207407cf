"""The screen of results: what can be done with a run, a group, or a row of the paper."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from workbench.errors import RunError, UserError
from workbench.leaderboard.claims.claim import CheckedClaim
from workbench.leaderboard.grouping import Group
from workbench.leaderboard.paper import RowComparison
from workbench.model.tables import TABLE_NUMBERS
from workbench.runs.folder import RunFolder
from workbench.runs.record import Labels, checked_labels
from workbench.runs.summary import RunSummary
from workbench.tui.screens.dialog import ChoiceDialog, TextDialog
from workbench.tui.screens.leaderboard import export
from workbench.tui.screens.leaderboard.board import ALL_RUNS, CLAIMS, IMPORTED, View, Within
from workbench.tui.screens.leaderboard.detail import BoardDetail
from workbench.tui.screens.leaderboard.edit_line import EditLine
from workbench.tui.screens.leaderboard.looking import BoardLook
from workbench.tui.screens.leaderboard.work import BoardWork
from workbench.tui.settings_text import settings_text
from workbench.tui.styles import style_sheet
from workbench.tui.widgets.row_list import RowList

# Actions that make sense on one kind of rows only; elsewhere their keys are not offered.
OF_RUNS = ("filter", "sort", "sort_next", "reverse", "group")
OF_TABLES = ("train", "train_all")
OF_ONE_RUN = ("edit_tags", "edit_note", "delete")


class LeaderboardScreen(BoardLook):
    """Results, to be compared."""

    PLACE = "Leaderboard"
    CSS_PATH: ClassVar = style_sheet("leaderboard")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", key_display="enter", tooltip="Open the run, or its group"),
        Binding("t", "train", "train", tooltip="Train the row once more, with the next seed"),
        Binding("T", "train_all", "train all", tooltip="Queue all that is missing in this table"),
        Binding("b", "rebuild", "rebuild", tooltip="Rebuild the leaderboard from the run folders"),
        Binding("space", "select", "select", tooltip="Overlay its curve; up to six"),
        Binding("right,l", "tab(1)", "tables", key_display="→", tooltip="The next table"),
        Binding("slash", "filter", "filter", key_display="/", tooltip="Show only some runs"),
        Binding("g", "group", "group", tooltip="Together by preset and settings, or one by one"),
        Binding("o", "sort", "sort", tooltip="Choose the column to sort by"),
        Binding("m", "export", "export", tooltip="Write what is on view to a markdown file"),
        Binding("T", "edit_tags", "tags", tooltip="Change the run's tags, in place"),
        Binding("N", "edit_note", "note", tooltip="Change the run's note, in place"),
        Binding("c", "copy", "copy", tooltip="Copy what is on view as markdown"),
        Binding("d", "delete", "delete", tooltip="Delete the run or the selected ones; asks"),
        Binding("left,h", "tab(-1)", "table", show=False, tooltip="The table before"),
        Binding("greater_than_sign", "sort_next(1)", "sort", key_display=">", show=False,
                tooltip="Sort by the next column"),
        Binding("less_than_sign", "sort_next(-1)", "sort", key_display="<", show=False,
                tooltip="Sort by the column before"),
        Binding("R", "reverse", "reverse", show=False, tooltip="Sort the other way round"),
        Binding("y", "quantity", "quantity", show=False, tooltip="Curves of another quantity"),
    ]  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only the keys that do something here."""
        tab = self._view.tab
        on_table = tab != ALL_RUNS
        if action in OF_TABLES:
            return tab in TABLE_NUMBERS
        if action == "select":
            return tab not in (CLAIMS, IMPORTED)
        if action == "open":
            return tab != IMPORTED
        if action == "rebuild":
            return self._damaged
        if action in OF_RUNS:
            return not on_table
        if action in OF_ONE_RUN:
            return not on_table and not self._view.grouped
        if action == "quantity":
            return len(self._selection) > 0
        return True

    @on(RowList.Opened)
    def action_open(self) -> None:
        """Open the run; of a group or a row list its runs; of a claim show its table."""
        subject = self._subject()
        match subject:
            case RunSummary():
                folder = RunFolder(self.workbench.home.runs / subject.run_id)
                if folder.path.is_dir():
                    self.workbench.open_run(folder)
                else:
                    self.workbench.complain(RunError(f"run {subject.run_id}: its folder is gone"))
            case Group():
                run = subject.example
                title = f"{run.preset}, {settings_text(run)}"
                self._list_runs(title, subject.settings_key, run.preset, self._view.filter_text)
            case RowComparison() if subject.ours is not None:
                title = f"{subject.row.label} in Table {self._view.tab}"
                self._list_runs(title, subject.settings_key)
            case CheckedClaim():
                self._go_to_tab(subject.claim.table)
            case RowComparison():
                self.workbench.complain(RunError("no run of this row yet; t trains it"))

    def _list_runs(
        self, title: str, settings_key: str, preset: str = "", filter_text: str = ""
    ) -> None:
        """The runs of what is under the cursor; esc leads back."""
        within = Within(title, settings_key, preset, self._view, self._listing.key or "")
        self._change_to(View(filter_text=filter_text, within=within))

    def action_train(self) -> None:
        """Train what is missing in a row of the paper."""
        row = self._subject()
        if not isinstance(row, RowComparison):
            return
        self.workbench.train([row.row.spec()], next_seed=True)

    def action_train_all(self) -> None:
        """Queue what is missing in the table on view."""
        if self._arranged.comparison is not None:
            self._work.queue_missing(self._arranged.comparison.table)

    @on(BoardWork.Queued)
    def _queued(self, event: BoardWork.Queued) -> None:
        self.workbench.queue_started = True
        self.app.notify(event.notice)

    def action_edit_tags(self) -> None:
        """Write over the row."""
        self._edit("tags")

    def action_edit_note(self) -> None:
        """Write over the row."""
        self._edit("note")

    def _edit(self, what: str) -> None:
        run = self._subject()
        if not isinstance(run, RunSummary):
            return
        text = " ".join(run.tags) if what == "tags" else run.note
        self.query_one(EditLine).edit(self._listing, run.run_id, what, text)
        kind = "Tags, with spaces between" if what == "tags" else "Note"
        said = f"{kind}, of run {run.run_id}: enter keeps, esc leaves as it was."
        self.query_one(BoardDetail).subject = said

    @on(EditLine.Kept)
    def _kept(self, event: EditLine.Kept) -> None:
        run = next((run for run in self.board.entries if run.run_id == event.run_id), None)
        tags, note = (list(run.tags), run.note) if run else ([], "")
        try:
            if event.what == "tags":
                labels = checked_labels(event.text.replace(",", " ").split(), note)
            else:
                # Tags that are there already are not judged again.
                labels = Labels(tags=tuple(tags), note=checked_labels([], event.text.strip()).note)
        except UserError as error:
            self.workbench.complain(error)
            return
        self._edit_left()
        self._work.set_labels(event.run_id, labels)

    @on(EditLine.Left)
    def _edit_left(self) -> None:
        self.query_one(EditLine).close()
        self._listing.focus()
        self._show_detail()

    def action_delete(self) -> None:
        """Delete the selected runs or the one under the cursor, once asked."""
        under_cursor = self._subject()
        run_ids = list(self._selection.places)
        if not run_ids and isinstance(under_cursor, RunSummary):
            run_ids = [under_cursor.run_id]
        if not run_ids:
            return
        named = ", ".join(run_ids)

        def answered(answer: str | None) -> None:
            if answer == "delete":
                self._work.delete(run_ids)

        self.app.push_screen(
            ChoiceDialog(
                f"Delete {named} for good? Folder, model and leaderboard entry go.",
                [("keep", "Keep"), ("delete", "Delete for good")],
            ),
            answered,
        )

    def action_rebuild(self) -> None:
        """From the run folders."""
        self._work.rebuild()

    @on(BoardWork.Done)
    def _done(self, event: BoardWork.Done) -> None:
        if event.rebuilt:
            self._damaged = False
            self._notice(None)
            self.refresh_bindings()
        for error in event.faults[:3]:
            self.workbench.complain(error)
        if event.notice:
            self.app.notify(event.notice, markup=False)
        self._work.read()

    def action_export(self) -> None:
        """Ask where, then write."""
        arranged = self._arranged

        def named(text: str | None) -> None:
            if text is None:
                return
            try:
                path = export.target(text)
            except UserError as error:
                self.workbench.complain(error)
                return
            if not path.exists():
                self._work.write(arranged, path)
                return

            def answered(answer: str | None) -> None:
                if answer == "replace":
                    self._work.write(arranged, path)

            question = f"{path} exists already."
            answers = [("keep", "Leave it as it is"), ("replace", "Replace it")]
            self.app.push_screen(ChoiceDialog(question, answers), answered)

        name = export.suggested_name(arranged)
        self.app.push_screen(TextDialog("Write what is on view, as markdown, to", name), named)

    def action_copy(self) -> None:
        """Through the terminal."""
        self._work.copy(self._arranged)

    @on(BoardWork.Exported)
    def _exported(self, event: BoardWork.Exported) -> None:
        self.app.copy_to_clipboard(event.text)
        lines = event.text.count("\n")
        self.app.notify(f"{lines:,} lines of markdown handed to the terminal's clipboard")
