"""What follows from the device, with GPUs that are made up: there need be none here."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
import tensorflow as tf

from workbench.training import compiled_steps
from workbench.training.compiled_steps import Gpu, device_text, gpus, suits_xla


@pytest.fixture
def machine(monkeypatch):
    """Sets what TensorFlow tells of the GPUs: their details."""

    def has(*details):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(details))
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: device)
        gpus.cache_clear()

    yield has
    gpus.cache_clear()


def test_without_a_gpu_the_processor_trains(machine):
    machine()
    assert gpus() == () and device_text() == "CPU"


def test_the_first_gpu_trains_and_tells_its_format(machine):
    machine(
        {"device_name": "NVIDIA A100", "compute_capability": (8, 0)},
        {"device_name": "Tesla T4", "compute_capability": (7, 5)},
        {},
    )
    assert device_text() == "GPU NVIDIA A100"
    assert [gpu.half_precision for gpu in gpus()] == ["bfloat16", "float16", ""]
    assert [str(gpu) for gpu in gpus()] == [
        "NVIDIA A100 (compute capability 8.0)",
        "Tesla T4 (compute capability 7.5)",
        "GPU",
    ]


@pytest.mark.parametrize("on_gpu", [True, False])
def test_convolutions_take_xla_on_a_gpu_alone(monkeypatch, on_gpu):
    monkeypatch.setattr(compiled_steps, "gpus", lambda: (Gpu("GPU"),) if on_gpu else ())
    image = keras.Input((8, 8, 1))
    convolutions = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    dense = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    assert suits_xla(convolutions) is on_gpu
    assert suits_xla(dense)
