"""Where the user's data lives. Nothing is created at import, only when first needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import EnvironmentProblem

HOME_VARIABLE = "MNIST_WORKBENCH_HOME"


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
        try:
            for folder in (self.path, self.runs, self.presets):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise EnvironmentProblem(
                f"data folder {self.path}: {error.strerror or error}; "
                f"name a folder you can write with --home or {HOME_VARIABLE}"
            ) from error
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
