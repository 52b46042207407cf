"""An architecture as the rows of the paper's Tables 1, 2, 4 and 5, and a model's settings.

Outputs are set as the paper sets them, the layer's number and the shape raised:
`x⁽¹⁾ ∈ ℝ²⁸ˣ²⁸ˣ³²`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from workbench.formats import count
from workbench.model.architecture import Analysis, Architecture, LayerFacts, Problem, analyse
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    TrainingSettings,
    early_stopping_text,
    optimizer_text,
    schedule_text,
)
from workbench.model.layers import (
    ACTIVATION_TITLES,
    ActivationLayer,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Shape,
    inner_activation,
    shape_text,
)
from workbench.model.preset import Preset

_RAISED = str.maketrans("0123456789×", "⁰¹²³⁴⁵⁶⁷⁸⁹ˣ")
# What a terminal or a file without unicode gets instead.
_ASCII = {
    "∈ ℝ": "in R^", "×": "x", "ˣ": "x", "·": "*", "σ": "sigma", "∞": "inf", "⁽": "(", "⁾": ")",
    "✗": "x", "–": "-", "—": "-",
    "›": ">", "●": "o", "⋮": ":", "─": "-", "│": "|", **dict.fromkeys("┌┐└┘", "+"),
    **{raised: digit for digit, raised in zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True)},
}  # fmt: skip


@dataclass(frozen=True)
class ArchitectureRow:
    index: int  # the layer's number, from 1; 0 is the input alone
    layer: str  # `Conv2D layer 1`
    operation: tuple[str, ...]  # lines
    output: str  # `x⁽¹⁾ ∈ ℝ²⁸ˣ²⁸ˣ³²`; empty where the layer has no place
    parameters: int | None  # None where the layer has no place
    shape: Shape | None
    problem: Problem | None = None  # where the model is impossible


def as_ascii(text: str) -> str:
    """The text with its mathematics written in ASCII: `x(1) in R^28x28x32`."""
    for sign, plain in _ASCII.items():
        text = text.replace(sign, plain)
    return text


def layer_names(architecture: Architecture) -> tuple[str, ...]:
    """A name for each layer, as the paper's tables name them.

    Models that start by flattening have hidden layers (Tables 1 and 2), others dense layers
    (Tables 4 and 5). Convolutions and dense layers are always numbered, the rest where there
    is more than one.
    """
    layers = architecture.layers
    counts = Counter(layer.kind for layer in layers)
    seen: Counter[str] = Counter()
    vectors_only = not any(layer.needs_image for layer in layers)
    names = []
    for position, layer in enumerate(layers):
        seen[layer.kind] += 1
        gives = isinstance(layer, Dense | ActivationLayer) and layer.activation == "softmax"
        if position == len(layers) - 1 and gives:  # probabilities, of any number
            names.append("Output layer (Softmax)")
            continue
        number = f" {seen[layer.kind]}" if counts[layer.kind] > 1 else ""
        if isinstance(layer, Dense):
            activation = "" if layer.activation == "linear" else ACTIVATION_TITLES[layer.activation]
            if vectors_only:
                inner = f"Dense, {activation}" if activation else "Dense"
                names.append(f"Hidden layer {seen['Dense']} ({inner})")
            else:
                suffix = f" ({activation})" if activation else ""
                names.append(f"Dense layer {seen['Dense']}{suffix}")
        elif isinstance(layer, Conv2D):
            names.append(f"Conv2D layer {seen['Conv2D']}")
        elif isinstance(layer, ActivationLayer):
            names.append(f"Activation layer{number} ({ACTIVATION_TITLES[layer.activation]})")
        else:
            names.append(f"{layer.name} layer{number}")
    return tuple(names)


def architecture_rows(
    architecture: Architecture,
    analysis: Analysis | None = None,
    *,
    ascii_only: bool = False,
) -> tuple[ArchitectureRow, ...]:
    """The rows of the paper's table for any model, possible or not.

    A Flatten that comes first is told in the input's row, as in Tables 1 and 2. Layers from the
    first that does not fit have no output; that layer's row (or, where only the model's end is
    wrong, the last row) holds the problem.
    """
    analysis = analysis or analyse(architecture)
    layers, problem = architecture.layers, analysis.problem
    names = layer_names(architecture)
    problems = {problem.index: problem} if problem is not None else {}
    index = 0
    shape: Shape = architecture.input_shape
    operation = f"({shape_text(shape)})"
    if layers and isinstance(layers[0], Flatten) and analysis.layers:
        # Without a single channel, as the paper writes 28×28.
        image = shape_text(shape[:2] if shape[-1] == 1 else shape)
        index, shape = 1, analysis.layers[0].output_shape
        operation = f"Flatten input from {image} to {shape[0]}×1"
    head = ArchitectureRow(index, "Input layer", (operation,), _output(0, shape), 0, shape)
    rows = [replace(head, problem=problems.get(index))]
    step = 0  # the number raised beside x: dropout leaves it as it is, as the paper does
    for index, (layer, name) in enumerate(zip(layers, names, strict=True), start=1):
        if index <= rows[0].index:
            continue
        here = problems.get(index)
        if index > len(analysis.layers):
            row = ArchitectureRow(index, name, (_settings(layer),), "", None, None, here)
        else:
            facts = analysis.layers[index - 1]
            step += not layer.forgets
            lines, shape = _operation(facts, step, name.startswith("Output")), facts.output_shape
            output = _output(step, shape)
            row = ArchitectureRow(index, name, lines, output, facts.parameters, shape, here)
        rows.append(row)
    if ascii_only:
        rows = [
            replace(row, operation=tuple(map(as_ascii, row.operation)), output=as_ascii(row.output))
            for row in rows
        ]
    return tuple(rows)


def _raised(number: int) -> str:
    return f"⁽{str(number).translate(_RAISED)}⁾"


def _output(step: int, shape: Shape) -> str:
    return f"x{_raised(step)} ∈ ℝ{shape_text(shape).translate(_RAISED)}"


def _activated(activation: str, value: str) -> str:
    match activation:
        case "relu":
            return f"max(0, {value})"
        case "sigmoid":
            return f"σ({value})"
        case _:
            return f"{ACTIVATION_TITLES[activation]}({value})"


def _operation(facts: LayerFacts, step: int, is_output: bool) -> tuple[str, ...]:
    """The lines of the table's middle column."""
    layer = facts.layer
    before, here = _raised(step - 1), _raised(step)
    x_before, x, z = f"x{before}", f"x{here}", f"z{here}"
    match layer:
        case Dense():
            product = f"W{before}{x_before}"
            if layer.activation == "linear":
                lines = [f"{x} = {product}"]
            else:
                lines = [f"{z} = {product}", f"{x} = {_activated(layer.activation, z)}"]
            if is_output:
                lines.append(f"Probability distribution over {layer.units} classes")
            lines += _weights(layer)
        case Conv2D():
            name = x if layer.activation == "linear" else z
            lines = [f"{name} = Conv2D(W{before}{x_before})", _settings(layer), *_weights(layer)]
        case Flatten():
            size = f"{facts.output_shape[0]:,}"
            lines = [
                f"Flatten output from {shape_text(facts.input_shape)}",
                f"to a vector of size {size}",
            ]
        case ActivationLayer():
            lines = [f"{x} = {_activated(layer.activation, x_before)}"]
            if is_output:
                lines.append(f"Probability distribution over {facts.output_shape[-1]} classes")
        case _ if layer.forgets:
            lines = [_settings(layer)]
        case _:
            lines = [f"{x} = {layer.name}({x_before})", _settings(layer)]
    return tuple(lines)


