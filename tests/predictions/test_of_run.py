"""Whose answers to the test images may be made."""

from __future__ import annotations

import pytest

from tests.support import made_run
from workbench.errors import RunError
from workbench.predictions import of_run
from workbench.runs.plan import Plan, specs_for
from workbench.settings import Home


def test_a_trial_of_a_search_is_not_tested_by_looking_at_its_errors(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = specs_for(home, "nn-1", Plan(validation="0.15"))[0]
    made: list[str] = []
    monkeypatch.setattr(of_run, "make", lambda folder: made.append(folder.run_id))
    folder = made_run(home, spec.model_copy(update={"tested": False}))
    folder.model_file.touch()
    with pytest.raises(RunError, match="never tested"):
        of_run.predictions_of(folder)
    assert made == []
