"""A kind of layer is its class: nothing else needs to know of a new one."""

from __future__ import annotations

from typing import Any, Literal

from workbench.model.architecture import Architecture, analyse
from workbench.model.describe import architecture_rows
from workbench.model.diagram import draw
from workbench.model.forms import fields_of
from workbench.model.keras_script import layer_call
from workbench.model.layers import (
    LAYER_KINDS,
    Dense,
    Flatten,
    LayerKind,
    Placed,
    Rate,
    Shape,
    layer_label,
)


class Sparse(LayerKind):
    """Stands for a kind that does not exist: every other value, with a weight each."""

    explanation = "Keeps every other value"
    name = title = short = "Sparse"
    role = "dense"
    by_place = ("share",)

    kind: Literal["Sparse"] = "Sparse"
    share: Rate = 0.5
    seed: int = 0

    def place(self, shape: Shape) -> Placed:
        """Half the values."""
        return Placed((*shape[:-1], shape[-1] // 2), shape[-1])

    def details(self) -> list[str]:
        """`0.5`."""
        return [f"{self.share:g}"]


def test_a_new_kind_is_told_drawn_counted_and_written_from_its_class() -> None:
    new: Any = Sparse(seed=3)
    layers = (Flatten(), new, Dense(units=10, activation="softmax"))
    architecture = Architecture(layers=(Flatten(),)).model_copy(update={"layers": layers})
    analysis = analyse(architecture)
    assert analysis.problem is None
    assert analysis.layers[1].output_shape == (392,)
    assert analysis.parameters == 784 + 392 * 10 + 10
    assert layer_label(new) == "Sparse 0.5"
    assert layer_call(new) == ("layers.Sparse", ["0.5", "seed=3"])
    row = architecture_rows(architecture)[1]
    assert row.layer == "Sparse layer" and row.operation[0] == "x⁽¹⁾ = Sparse(x⁽⁰⁾)"
    assert "Sparse" in draw(architecture, 80).plain()
    assert [field.name for field in fields_of(Sparse)] == ["share", "seed"]


def test_every_kind_has_its_words_and_is_known_by_its_name() -> None:
    for kind, cls in LAYER_KINDS.items():
        layer = cls.model_validate(cls.begin)
        assert layer.model_dump()["kind"] == kind
        assert cls.explanation and cls.name and layer.words()
        assert cls.role or cls.keeps_shape
        assert set(cls.by_place) <= set(cls.model_fields)
