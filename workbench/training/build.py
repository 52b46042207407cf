"""A Keras model and its optimizer, as a spec describes them."""

from __future__ import annotations

from collections.abc import Callable

import keras

from workbench.model.hyperparameters import (
    OPTIMIZER_TITLES,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
)
from workbench.model.layers import Conv2D, Dense, output_start
from workbench.model.spec import TrainingSpec


def build_model(spec: TrainingSpec) -> keras.Model:
    """The compiled model: images (batch, H, W, C) to probabilities (batch, classes) float32.

    Loss and metric are those of the paper (Section 2): categorical cross-entropy over one-hot
    labels, and accuracy. All seeds are set from `spec.seed` first, so the same spec gives the
    same initial weights. With bfloat16 or float16, weights and the output stay float32 and the
    layers between compute in that.
    """
    # A user's keras.json may say float16 or channels_first; a result must not depend on it.
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(spec.seed)
    layers = spec.architecture.layers
    first_exact = output_start(layers)
    model = keras.Sequential(name="classifier")
    model.add(keras.Input(spec.architecture.input_shape, name="image", dtype="float32"))
    for index, layer in enumerate(layers):
        mixed = spec.precision != "float32" and index < first_exact
        policy = keras.DTypePolicy(f"mixed_{spec.precision}" if mixed else "float32")
        arguments = layer.keras_arguments()
        if isinstance(layer, Dense | Conv2D) and layer.l2:
            arguments["kernel_regularizer"] = keras.regularizers.L2(layer.l2)
        # A name that depends on the place alone: Keras's own count on from model to model.
        arguments |= {"name": f"{layer.kind.lower()}_{index + 1}", "dtype": policy}
        model.add(getattr(keras.layers, layer.kind)(**arguments))
    model.compile(
        optimizer=build_optimizer(spec),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # the loop compiles whole chunks of steps, where that pays
    )
    # Keras skips an optimizer's state, with no more than a warning, when a checkpoint is loaded
    # before the optimizer has its variables.
    model.optimizer.build(model.trainable_variables)
    return model


def build_optimizer(spec: TrainingSpec) -> keras.optimizers.Optimizer:
    """The optimizer with its learning rate, or the schedule of it over the planned steps."""
    rate = _learning_rate(spec)
    optimizer = spec.training.optimizer
    arguments = optimizer.model_dump(exclude={"kind", "learning_rate"})
    make: Callable[..., keras.optimizers.Optimizer]
    make = getattr(keras.optimizers, OPTIMIZER_TITLES[optimizer.kind])
    made = make(rate, **arguments, name=optimizer.kind)
    # In float16 small gradients would vanish: they are computed of a loss that is scaled up.
    return keras.optimizers.LossScaleOptimizer(made) if spec.precision == "float16" else made


def _learning_rate(spec: TrainingSpec) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate at step k, counted from 0 over the whole training."""
    settings = spec.training
    rate = settings.optimizer.learning_rate
    schedules = keras.optimizers.schedules
    match settings.schedule:
        case InverseTimeDecay():
            # rate / (1 + decay · k): what `decay` meant in the Keras of the paper (Table 9).
            return schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=settings.decay_rate)
        case CosineDecay(alpha=alpha):
            steps = settings.epochs * spec.steps_per_epoch
            return schedules.CosineDecay(rate, decay_steps=steps, alpha=alpha)
        case ExponentialDecay(decay_rate=decay_rate):
            return schedules.ExponentialDecay(
                rate, decay_steps=spec.steps_per_epoch, decay_rate=decay_rate
            )
        case _:
            return rate
