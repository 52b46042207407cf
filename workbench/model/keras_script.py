"""A training as a Keras script that needs nothing of this program.

The script is meant to be read: layers in order with their output shapes, plain
`model.compile` and `model.fit`. It repeats the experiment, not its random numbers: `fit` draws
the order of the images in its own way, so results agree within the spread between seeds.
"""

from __future__ import annotations

import json

from workbench.errors import PresetError
from workbench.model.architecture import require_sound
from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    SGD,
    Constant,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    ReduceOnPlateau,
    TrainingSettings,
)
from workbench.model.layers import Conv2D, Dense, Layer, output_start, shape_text
from workbench.model.spec import TrainingSpec

LINE_LENGTH = 88  # what black and ruff format to unless told otherwise

_PLATEAU = ("factor", "patience", "min_delta")

Call = tuple[str, list[str]]  # the callable and its arguments


def keras_script(spec: TrainingSpec, *, asks_for_data: bool = False) -> str:
    """The script's text, formatted as black and ruff would.

    With `asks_for_data` the spec's data set is left out, and the script wants a file named.

    Raises:
        PresetError: the model is impossible, or the data set no name that Keras could have.
    """
    before = [*_head(spec, asks_for_data), *_data(spec, asks_for_data)]
    return "\n".join([*before, *_model(spec), *_training(spec)]) + "\n"


def _head(spec: TrainingSpec, asks_for_data: bool) -> list[str]:
    data = spec.dataset
    words = spec.title.replace("\\", "/").replace('"', "'").split()
    title = "".join(sign for sign in " ".join(words) if sign.isprintable()) or spec.preset
    if data.path is None and not data.name.isidentifier():
        raise PresetError(f'data set "{data.name}": Keras has none of this name; name an .npz file')
    with_l2 = any(
        isinstance(layer, Dense | Conv2D) and layer.l2 for layer in spec.architecture.layers
    )
    usage = ["Usage: python THIS_FILE [DATA.npz]", ""]
    contents = "DATA.npz holds x_train, y_train, x_test and y_test."
    if asks_for_data:
        usage = ["Usage: python THIS_FILE DATA.npz", "", contents]
    elif data.path is None:
        usage += [f"{contents} Without it the data are", f"Keras's {data.name}, downloaded once."]
    else:
        usage += [f"{contents} Without it the data are", "those of DATA_FILE."]
    lines = [
        f'"""{title}',
        "",
        *usage,
        '"""',
        "",
        "import os",
        "import sys",
        "",
        'os.environ["KERAS_BACKEND"] = "tensorflow"  # must be set before Keras is imported',
        "",
        "import keras",
        "import numpy as np",
        f"from keras import layers{', regularizers' if with_l2 else ''}",
        "",
    ]
    if data.path is not None:
        line = f"DATA_FILE = {json.dumps(data.path)}"
        lines.append(line if len(line) <= LINE_LENGTH else f"{line}  # noqa: E501")
    lines += [
        f"INPUT_SHAPE = {spec.architecture.input_shape!r}",
        f"CLASSES = {spec.architecture.classes}",
        f"EPOCHS = {spec.training.epochs}",
        f"BATCH_SIZE = {spec.training.batch_size}",
        f"LEARNING_RATE = {spec.training.optimizer.learning_rate!r}",
        f"SEED = {spec.seed}",
    ]
    if data.train_limit is not None:
        lines.append(f"TRAIN_LIMIT = {data.train_limit}  # the first images of the training set")
    lines += ["", "keras.utils.set_random_seed(SEED)"]
    if spec.precision != "float32":
        lines.append(f'keras.config.set_dtype_policy("mixed_{spec.precision}")')
    return [*lines, "", ""]


