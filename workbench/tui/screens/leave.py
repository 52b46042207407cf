"""The one question at leaving: trainings that this app started, and unsaved work in Compose."""

from __future__ import annotations

from workbench.errors import UserError
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.tui.screens.dialog import ChoiceDialog

SAVE, DROP, STAY = "save", "drop", "stay"
KEEP, STOP, KILL = "keep", "stop", "kill"
LEAVES = (DROP, KEEP, STOP, KILL)  # the answers after which the app ends


def leave_dialog(living: list[RunFolder], work: str) -> ChoiceDialog:
    """Ask about what trains (`living`), about unsaved `work` (its title, if any), or about both."""
    changes = f"The changes of {work} in Compose are not saved."
    if not living:
        return ChoiceDialog(
            changes,
            [
                (SAVE, "Save them, then quit"),
                (DROP, "Drop them and quit"),
                (STAY, "Stay here"),
            ],
        )
    one = len(living) == 1
    what = f"Run {living[0].run_id} is" if one else f"{len(living)} runs are"
    it = "it" if one else "them"
    training = f"{what} still training."
    answers = [
        (KEEP, f"Leave {it} training and quit"),
        (STOP, f"Stop and save {it}, then quit"),
        (KILL, f"Kill {it} unsaved, then quit"),
        (STAY, "Stay here"),
    ]
    if not work:
        return ChoiceDialog(training, answers)
    # Saving comes first, and the trainings are asked about after it; all else drops the changes.
    return ChoiceDialog(
        f"{training} {changes} Quitting without saving drops them.",
        [(SAVE, "Save the changes first"), *answers],
    )


def carry_out(answer: str | None, living: list[RunFolder]) -> UserError | None:
    """Stop or kill what was asked for; the error if that could not be done."""
    try:
        for folder in living:
            if answer == STOP:
                control.request(folder.path, control.Command.STOP)
            elif answer == KILL:
                control.kill(folder.path)
    except UserError as error:
        return error
    return None
