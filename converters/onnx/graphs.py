"""Small builders for onnx_ir's graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir


def value_of(name: str, tensor: ir.Tensor[Any]) -> ir.Value:
    """A value that holds this tensor, with its shape and type; it is not part of a graph yet."""
    return ir.Value(name=name, const_value=tensor, shape=tensor.shape, type=ir.TensorType(tensor.dtype))


def constant(graph: ir.Graph, name: str, numbers: Sequence[int] | npt.NDArray[Any]) -> ir.Value:
    """Register an initialiser and return it: int64 for a list of ints, else the array as it is."""
    array = numbers if isinstance(numbers, np.ndarray) else np.asarray(numbers, np.int64)
    value = value_of(name, ir.Tensor(array, name=name))
    graph.register_initializer(value)
    return value


def put_back(graph: ir.Graph, weights: Mapping[str | None, ir.TensorProtocol]) -> None:
    """Turn the inputs that stand for weights (see `protos.keep_as_input`) back into initialisers."""
    for value in list(graph.inputs):
        if value.name in weights:
            graph.inputs.remove(value)
            value.const_value = weights[value.name]
            graph.register_initializer(value)
