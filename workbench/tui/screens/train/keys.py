"""The keys of a run's screen, the most important first."""

from __future__ import annotations

from textual.binding import Binding, BindingType

RUN_KEYS: list[BindingType] = [
    Binding("p", "pause", "pause", tooltip="Pause; nothing is lost"),
    Binding("p", "go_on", "go on", tooltip="Go on after the pause"),
    Binding("s", "stop", "stop & save", tooltip="Stop after this moment's work and save"),
    Binding("r", "resume", "resume", tooltip="Take the run up again after its last epoch"),
    Binding("n", "again", "new seed", tooltip="Run it again with the next unused seed"),
    Binding(
        "escape",
        "step_out",
        "leave it",
        key_display="esc",
        tooltip="Take the cursor away; leave the screen, a training goes on",
    ),
    Binding("K,X", "kill", "kill", tooltip="End the worker at once, unsaved; asks"),
    Binding(
        "l",
        "log_or_right",
        "log file",
        tooltip="The worker's log; with the cursor out, the cursor to the right",
    ),
    Binding("c", "confusion", "confusion", tooltip="What the network took for what"),
    Binding("b", "board", "leaderboard", tooltip="The run on the leaderboard"),
    Binding("tab", "switch_view", "view", tooltip="Both plots, one of them, the epochs"),
    Binding(
        "left,h",
        "cursor(-1)",
        "read off",
        key_display="← →",
        tooltip="Read values off: the cursor one column left (H, L: ten)",
    ),
    Binding("right", "cursor(1)", show=False, tooltip="The cursor to the right"),
    Binding("H,shift+left", "cursor(-10)", show=False),
    Binding("L,shift+right", "cursor(10)", show=False),
    Binding(
        "left_square_bracket",
        "smooth(-1)",
        "smooth",
        key_display="[ ]",
        tooltip="Less and more smoothing",
    ),
    Binding("right_square_bracket", "smooth(1)", show=False),
    Binding("y", "log_scale", "log", tooltip="Logarithmic loss; accuracy by its errors"),
    Binding("z", "zoom", "zoom", tooltip="Only the recent part, and back"),
    Binding("x", "axis", "x axis", tooltip="Count in epochs, steps or training time"),
    Binding("j,down", "epochs(1)", show=False, tooltip="Newer epochs"),
    Binding("k,up", "epochs(-1)", show=False, tooltip="Older epochs"),
]
