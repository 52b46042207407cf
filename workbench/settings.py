"""Where the user's data lives, which is made when first needed; and what ships with the program.

A wheel holds `presets/` and `layouts/` inside the package; a checkout holds them beside it.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import EnvironmentProblem, refused

HOME_VARIABLE = "MNIST_WORKBENCH_HOME"
PACKAGE = Path(__file__).resolve().parent
MNIST_FILE = PACKAGE / "data" / "mnist.npz"


@dataclass(frozen=True)
class Home:
    """The data folder of one user: runs, own presets and the leaderboard."""

    path: Path

    @property
    def runs(self) -> Path:
        """Run folders, one a run, named by run id."""
        return self.path / "runs"

    @property
    def presets(self) -> Path:
        """The user's own presets, one TOML file each."""
        return self.path / "presets"

    @property
    def leaderboard(self) -> Path:
        """The TinyDB file with one summary a run."""
        return self.path / "leaderboard.json"

    def broken_parts(self, *parts: Path) -> list[EnvironmentProblem]:
        """What stands in a folder's place: a file, a FIFO, a link to nothing or to itself."""
        return [
            EnvironmentProblem(
                f"{part}: is no folder, so nothing in it can be read; move it away, or restore "
                "what was there"
            )
            for part in parts or (self.runs, self.presets)
            if os.path.lexists(part) and not part.is_dir()
        ]

    def ensure(self) -> Home:
        """Create the data folder (0700) and its parts.

        Raises:
            EnvironmentProblem: the folder cannot be created or written.
        """
        for problem in self.broken_parts():
            raise problem
        remedy = f"; name a folder you can write with --home or {HOME_VARIABLE}"
        with refused(f"data folder {self.path}: ", remedy):
            for folder in (self.path, self.runs, self.presets):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                read_only = os.statvfs(self.path).f_flag & os.ST_RDONLY
                reason = errno.EROFS if read_only else errno.EACCES
                raise OSError(reason, os.strerror(reason))
        return self


def default_home() -> Home:
    """The folder named by MNIST_WORKBENCH_HOME, or else the platform's user data folder."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        # Here and not above, as the platformdirs below: the first frame waits for each import.
        from workbench.files import typed_path

        return Home(typed_path(named))
    from platformdirs import user_data_path

    return Home(user_data_path("mnist-workbench", appauthor=False))


def resource_folder(name: str) -> Path:
    """The folder `presets` or `layouts`.

    Raises:
        FileNotFoundError: the installation lacks the folder.
    """
    inside = PACKAGE / name
    if inside.is_dir():
        return inside
    beside = PACKAGE.parent / name
    # Without the marker, a stray folder of this name in site-packages could be taken for ours.
    if beside.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise FileNotFoundError(f"the installation lacks its {name} folder; install it again")


def style_sheet(name: str) -> str:
    """The path of `layouts/NAME.tcss`, for a screen's `CSS_PATH`.

    A screen's own is read when it is first opened: Textual reads all that it knows anew for each,
    which the first frame would wait for.
    """
    return str(resource_folder("layouts") / f"{name}.tcss")
