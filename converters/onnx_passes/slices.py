"""Read Slices and Gathers at constant positions as ranges along axes, for the passes that put them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from converters.onnx_passes.spec import static_shape


def ints(value: ir.Value | None) -> list[int] | None:
    """The numbers of a constant, else None."""
    if value is None or value.const_value is None:
        return None
    return [int(number) for number in value.const_value.numpy().reshape(-1)]


def ranges(node: ir.Node) -> Mapping[int, range] | None:
    """The entries that a Slice keeps, by axis, without axes that it keeps whole; None where they are not constant."""
    if node.op_type != "Slice" or node.domain not in ("", "ai.onnx") or node.inputs[0] is None:
        return None
    shape, given = static_shape(node.inputs[0]), [ints(value) for value in node.inputs[1:]]
    unknown = any(v is not None and g is None for v, g in zip(node.inputs[1:], given, strict=True))
    if not shape or unknown or len(given) < 2 or given[0] is None or given[1] is None:
        return None
    starts, ends = given[0], given[1]
    axes = given[2] if len(given) > 2 and given[2] is not None else list(range(len(starts)))
    steps = given[3] if len(given) > 3 and given[3] is not None else [1] * len(starts)
    kept = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape[axis % len(shape)]
        indices = range(*slice(start, end, step).indices(size))
        if indices != range(size):
            kept[axis % len(shape)] = indices
    return kept


def constant(graph: ir.Graph, name: str, numbers: Sequence[int] | np.ndarray) -> ir.Value:
    """Register an initialiser: int64 for a list of ints, else the array as it is."""
    array = np.asarray(numbers) if isinstance(numbers, np.ndarray) else np.asarray(numbers, np.int64)
    tensor = ir.Tensor(array, name=name)
    value = ir.Value(name=name, const_value=tensor, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype))
    graph.register_initializer(value)
    return value
