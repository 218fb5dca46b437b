"""Read Slices at constant positions as ranges along axes, for the passes that put them together."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir

from converters.onnx.graphs import ints, is_op, static_shape


def ranges(node: ir.Node) -> Mapping[int, range] | None:
    """The entries that a Slice keeps, by axis, without axes that it keeps whole; None where they are not constant."""
    if not is_op(node, "Slice") or node.inputs[0] is None:
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