def _data(spec: TrainingSpec, asks_for_data: bool) -> list[str]:
    data = spec.dataset
    source = "path" if data.path is not None and not asks_for_data else "sys.argv[1]"
    body = [
        f"    with np.load({source}, allow_pickle=False) as data:",
        '        return [data[name] for name in ("x_train", "y_train", "x_test", "y_test")]',
    ]
    if asks_for_data:
        usage = '        sys.exit("usage: python THIS_FILE DATA.npz")'
        body = ["    if len(sys.argv) < 2:", usage, *body]
    elif data.path is None:
        body = [
            "    if len(sys.argv) > 1:",
            *(f"    {line}" for line in body),
            f"    (x_train, y_train), (x_test, y_test) = keras.datasets.{data.name}.load_data()",
            "    return x_train, y_train, x_test, y_test",
        ]
    else:
        body = ["    path = sys.argv[1] if len(sys.argv) > 1 else DATA_FILE", *body]
    brightest = "255 if max(x_train.max(), x_test.max()) > 1 else 1"
    if data.max_pixel is not None:
        brightest = f"{data.max_pixel:g}"
    lines = [
        "def load():",
        '    """Images and labels as they are stored."""',
        *body,
        "",
        "",
        "def prepare(x, y, brightest):",
        '    """Pixels from 0 to 1 with an axis for channels; labels one-hot."""',
        '    x = x.reshape(-1, *INPUT_SHAPE).astype("float32") / brightest',
        "    if y.shape[1:] != (CLASSES,):",
        "        y = keras.utils.to_categorical(y, CLASSES)",
        "    return x, y",
        "",
        "",
        "x_train, y_train, x_test, y_test = load()",
        f"brightest = {brightest}",
    ]
    if data.train_limit is not None:
        lines.append("x_train, y_train = x_train[:TRAIN_LIMIT], y_train[:TRAIN_LIMIT]")
    own = []
    if data.validation is not None and data.validation.own:
        path = "sys.argv[1]" if asks_for_data else "sys.argv[1] if len(sys.argv) > 1 else DATA_FILE"
        own = [
            f"with np.load({path}) as data:",
            '    x_val, y_val = prepare(data["x_val"], data["y_val"], brightest)',
        ]
    return [
        *lines,
        "x_train, y_train = prepare(x_train, y_train, brightest)",
        "x_test, y_test = prepare(x_test, y_test, brightest)",
        *own,
        "",
    ]


def _model(spec: TrainingSpec) -> list[str]:
    facts = require_sound(spec.architecture).layers
    exact = output_start(spec.architecture.layers)
    lines = ["model = keras.Sequential(", "    [", "        keras.Input(INPUT_SHAPE),"]
    for place in facts:
        name, arguments = layer_call(place.layer)
        if spec.precision != "float32" and place.index > exact:
            arguments = [*arguments, 'dtype="float32"']
        comment = f",  # {shape_text(place.output_shape).replace('×', ' x ')}"
        lines += written((name, arguments), "        ", comment)
    return [*lines, "    ]", ")", ""]


def _training(spec: TrainingSpec) -> list[str]:
    training = spec.training
    rate, schedule = _learning_rate(training)
    name = OPTIMIZER_TITLES[training.optimizer.kind]
    # Of SGD only what makes it another than plain SGD.
    values = training.optimizer.model_dump(
        exclude={"kind", "learning_rate"}, exclude_defaults=isinstance(training.optimizer, SGD)
    )
    arguments = [f"learning_rate={rate}", *(f"{key}={value!r}" for key, value in values.items())]
    # XLA makes Dense layers faster on a CPU and convolutions slower.
    dense_only = not any(isinstance(layer, Conv2D) for layer in spec.architecture.layers)
    xla = dense_only if spec.xla is None else spec.xla
    # What `fit` looks at after each epoch: images held out, the file's own, or the test's.
    data = spec.dataset
    if data.validation is not None and not data.validation.own:
        share = data.held_out / data.read_images
        monitored = f"    validation_split={share:.6g},  # the last ones"
    else:
        role = "test" if data.validation is None else "val"
        monitored = f"    validation_data=(x_{role}, y_{role}),"
    return [
        *schedule,
        *_callbacks(training),
        *written((f"optimizer = keras.optimizers.{name}", arguments)),
        "model.compile(",
        "    optimizer=optimizer,",
        '    loss="categorical_crossentropy",',
        '    metrics=["accuracy"],',
        f"    jit_compile={xla},",
        ")",
        "model.fit(",
        "    x_train,",
        "    y_train,",
        "    batch_size=BATCH_SIZE,",
        "    epochs=EPOCHS,",
        monitored,
        *(["    callbacks=callbacks,"] if training.goes_by_validation else []),
        "    verbose=2,",
        ")",
        "",
        "loss, accuracy = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)",
        'print(f"parameters: {model.count_params()}")',
        'print(f"test loss: {loss:.4f}")',
        'print(f"test accuracy: {accuracy:.4f}")',
    ]