def _settings(layer: Layer) -> str:
    """What a layer is set to, without its place: `32 filters of size 3×3, same padding, ReLU`."""
    activation = inner_activation(layer)
    inner = [] if activation == "linear" else [ACTIVATION_TITLES[activation]]
    return ", ".join([layer.words(), *inner])


def _weights(layer: Dense | Conv2D) -> list[str]:
    """A line for settings of the weights that are not Keras's defaults."""
    parts = []
    if not layer.use_bias:
        parts.append("no bias")
    if layer.kernel_initializer != "glorot_uniform":
        parts.append(f"weights from {layer.kernel_initializer}")
    if layer.l2:
        parts.append(f"L2 {layer.l2:g}")
    return [", ".join(parts)] if parts else []


@dataclass(frozen=True)
class SettingLine:
    """One setting. `inferred` says why, where the paper leaves the setting out."""

    field: str  # dotted, as in a preset file: `training.optimizer.learning_rate`
    label: str
    value: str
    inferred: str | None = None
    changed: bool = False  # differs from the preset


def settings_lines(
    preset: Preset, training: TrainingSettings | None = None
) -> tuple[SettingLine, ...]:
    """The settings of a preset, or those it is about to be trained with.

    A setting that was changed from the preset's is the user's own and no longer inferred.
    """
    own = dict(_values(preset.training))
    lines = []
    for field, (label, value) in _values(training or preset.training):
        changed = own.get(field) != (label, value)
        covering = [note for note in preset.inferred if note.covers(field) and not changed]
        # The reason of the most particular note.
        notes = sorted(covering, key=lambda note: len(note.setting), reverse=True)
        inferred = notes[0].reason if notes else None
        lines.append(SettingLine(field, label, value, inferred, changed))
    return tuple(lines)


def settings_sentence(training: TrainingSettings) -> str:
    """The settings on one line: `SGD (momentum 0.7) at 0.002, 5 epochs, batches of 60`."""
    epochs = count(training.epochs, "epoch")
    parts = [
        f"{optimizer_text(training.optimizer)} at {training.optimizer.learning_rate:g}",
        epochs,
        f"batches of {training.batch_size:,}",
    ]
    if training.schedule.kind != "constant":
        parts.insert(1, schedule_text(training))
    if training.early_stopping is not None:
        parts.append(f"stopped {early_stopping_text(training.early_stopping)}")
    return ", ".join(parts)


def _values(training: TrainingSettings) -> list[tuple[str, tuple[str, str]]]:
    """(field, (label, value)) of every setting in force, the commonest first."""
    optimizer = training.optimizer
    given = optimizer.model_dump()
    texts = {name: f"{value:g}" for name, value in given.items() if isinstance(value, float)}
    values = [("training.optimizer.kind", ("Optimizer", OPTIMIZER_TITLES[optimizer.kind]))]
    for name, text in texts.items():
        label = name.replace("_", " ").capitalize()
        match name:
            case "momentum":
                text = "none" if text == "0" else text
                text += ", Nesterov" if given.get("nesterov") else ""
            case "beta_1":
                label, text = "Betas", f"{text}, {texts['beta_2']}"
            case "beta_2":
                continue
        values.append((f"training.optimizer.{name}", (label, text)))
    values += [
        ("training.schedule", ("Schedule", schedule_text(training))),
        ("training.epochs", ("Epochs", f"{training.epochs:,}")),
        ("training.batch_size", ("Batch size", f"{training.batch_size:,}")),
    ]
    if training.early_stopping is not None:
        words = early_stopping_text(training.early_stopping)
        values.append(("training.early_stopping", ("Early stopping", words)))
    return values
