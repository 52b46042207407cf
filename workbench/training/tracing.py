"""Tracing Python functions into TensorFlow's graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def traced(function: Callable[..., Any], **options: Any) -> Any:
    """`tf.function` without AutoGraph: control flow on tensors is written as operations.

    AutoGraph would rewrite each function and import the result from a file in the temporary
    folder, which outlives a process that is killed.
    """
    return tf.function(function, autograph=False, **options)
