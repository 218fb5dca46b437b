"""Activations of one input."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


@lowers("Relu")
def relu(x: Value) -> Blob:
    """Relu -> ReLU."""
    return layers.relu(need_blob(x, "the input"))


@lowers("Softmax")
def softmax(x: Value, *, axis: int = -1) -> Blob:
    """Softmax -> Softmax, the axis counted from the front."""
    x = need_blob(x, "the input")
    return layers.softmax(x, axis % x.rank)


@lowers("Identity", "Dropout")
def identity(x: Value, ratio: Value | None = None, training: Value | None = None, *, seed: int = 0) -> Blob:
    """Nothing at inference."""
    on = training is not None and need_const(training, "training_mode").array.any()
    require(not on, "training_mode: its output is random", "export the model in eval mode")
    return need_blob(x, "the input")
