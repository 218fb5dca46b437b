"""Operators that compute with integers -> the float ones that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from converters.errors import require
from converters.onnx import protos
from converters.onnx_passes.quantised.grid import Grid
from converters.onnx_passes.quantised.walk import (
    Walk,
    add,
    carried,
    constant,
    emit,
    enter,
    float_name,
    free,
    grid_of,
    in_floats,
    resolved,
)

MICROSOFT = "com.microsoft"
Inputs = Sequence[str]


def operand(walk: Walk, names: Inputs, axis: int | None = None) -> str:
    """The float value of an operand, an activation or a constant, from its integers, scale and zero point."""
    integers, scale, zero = names
    if integers in walk.fed:
        return carried(walk, integers, lambda: grid_of(walk, scale, zero))
    return in_floats(walk, integers, [scale], zero, axis)


def finish(walk: Walk, node: onnx.NodeProto, kind: str, inputs: list[str], ends: Inputs, **more: object) -> None:
    """Append the float operator. `ends` are the scale and zero point of its integers; without them it gives floats."""
    (output,) = node.output
    scale, zero = (*ends, "", "")[:2]
    if not scale:
        emit(walk, kind, inputs, output, node, **more)
        return
    grid = grid_of(walk, scale, zero)
    enter(walk, emit(walk, kind, inputs, float_name(walk, output), node, **more), output, grid, fresh=True)


def conv(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """QLinearConv."""
    value = operand(walk, x[:3])
    bias = [in_floats(walk, x[8], [x[1], x[4]], "")] if len(x) > 8 and x[8] else []
    finish(walk, node, "Conv", [value, in_floats(walk, x[3], [x[4]], x[5], 0), *bias], x[6:8])


def matmul(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """QLinearMatMul."""
    finish(walk, node, "MatMul", [operand(walk, x[:3]), operand(walk, x[3:6])], x[6:8])


def gemm(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """QGemm: its bias is of whole numbers times alpha and both scales."""
    given = protos.attributes(node)
    bias = []
    if len(x) > 6 and x[6]:
        bias = [in_floats(walk, x[6], [x[1], x[4]], "")]
        if given.get("alpha", 1.0) != 1.0:
            alpha = constant(walk, f"{bias[0]}/alpha", np.float32(given["alpha"]))
            bias = [emit(walk, "Mul", [*bias, alpha], free(walk, f"{bias[0]}/times_alpha"))]
    weights = operand(walk, x[3:6], axis=0 if given.get("transB", 0) else None)
    finish(walk, node, "Gemm", [operand(walk, x[:3]), weights, *bias], x[7:9])


def two(kind: str) -> Callable[[Walk, onnx.NodeProto, Inputs], None]:
    """QLinearAdd and QLinearMul."""
    return lambda walk, node, x: finish(walk, node, kind, [operand(walk, x[:3]), operand(walk, x[3:6])], x[6:8])


def one(kind: str) -> Callable[[Walk, onnx.NodeProto, Inputs], None]:
    """Operators of one operand."""
    return lambda walk, node, x: finish(walk, node, kind, [operand(walk, x[:3])], x[3:5])


def softmax(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """QLinearSoftmax says itself of which opset it is."""
    given = protos.attributes(node)
    old = given.get("opset", 13) < 13
    require(old == ((protos.opset(walk.proto) or 0) < 13), "a Softmax of another opset than the model's")
    node = _without(node, "opset", "axis")
    finish(walk, node, "Softmax", [operand(walk, x[:3])], x[3:5], axis=given.get("axis", 1 if old else -1))


def concat(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """QLinearConcat: its output's grid comes first."""
    parts = [operand(walk, x[at : at + 3]) for at in range(2, len(x), 3)]
    finish(walk, node, "Concat", parts, x[:2])


