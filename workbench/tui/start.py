"""Opening the screens: refuse what cannot show them, and leave the terminal sane."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from workbench.config import Config
from workbench.errors import EnvironmentProblem, UserError
from workbench.settings import Home

if TYPE_CHECKING:
    from workbench.runs.standby import Standby

HEADLESS = "`mnist-workbench run`, `runs`, `attach` and `leaderboard` need none"


class NoTerminal(UserError):
    """There is no terminal that could show the screens."""


def open_screens(home: Home) -> int:
    """Run the app until it is left and return the exit code.

    Raises:
        NoTerminal: input or output is no terminal, or TERM is dumb.
        EnvironmentProblem: the data folder cannot be made.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NoTerminal(f"the screens need a terminal; {HEADLESS}")
    kind = os.environ.get("TERM", "")
    if kind in ("", "dumb"):
        raise NoTerminal(f"this terminal (TERM={kind}) cannot show the screens; {HEADLESS}")
    # Until the first frame nothing becomes garbage, and looking for some in all that is imported
    # takes a sixth of the time to it. The app takes the collector up again.
    gc.disable()
    try:
        home.ensure()
    except EnvironmentProblem:
        if not home.broken_parts():  # which the app says, and shows what else there is
            raise
    from workbench.tui.app import WorkbenchApp

    config, light = Config(), None
    if config["theme"] == "auto":
        from workbench.tui.terminal import has_light_background

        light = has_light_background()
    graphics = None
    if config["images"] != "blocks":
        from workbench.tui.terminal import graphics_here

        graphics = graphics_here(config["images"])
    app = WorkbenchApp(home, _standby, config=config, light=light, graphics=graphics)

    async def run() -> None:
        # A connection that drops sends SIGHUP. Left alone, the app would go on reading a dead
        # terminal at full speed.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, app.leave)
        await app.run_async()

    try:
        asyncio.run(run())
    finally:
        if app.standby is not None:
            app.standby.close()
    return app.return_code or 0


def _standby(home: Home) -> Standby:
    from workbench.runs.standby import Standby

    return Standby(home)
