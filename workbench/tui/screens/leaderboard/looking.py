"""Where one looks on the leaderboard: tabs, filter, groups, order, one run."""

from __future__ import annotations

from textual import on

from workbench.model.tables import TABLE_NUMBERS, paper_table
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.leaderboard.board import ALL_RUNS, View
from workbench.tui.screens.leaderboard.detail import BoardDetail
from workbench.tui.screens.leaderboard.order import Order, starts_downwards
from workbench.tui.screens.leaderboard.rows import GROUP_COLUMNS, RUN_COLUMNS
from workbench.tui.screens.leaderboard.tabs import TabLine
from workbench.tui.screens.leaderboard.view import BoardView
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.row_list import RowList


class BoardLook(BoardView):
    """Turns the view by keys and mouse; changes nothing of the leaderboard."""

    def show_run(self, run_id: str) -> None:
        """Put the cursor on a run among all runs, now or as soon as it has been recorded."""
        order = Order() if self._view.grouped else self._view.order
        self._change_to(View(order=order), row=run_id)
        self._listing.focus()

    def action_tab(self, step: int) -> None:
        """The next table, or the one before."""
        self._go_to_tab(self.query_one(TabLine).next(step))

    @on(TabLine.Chosen)
    def _tab_chosen(self, event: TabLine.Chosen) -> None:
        self._go_to_tab(event.tab)

    def _go_to_tab(self, tab: int) -> None:
        line = self.query_one(TabLine)
        line.tab = tab
        if tab in TABLE_NUMBERS:
            self.query_one(BoardDetail).label_heading = paper_table(tab).label_heading
        self._change(tab=tab, within=None, first_row=True)

    def action_filter(self) -> None:
        """To the filter's line."""
        self.query_one(FilterLine).open()

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self._change(filter_text=event.text)

    @on(FilterLine.Done)
    def _filter_done(self) -> None:
        self._listing.focus()

    def action_step_out(self) -> None:
        """Back to the groups or the table that one came from; the filter goes, the selection."""
        line, within = self.query_one(FilterLine), self._view.within
        if within is not None:
            self._change_to(within.before, row=within.row)
        elif line.text and self._view.tab == ALL_RUNS:
            line.set_text("")
        elif self._selection:
            self._selection.clear()
            self._selection_changed()

    def action_group(self) -> None:
        """By settings, or run by run."""
        grouped = not self._view.grouped
        columns = GROUP_COLUMNS if grouped else RUN_COLUMNS
        known = any(column.key == self._view.order.column for column in columns)
        order = self._view.order if known else Order()
        self._change(grouped=grouped, order=order, within=None, first_row=True)

    def action_sort(self) -> None:
        """Ask for the column."""
        columns = GROUP_COLUMNS if self._view.grouped else RUN_COLUMNS
        answers = [(column.key, column.heading.strip()) for column in columns]

        def answered(column: str | None) -> None:
            if column is not None:
                self._sort_by(column)

        now = self._view.order.column
        at = now if now in dict(answers) else None
        self.app.push_screen(ChoiceDialog("Sort by", answers, at), answered)

    def action_sort_next(self, step: int) -> None:
        """The next column in sight."""
        columns = GROUP_COLUMNS if self._view.grouped else RUN_COLUMNS
        keys = [column.key for column in columns if self._listing.shows(column.key)]
        now = self._view.order.column
        place = (keys.index(now) + step) % len(keys) if now in keys else 0
        self._sort_by(keys[place])

    def action_reverse(self) -> None:
        """The other way round."""
        self._sort_by(self._view.order.column)

    @on(RowList.HeadingClicked)
    def _heading_clicked(self, event: RowList.HeadingClicked) -> None:
        if self._view.tab == ALL_RUNS:
            self._sort_by(event.column)

    def _sort_by(self, column: str) -> None:
        """By a column; the one that is sorted by already is turned round."""
        before = self._view.order
        if column == before.column:
            downwards = not before.downwards
        else:
            downwards = starts_downwards(column, self._view.grouped)
        self._change(order=Order(column, downwards), first_row=True)
