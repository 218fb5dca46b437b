"""What onnx_ir's graphs are read and built with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from converters.errors import Problem
from converters.onnx.notes import SOURCE
from converters.onnx.protos import STANDARD


def is_op(node: ir.Node, *kinds: str) -> bool:
    """Whether a node is one of these operators of ONNX's own; without `kinds`, any of them."""
    return node.domain in STANDARD and (not kinds or node.op_type in kinds)


def problem(node: ir.Node, reason: str, hint: str = "") -> Problem:
    """A blocker at a node, with the source line that the exporter stored."""
    name = node.name or node.outputs[0].name or ""
    return Problem(node.op_type, name, reason, hint, node.metadata_props.get(SOURCE, ""))


def static_shape(value: ir.Value) -> tuple[int, ...] | None:
    """The shape of a value where every dimension is a number, else None."""
    if value.shape is None or not all(isinstance(dim, int) for dim in value.shape):
        return None
    return tuple(int(dim) for dim in value.shape)  # type: ignore[arg-type]


def ints(value: ir.Value | None) -> list[int] | None:
    """The numbers of a constant, flat; None for a value that is computed or left out."""
    if value is None or value.const_value is None:
        return None
    return [int(number) for number in value.const_value.numpy().reshape(-1)]


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
