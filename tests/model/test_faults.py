"""A wrong value is said in words that tell what would be right."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from workbench.errors import PresetError
from workbench.model.preset import read_preset
from workbench.model.validated import fault_words

LAYER = '[architecture]\n[[architecture.layers]]\nkind = "{kind}"\n{rest}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "title: is missing"),
        ("title = 3", "title: must be text"),
        (
            LAYER.format(kind="Dense", rest="units = 0"),
            "layer 1 (Dense), units: must be at least 1",
        ),
        (LAYER.format(kind="Dense", rest='units = "x"'), "units: must be a whole number"),
        (LAYER.format(kind="Dense", rest="units = 8\nunit = 8"), "unit: is no setting here"),
        (LAYER.format(kind="Dropout", rest='rate = "x"'), "rate: must be a number"),
        (LAYER.format(kind="Dens", rest=""), 'no kind "Dens": did you mean "Dense"?'),
        ("[architecture]\n[[architecture.layers]]\nunits = 8", "its kind is missing"),
        (
            LAYER.format(kind="Conv2D", rest='filters = 2\nkernel_size = [3, 3]\npadding = "full"'),
            "must be 'valid' or 'same'",
        ),
        (
            "[architecture]\nlayers = []\n[training.optimizer]\nkind = 'sgd'\nmomentum = 1.0",
            "momentum: must be less than 1",
        ),
    ],
)
def test_what_would_be_right(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    title = "" if text.startswith("title") or not text else 'title = "a"\n'
    path.write_text(title + text, encoding="utf-8")
    with pytest.raises(PresetError) as caught:
        read_preset(path)
    assert words in str(caught.value)
    assert "should" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("number", "nan", "must be a finite number"),
        ("number", None, "must be a number"),
        ("whole", "9" * 5000, "is beyond all numbers"),
        ("name", "", "must not be empty"),
        ("name", "x" * 9, "must have at most 8 letters"),
        ("name", "A B", "has letters that it cannot have"),
        ("rows", 3, "must be a list"),
        ("rows", (), "must have 1 or more"),
        ("when", "soon", "cannot have this value"),  # of a kind that no file of ours has
    ],
)
def test_no_word_is_the_librarys(field: str, value: object, words: str) -> None:
    class Any(BaseModel):
        number: Annotated[float, Field(allow_inf_nan=False)] = 0.0
        whole: int = 0
        name: Annotated[str, Field(min_length=1, max_length=8, pattern="^[a-z]*$")] = "x"
        rows: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)
        when: datetime | None = None

    with pytest.raises(ValidationError) as caught:
        Any.model_validate({field: value})
    assert fault_words(caught.value.errors()[0]) == words