def _callbacks(training: TrainingSettings) -> list[str]:
    """What goes by the validation loss."""
    calls: list[Call] = []
    early, schedule = training.early_stopping, training.schedule
    if early is not None:
        arguments = [f"patience={early.patience}", f"min_delta={early.min_delta!r}"]
        calls.append(("keras.callbacks.EarlyStopping", [*arguments, "restore_best_weights=True"]))
    if isinstance(schedule, ReduceOnPlateau):
        arguments = [f"{name}={getattr(schedule, name)!r}" for name in _PLATEAU]
        calls.append(("keras.callbacks.ReduceLROnPlateau", arguments))
    if not calls:
        return []
    return ["callbacks = [", *(line for call in calls for line in written(call, "    ", ",")), "]"]


def _learning_rate(training: TrainingSettings) -> tuple[str, list[str]]:
    """The optimizer's learning rate, and the lines of the schedule that must stand before it."""
    schedule = training.schedule
    epoch = ["steps_per_epoch = -(-len(x_train) // BATCH_SIZE)"]
    match schedule:
        case Constant() | ReduceOnPlateau():
            return "LEARNING_RATE", []
        case InverseTimeDecay(decay_rate=given):
            decay = "LEARNING_RATE / EPOCHS" if given is None else repr(given)
            name, arguments = "InverseTimeDecay", ["decay_steps=1", f"decay_rate={decay}"]
            before = ["# LEARNING_RATE / (1 + decay_rate * step)"]
        case CosineDecay():
            name, arguments = "CosineDecay", ["decay_steps=EPOCHS * steps_per_epoch"]
            arguments += [f"alpha={schedule.alpha!r}"] if schedule.alpha else []
            before = epoch
        case ExponentialDecay():
            name = "ExponentialDecay"
            arguments = ["decay_steps=steps_per_epoch", f"decay_rate={schedule.decay_rate!r}"]
            before = epoch
    call = f"schedule = keras.optimizers.schedules.{name}"
    return "schedule", [*before, *written((call, ["LEARNING_RATE", *arguments]))]


def layer_call(layer: Layer) -> Call:
    """The layer's constructor and its arguments; what is as in Keras is left out."""
    fields = type(layer).model_fields
    arguments = []
    for name, value in layer.keras_arguments().items():
        text = json.dumps(value) if isinstance(value, str) else repr(value)  # as black writes it
        if fields[name].is_required() or name in layer.by_place:
            arguments.append(text)
        elif value != fields[name].default:
            arguments.append(f"{name}={text}")
    if isinstance(layer, Dense | Conv2D) and layer.l2:
        arguments.append(f"kernel_regularizer=regularizers.L2({layer.l2!r})")
    return f"layers.{layer.kind}", arguments


def written(call: Call, indent: str = "", ending: str = "") -> list[str]:
    """The call as lines: one where it fits, else one an argument, as black writes it.

    `ending` follows the closing parenthesis: a comma, a comment.
    """
    name, arguments = call
    line = f"{indent}{name}({', '.join(arguments)}){ending}"
    if len(line) <= LINE_LENGTH:
        return [line]
    return [
        f"{indent}{name}(",
        *(f"{indent}    {argument}," for argument in arguments),
        f"{indent}){ending}",
    ]
