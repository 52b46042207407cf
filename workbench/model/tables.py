"""The paper's Tables 3, 6, 7, 8 and 9 as data: rows of preset, settings and results."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.errors import PresetError, nearest
from workbench.model.hyperparameters import overrides_from, with_overrides
from workbench.model.preset import Preset, paper_presets
from workbench.model.spec import Precision, TrainingSpec
from workbench.model.validated import Validated
from workbench.settings import resource_folder

TABLE_NUMBERS = (3, 6, 7, 8, 9)
PAIRED: tuple[Precision, ...] = ("float32", "bfloat16")  # of ours that stand beside the paper's


class PaperRow(Validated):
    """One row: which training it is and what the paper reports for it."""

    label: str
    preset: str
    set: dict[str, Any] = Field(default_factory=dict)
    cells: tuple[str, ...]  # the paper's own columns between label and accuracy
    accuracy: Annotated[float, Field(ge=0.0, le=1.0)]
    train_seconds: Annotated[float, Field(gt=0.0)] | None = None
    remark: str = ""

    def preset_with_settings(self) -> Preset:
        base = next(preset for preset in paper_presets() if preset.name == self.preset)
        training = with_overrides(base.training, overrides_from(self.set))
        return base.model_copy(update={"training": training})

    def spec(self, seed: int = 0, precision: Precision = "float32") -> TrainingSpec:
        return self.preset_with_settings().spec(seed=seed, precision=precision)


class PaperTable(Validated):
    number: int
    title: str
    section: str
    label_heading: str
    cell_headings: tuple[str, ...]
    accuracy_heading: str = "Accuracy"
    layout: Literal["rows", "columns"] = "rows"  # Table 9 sets its two models side by side
    remark: str = ""
    rows: tuple[PaperRow, ...]

    @property
    def gives_best(self) -> bool:
        """Whether its accuracies are each the best of several runs (Table 6)."""
        return self.accuracy_heading.lower().startswith("best")


@lru_cache(maxsize=1)
def paper_tables() -> tuple[PaperTable, ...]:
    """The five tables with results, in the paper's order."""
    folder = resource_folder("presets") / "tables"
    return tuple(
        PaperTable.model_validate(
            tomllib.loads((folder / f"table-{number}.toml").read_text("utf-8"))
        )
        for number in TABLE_NUMBERS
    )


@lru_cache(maxsize=1)
def paper_rows_by_settings() -> dict[str, tuple[tuple[PaperTable, PaperRow], ...]]:
    """Every row of the paper by the settings key of its training, in either precision.

    One training may stand in several tables: CNN model 2 is in Tables 6, 7 and 9.
    """
    found: dict[str, tuple[tuple[PaperTable, PaperRow], ...]] = {}
    for precision, table in product(PAIRED, paper_tables()):
        for key, row in zip(row_keys(table.number, precision), table.rows, strict=True):
            found[key] = (*found.get(key, ()), (table, row))
    return found


@lru_cache(maxsize=64)
def row_keys(number: int, precision: Precision) -> tuple[str, ...]:
    """The settings keys of a table's rows, trained in a precision."""
    return tuple(row.spec(precision=precision).settings_key for row in paper_table(number).rows)


def paper_table(number: int) -> PaperTable:
    """The table of a number; a PresetError where the paper has no such table of results."""
    for table in paper_tables():
        if table.number == number:
            return table
    known = [str(known) for known in TABLE_NUMBERS]
    raise PresetError(f"the paper has no table {number} of results; {nearest('', known)}")