def integer_product(kind: str) -> Callable[[Walk, onnx.NodeProto, Inputs], None]:
    """ConvInteger and MatMulInteger of what DynamicQuantizeLinear made; their sums are floats now."""

    def lower(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
        require(walk.grids.get(x[0], 0) is None, "sums of integers outside of the patterns that are known")
        weights = in_floats(walk, x[1], [], x[3] if len(x) > 3 else "", 0 if kind == "Conv" else None)
        emit(walk, kind, [walk.real[x[0]], weights], node.output[0], node)

    return lower


def dynamic(walk: Walk, node: onnx.NodeProto, x: Inputs) -> None:
    """DynamicQuantizeLinear: the grid is chosen anew for each input, so nothing is cut off. Floats have scale 1."""
    integers, scale, zero = node.output
    walk.real[integers], walk.grids[integers] = resolved(walk, x[0]), None
    walk.fed.add(integers)
    walk.pairs += 1
    for name, number in ((scale, np.float32(1)), (zero, np.uint8(0))):
        walk.constants[name] = protos.tensor(np.asarray(number), name)
        walk.proto.graph.initializer.append(walk.constants[name])


def _without(node: onnx.NodeProto, *names: str) -> onnx.NodeProto:
    copy: onnx.NodeProto = onnx.NodeProto.FromString(node.SerializeToString())
    kept = [item for item in copy.attribute if item.name not in names]
    del copy.attribute[:]
    copy.attribute.extend(kept)
    return copy


def channels_first(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node without `channels_last`, which onnxruntime's own layouts set."""
    require(not protos.attributes(node).get("channels_last", 0), "its channels come last")
    return _without(node, "channels_last")


OPERATORS: dict[str, Callable[[Walk, onnx.NodeProto, Inputs], None]] = {
    "QLinearConv": conv,
    "QLinearMatMul": matmul,
    "QGemm": gemm,
    "QLinearAdd": two("Add"),
    "QLinearMul": two("Mul"),
    "QLinearSigmoid": one("Sigmoid"),
    "QLinearLeakyRelu": one("LeakyRelu"),
    "QLinearAveragePool": one("AveragePool"),
    "QLinearGlobalAveragePool": one("GlobalAveragePool"),
    "QLinearReduceMean": one("ReduceMean"),
    "QLinearSoftmax": softmax,
    "QLinearConcat": concat,
    "DynamicQuantizeLinear": dynamic,
    "ConvInteger": integer_product("Conv"),
    "MatMulInteger": integer_product("MatMul"),
}
# Operators that only move numbers, or choose the largest: they do to floats what they do to integers.
MOVING = frozenset(
    (
        *("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Expand", "Tile"),
        *("DepthToSpace", "SpaceToDepth", "Identity", "MaxPool", "Concat", "Resize", "Pad"),
    )
)


def move(walk: Walk, node: onnx.NodeProto) -> None:
    """An operator of `MOVING` that reads integers."""
    mode = protos.attributes(node).get("mode", b"nearest")
    require(node.op_type != "Resize" or mode == b"nearest", "interpolates between integers")
    require(node.op_type != "Pad" or protos.attributes(node).get("mode", b"constant") != b"constant", "pads integers")
    data = [name for name in node.input if name in walk.real]
    grids: list[Grid | None] = [walk.grids[name] for name in data]
    first = grids[0]
    require(first is not None, "moves integers whose grid is chosen as it runs")
    assert first is not None
    require(all(grid is not None and grid.agrees(first) for grid in grids), "joins integers of several scales")
    kept = [name for name in node.input if name in walk.fed and name not in data]
    require(node.op_type != "Concat" or len(data) == len(node.input) - len(kept), "joins integers and constants")
    copy = onnx.NodeProto.FromString(node.SerializeToString())
    copy.input[:] = [walk.real.get(name, resolved(walk, name)) for name in node.input]
    copy.output[:] = [name and float_name(walk, name) for name in node.output]
    add(walk, copy)
    for name, made in zip(node.output, copy.output, strict=True):
        if name:
            walk.real[name], walk.grids[name] = made, first
            walk.fed.add(name)
            walk.ranges.setdefault(made, first)
