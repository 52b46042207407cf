"""A Keras model and its optimizer, as a spec describes them."""

from __future__ import annotations

import keras

from workbench.model.hyperparameters import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    Nadam,
    RMSprop,
)
from workbench.model.layers import (
    ActivationLayer,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    LayerNormalization,
    MaxPooling2D,
    SpatialDropout2D,
)
from workbench.model.spec import TrainingSpec


def build_model(spec: TrainingSpec) -> keras.Model:
    """The compiled model: images (batch, H, W, C) to probabilities (batch, classes) float32.

    Loss and metric are those of the paper (Section 2): categorical cross-entropy over one-hot
    labels, and accuracy. All seeds are set from `spec.seed` first, so the same spec gives the
    same initial weights. With bfloat16, weights and the output stay float32 and the layers
    between compute in bfloat16.
    """
    # A user's keras.json may say float16 or channels_first; a result must not hang on it.
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(spec.seed)
    layers = spec.architecture.layers
    first_exact = _output_start(layers)
    model = keras.Sequential(name="classifier")
    model.add(keras.Input(spec.architecture.input_shape, name="image", dtype="float32"))
    for index, layer in enumerate(layers):
        mixed = spec.precision == "bfloat16" and index < first_exact
        policy = keras.DTypePolicy("mixed_bfloat16" if mixed else "float32")
        model.add(_keras_layer(layer, _name(layer, index), policy))
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
    match optimizer:
        case SGD():
            return keras.optimizers.SGD(
                rate, momentum=optimizer.momentum, nesterov=optimizer.nesterov, name="sgd"
            )
        case RMSprop():
            return keras.optimizers.RMSprop(
                rate,
                rho=optimizer.rho,
                momentum=optimizer.momentum,
                epsilon=optimizer.epsilon,
                name="rmsprop",
            )
        case AdamW():
            return keras.optimizers.AdamW(
                rate,
                beta_1=optimizer.beta_1,
                beta_2=optimizer.beta_2,
                epsilon=optimizer.epsilon,
                weight_decay=optimizer.weight_decay,
                name="adamw",
            )
        case Adam() | Nadam():
            make = keras.optimizers.Adam if optimizer.kind == "adam" else keras.optimizers.Nadam
            return make(
                rate,
                beta_1=optimizer.beta_1,
                beta_2=optimizer.beta_2,
                epsilon=optimizer.epsilon,
                name=optimizer.kind,
            )


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


def _output_start(layers: tuple[Layer, ...]) -> int:
    """Where the output begins: the last layer with a kernel, whose values softmax compares.

    Eight bits of a bfloat16 would round away differences between likely classes, and cost
    nothing to avoid in a layer this small.
    """
    kernels = [index for index, layer in enumerate(layers) if isinstance(layer, Dense | Conv2D)]
    return kernels[-1] if kernels else len(layers) - 1


def _name(layer: Layer, index: int) -> str:
    """A name that hangs on the place alone: Keras's own count on from model to model."""
    return f"{layer.kind.lower()}_{index + 1}"


def _keras_layer(layer: Layer, name: str, policy: keras.DTypePolicy) -> keras.layers.Layer:
    match layer:
        case Flatten():
            return keras.layers.Flatten(name=name, dtype=policy)
        case Dense():
            return keras.layers.Dense(
                layer.units,
                activation=layer.activation,
                use_bias=layer.use_bias,
                kernel_initializer=layer.kernel_initializer,
                kernel_regularizer=_regularizer(layer),
                name=name,
                dtype=policy,
            )
        case Conv2D():
            return keras.layers.Conv2D(
                layer.filters,
                layer.kernel_size,
                strides=layer.strides,
                padding=layer.padding,
                dilation_rate=layer.dilation_rate,
                activation=layer.activation,
                use_bias=layer.use_bias,
                kernel_initializer=layer.kernel_initializer,
                kernel_regularizer=_regularizer(layer),
                name=name,
                dtype=policy,
            )
        case MaxPooling2D() | AveragePooling2D():
            largest = isinstance(layer, MaxPooling2D)
            pool = keras.layers.MaxPooling2D if largest else keras.layers.AveragePooling2D
            return pool(
                layer.pool_size,
                strides=layer.steps,
                padding=layer.padding,
                name=name,
                dtype=policy,
            )
        case GlobalAveragePooling2D():
            return keras.layers.GlobalAveragePooling2D(name=name, dtype=policy)
        case Dropout():
            return keras.layers.Dropout(layer.rate, name=name, dtype=policy)
        case SpatialDropout2D():
            return keras.layers.SpatialDropout2D(layer.rate, name=name, dtype=policy)
        case BatchNormalization():
            return keras.layers.BatchNormalization(
                momentum=layer.momentum, epsilon=layer.epsilon, name=name, dtype=policy
            )
        case LayerNormalization():
            return keras.layers.LayerNormalization(epsilon=layer.epsilon, name=name, dtype=policy)
        case ActivationLayer():
            return keras.layers.Activation(layer.activation, name=name, dtype=policy)


def _regularizer(layer: Dense | Conv2D) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(layer.l2) if layer.l2 else None
