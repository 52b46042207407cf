"""Makes the pictures of the README from the real app: `python docs/screenshots/make.py`.

It looks at the runs of `--home` (or MNIST_WORKBENCH_HOME, or else the usual data folder), and
trains two small networks and a script's there if they have not been. Best of all is a home in which
the paper's models have been trained: a finished run of CNN model 2 is the one whose curves are
shown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cell_picture import redrawn
from textual.pilot import Pilot

from workbench.leaderboard.store import Leaderboard
from workbench.runs.folder import RunFolder, all_runs
from workbench.runs.plan import Plan, specs_for
from workbench.runs.record import Labels, PresetRecord
from workbench.runs.service import launch
from workbench.runs.status import Status
from workbench.settings import HOME_VARIABLE, Home, default_home
from workbench.tui.app import WorkbenchApp

FOLDER = Path(__file__).parent
COLUMNS, ROWS = 120, 40
MOST_BYTES = 150_000
SETTLED_SECONDS, PATIENCE_SECONDS = 1.2, 30.0  # a plot is drawn anew every 0.7 s at most
# Trained if missing: they take seconds.
SMALL, SEEDS = ("nn-1", "nn-2"), 3
# The run whose curves are shown: of the first of these that has been trained, its lowest seed.
SHOWN = ("cnn-2", "cnn-2-tuned", "cnn-1", "cnn-1.2", "cnn-1.1", "nn-2", "nn-1")
MODEL = "cnn-2"
# A training that this program knows nothing of, as README has it.
OWN = "convnet on my digits"
SCRIPT = f"""
import keras
from workbench.training.fit_callback import LiveCallback
from workbench.data.npz import load_mnist

