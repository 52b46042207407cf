"""The question at leaving while something trains that this app started."""

from __future__ import annotations

from workbench.errors import UserError
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.tui.screens.dialog import ChoiceDialog


def leave_dialog(living: list[RunFolder]) -> ChoiceDialog:
    """Leave it training, stop and save, kill, or stay."""
    one = len(living) == 1
    what = f"Run {living[0].run_id} is" if one else f"{len(living)} runs are"
    it = "it" if one else "them"
    return ChoiceDialog(
        f"{what} still training.",
        [
            ("keep", f"Leave {it} training and quit"),
            ("stop", f"Stop and save {it}, then quit"),
            ("kill", f"Kill {it} unsaved, then quit"),
            ("stay", "Stay here"),
        ],
    )


def carry_out(answer: str | None, living: list[RunFolder]) -> UserError | None:
    """Stop or kill what was asked for; the error if that could not be done."""
    try:
        for folder in living:
            if answer == "stop":
                control.request(folder.path, control.Command.STOP)
            elif answer == "kill":
                control.kill(folder.path)
    except UserError as error:
        return error
    return None
