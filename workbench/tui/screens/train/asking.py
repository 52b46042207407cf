"""What a run can be asked from its screen: pause, stop, kill, resume, once more, its results."""

from __future__ import annotations

from collections.abc import Callable

from textual import work

from workbench.errors import UserError
from workbench.runs import service
from workbench.runs.folder import RunFolder
from workbench.runs.status import Status
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.dialog import ChoiceDialog
from workbench.tui.screens.train.state import RunState


class RunRequests(WorkbenchScreen):
    """The actions that reach the run itself. Subclasses read the run's state and show it."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder
        self._state: RunState | None = None
        self._asked = ""  # what was asked for and has not happened yet

    @property
    def folder(self) -> RunFolder:
        """The run that is shown."""
        return self._folder

    @property
    def status(self) -> Status | None:
        """What the run is doing; None until its log has been read."""
        return self._state.status if self._state else None

    def show_request(self) -> None:
        """Show at once what was asked for."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now has a hint."""
        status = self.status
        if action == "go_on":
            return status is Status.PAUSED
        if action == "pause":
            return status is not None and status.alive and status is not Status.PAUSED
        if action in ("stop", "kill"):
            return status is not None and status.alive
        if action == "resume":
            return status is not None and (status.resumable or status is Status.PAUSED)
        if action == "confusion":
            return status is not None and status.completed
        if action == "board":
            return status is not None and (status.completed or status is Status.STOPPED)
        if action == "again":
            return status is not None and not status.alive
        return True

    def _request(self, action: Callable[[RunFolder], object], said: str) -> None:
        try:
            action(self._folder)
        except UserError as error:
            self.workbench.complain(error)
            return
        self._asked = said
        self.show_request()

    def action_pause(self) -> None:
        """Pause; once more takes that back."""
        if service.asked_to_pause(self._folder):
            going_on = "going on" if self.status is Status.PAUSED else ""
            self._request(service.resume, going_on)
        else:
            self._request(service.pause, "pausing")

    def action_go_on(self) -> None:
        """Take the pause back; once more pauses after all."""
        self.action_pause()

    def action_stop(self) -> None:
        """Stop and save."""
        self._request(service.stop, "stopping")

    def action_kill(self) -> None:
        """Ask, then end the worker."""
        if self.status is Status.QUEUED:
            # Its place in the queue is held by the process that runs the whole queue.
            self.notify("It has not begun; s takes it off the queue", timeout=5)
            return

        def answered(answer: str | None) -> None:
            if answer == "kill":
                self._request(service.kill, "")
            elif answer == "stop":
                self.action_stop()

        self.app.push_screen(
            ChoiceDialog(
                f"Kill run {self._folder.run_id}? What it learned since its last whole epoch is "
                "lost.",
                [
                    ("keep", "Leave it training"),
                    ("stop", "Stop and save it instead"),
                    ("kill", "Kill it, unsaved"),
                ],
            ),
            answered,
        )

    @work(thread=True, exclusive=True, group="resume")
    def action_resume(self) -> None:
        """Let it go on, paused or cut short."""
        try:
            service.resume(self._folder)
        except UserError as error:
            self.app.call_from_thread(self.workbench.complain, error)
            return
        self.app.call_from_thread(self._taken_up)

    def _taken_up(self) -> None:
        """It is asked about on leaving, like the runs that were started here."""
        self.workbench.ask_about(self._folder)

    def action_again(self) -> None:
        """The same settings with the next seed."""
        if self._state is not None:
            self.workbench.train([self._state.spec], next_seed=True)

    def action_confusion(self) -> None:
        """The confusion matrix."""
        from workbench.tui.screens.train.confusion import ConfusionScreen

        ending = self._state.finished if self._state else None
        if self._state is None or ending is None or not ending.confusion:
            self.notify("No confusion matrix was written for this run", timeout=5)
            return
        title = f"{self._state.spec.title} · seed {self._state.spec.seed}"
        self.app.push_screen(ConfusionScreen(ending.confusion, title))

    async def action_board(self) -> None:
        """Its entry on the leaderboard."""
        await self.workbench.show_on_leaderboard(self._folder.run_id)
