"""Fixtures for all tests. No test touches the developer's own data folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.config import CONFIG_VARIABLE
from workbench.settings import HOME_VARIABLE, Home

# Readline puts them into the environment of a process that imports it, as pytest does, and the
# workers of xdist inherit them: no program under test could find out its terminal's size.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
# Under `nohup` the programs under test would inherit that a dropped connection is not heard of.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every test has a data folder of its own, also through the environment."""
    own = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(own))
        patch.setenv(CONFIG_VARIABLE, str(own / "config" / "config.toml"))
        yield


@pytest.fixture
def home() -> Home:
    """The test's data folder, made."""
    return Home(Path(os.environ[HOME_VARIABLE])).ensure()
