"""Sizes are looked at before memory is taken: a few bytes of a model can ask for a constant of any size."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, prod

import onnx
import onnx_ir as ir

from converters.errors import ConversionError, Problem
from converters.onnx import protos

LARGEST = 2**29  # numbers of float32: 2 GiB, and no Caffe reads a file that is larger
BLOB = 2**31 - 1  # numbers: Caffe counts them in an int
LISTED = 2**24  # numbers of a Range, or along an axis: onnx's shape inference lists them at 34 bytes each
MOST = 2 * LARGEST  # of all computed constants together, intermediate ones included


def refuse_long_ranges(proto: onnx.ModelProto) -> None:
    """Raise ConversionError for a Range of constants that is too long: onnx's shape inference lists its numbers."""
    graph = proto.graph
    constants, problems = protos.constants(graph), []
    for node in graph.node:
        if node.op_type == "Range" and len(node.input) == 3 and all(name in constants for name in node.input):
            start, limit, delta = (float(protos.array(constants[name]).item()) for name in node.input)
            steps = (limit - start) / delta if delta else 0
            count = ceil(steps) if isfinite(steps) else steps
            if not count <= LISTED:  # NaN is not
                problems.append(_too_large(node.op_type, node.output[0], count, LISTED))
    if problems:
        raise ConversionError(problems)


def refuse_large_constants(nodes: Sequence[ir.Node]) -> None:
    """Raise ConversionError where nodes that depend on constants alone would give too many numbers."""
    counts = {value: _count(value) for node in nodes for value in node.outputs}
    problems = [
        _too_large(node.op_type, value.name or "", counts[value])
        for node in nodes
        for value in node.outputs
        if counts[value] > LARGEST
    ]
    if not problems and (total := sum(counts.values())) > MOST:
        largest = max(counts, key=lambda value: counts[value])
        problems = [_too_large("constants, the largest of them", largest.name or "", total)]
    if problems:
        raise ConversionError(problems)


def _count(value: ir.Value) -> int:
    shape = value.shape
    return prod(shape.numpy()) if shape is not None and shape.is_static() else 0


def _too_large(op: str, name: str, count: float, most: int = LARGEST) -> Problem:
    return Problem(op, name, f"gives a constant of {count:,} numbers; {most:,} are the most")