keras.utils.set_random_seed(0)
digits = load_mnist()
x, y = digits.x_train[:12_000] / 255, digits.y_train[:12_000]
xv, yv = digits.x_train[-3_000:] / 255, digits.y_train[-3_000:]
layers = keras.layers
model = keras.Sequential([
    keras.Input((28, 28, 1)), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Flatten(), layers.Dropout(0.3), layers.Dense(10, activation="softmax"),
])
model.compile(keras.optimizers.Adam(3e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, validation_data=(xv, yv), epochs=20, verbose=0,
          callbacks=[LiveCallback({OWN!r}, config={{"lr": 3e-4}})])
"""

Steps = Callable[[WorkbenchApp, Pilot[None]], Awaitable[None]]


def finished(home: Home, preset: str) -> list[RunFolder]:
    """The finished runs of a preset with its own settings on all of MNIST, lowest seed first."""
    [own] = specs_for(home, preset, Plan())
    runs = [
        run
        for run in all_runs(home)
        if isinstance(run.record, PresetRecord)
        and run.record.name == preset
        and run.spec.settings_key == own.settings_key
        and run.status() is Status.FINISHED
    ]
    return sorted(runs, key=lambda run: (run.spec.seed, run.run_id))


def script_run(home: Home) -> RunFolder | None:
    """The finished run of the script, if it has been run."""
    runs = [run for run in all_runs(home) if run.record.name == OWN]
    return next((run for run in runs if run.status() is Status.FINISHED), None)


def train_missing(home: Home) -> None:
    """Train the small networks that have no finished run, and wait for them."""
    for preset in SMALL:
        if finished(home, preset):
            continue
        print(f"training {preset}, {SEEDS} seeds", file=sys.stderr)
        runs = launch(home, specs_for(home, preset, Plan(repeats=SEEDS)), Labels(), "run")
        while any(run.status().alive for run in runs):
            time.sleep(1)
    if script_run(home) is None:
        print(f"training {OWN}", file=sys.stderr)
        environment = {**os.environ, HOME_VARIABLE: str(home.path)}
        subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True)
    Leaderboard(home).sync()


async def models(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """The cursor on CNN model 2, whatever is above it."""
    from workbench.tui.screens.models.screen import ModelList

    listing = app.screen.query_one(ModelList)
    while listing.entry is None or listing.entry.name != MODEL:
        await pilot.press("j")


async def compose(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """CNN model 2 in Compose, without its Flatten: what does not fit is marked."""
    await models(app, pilot)
    await pilot.press("e")
    await settled(app, pilot)
    await pilot.press("j", "j", "j", "j", "j", "d")


async def train(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """A finished run."""
    app.open_run(next(run for name in SHOWN for run in finished(app.home, name)))
    await settled(app, pilot)


async def script(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """The run of a script, while one reads its curves."""
    run = script_run(app.home)
    assert run is not None
    app.open_run(run)
    await settled(app, pilot)
    await pilot.press("left")


async def leaderboard(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """All runs by preset and settings, with some of their curves."""
    await pilot.press("4")
    await settled(app, pilot)
    await pilot.press("g")
    await settled(app, pilot)
    await pilot.press("space", "j", "j", "space", "j", "j", "space")


async def errors(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """What the network of two hidden layers gets wrong: the surest mistake, and its answers."""
    app.open_run(finished(app.home, "nn-2")[0])
    await settled(app, pilot)
    await pilot.press("e")


async def draw(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """A seven drawn with the mouse, and what the models say of it."""
    from workbench.tui.screens.draw import CanvasView

    await pilot.press("6")
    await settled(app, pilot)
    await pilot.mouse_down(CanvasView, offset=(11, 4))
    for corner in ((27, 4), (18, 16)):
        await pilot.hover(CanvasView, offset=corner)
    await pilot.mouse_up(CanvasView, offset=(18, 16))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "%" not in app.export_screenshot() and time.monotonic() < deadline:
        await pilot.pause(0.2)  # the process that answers loads TensorFlow first


PICTURES: dict[str, tuple[str, Steps]] = {
    "models": ("Models: pick one, see it, train it", models),
    "compose": ("Compose: a model, layer by layer", compose),
    "train": ("Train: a run's curves and its result", train),
    "script": ("Train: a script's own training, by LiveCallback", script),
    "leaderboard": ("Leaderboard: all runs, ranked", leaderboard),
    "errors": ("Errors: the images that a model gets wrong", errors),
    "draw": ("Draw: a digit, and what the models say of it", draw),
}


async def settled(app: WorkbenchApp, pilot: Pilot[None]) -> str:
    """The screen, once it has stopped changing, as Textual exports it."""
    deadline, before, since = time.monotonic() + PATIENCE_SECONDS, "", time.monotonic()
    while time.monotonic() < deadline:
        await pilot.pause(0.2)
        # The export's ids are made from its content.
        now = app.export_screenshot()
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > SETTLED_SECONDS:
            break
    return before


async def picture(home: Home, name: str, light: bool) -> str:
    """One picture, of an app of its own."""
    title, steps = PICTURES[name]
    app = WorkbenchApp(home)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        if light:
            await pilot.press("ctrl+t")
        await settled(app, pilot)
        await steps(app, pilot)
        return redrawn(await settled(app, pilot), COLUMNS, ROWS, f"mnist-workbench – {title}")


def check(svg: str, name: str, home: Home) -> None:
    """Refuse a picture that tells where it was made, or that is too heavy."""
    text = "\n".join(re.findall(r"<text[^>]*>(.*?)</text>", svg))
    hosts = {run.record.environment.host for run in all_runs(home)}
    for word in {*hosts, str(home.path), str(Path.home())} - {"", "/"}:
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
            raise SystemExit(f"{name}: shows {word!r}")
    if "://" in svg.replace("http://www.w3.org/2000/svg", ""):
        raise SystemExit(f"{name}: names an address")
    if len(svg.encode()) > MOST_BYTES:
        raise SystemExit(f"{name}: {len(svg.encode()):,} bytes are too many")


def main() -> None:
    """Make the pictures that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help=", ".join(PICTURES))
    parser.add_argument("--home", type=Path, help="the data folder whose runs are shown")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the pictures go")
    asked = parser.parse_args()
    if unknown := set(asked.pictures) - set(PICTURES):
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    os.environ.pop("NO_COLOR", None)
    os.environ["TERM"] = "xterm-256color"
    home = (Home(asked.home.absolute()) if asked.home else default_home()).ensure()
    train_missing(home)
    for name in asked.pictures or PICTURES:
        for light in (False, True) if name == "train" else (False,):
            svg = asyncio.run(picture(home, name, light))
            check(svg, name, home)
            target = asked.out / f"{name}{'-light' if light else ''}.svg"
            target.write_text(svg, encoding="utf-8")
            print(f"{target.name}  {len(svg.encode()):,} bytes")


if __name__ == "__main__":
    main()
