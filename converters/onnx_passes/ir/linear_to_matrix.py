"""Operators that are linear in one input once the others are known -> MatMul with the matrix of that linear map.

onnxruntime says what the matrix is, in one run: its rows are what the operator makes of the unit vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir

from converters.onnx import protos
from converters.onnx.graphs import constant, is_op, static_shape
from converters.onnx_passes.ort import FoldingFailed, evaluate

LARGEST = 2**24  # numbers in a matrix
MOST_INPUTS = 2**12  # whose unit vectors are as many numbers as that
WHOLE = frozenset({"AffineGrid", "DFT", "DeformConv"})  # any output may depend on any input
Array = npt.NDArray[np.float32]


def linear_to_matrix(model: ir.Model) -> None:
    """Replace GridSample at fixed places, AffineGrid, DFT and DeformConv with fixed offsets, in place."""
    for node in list(model.graph):
        if is_op(node, "GridSample", *WHOLE):
            _replace(model, node)


def _replace(model: ir.Model, node: ir.Node) -> None:
    x, y = node.inputs[0], node.outputs[0]
    shape, out = static_shape(x) if x is not None else None, static_shape(y)
    if x is None or not shape or not out or x.dtype != ir.DataType.FLOAT or x.is_initializer():
        return
    if any(value is not None and value.const_value is None for value in node.inputs[1:]):
        return
    planes = node.op_type == "GridSample"
    size = prod(shape[2:]) * prod(out[2:]) * shape[0] if planes else prod(shape) * prod(out)
    if size > LARGEST or (not planes and prod(shape) > MOST_INPUTS):
        return
    rows = (shape[0], shape[1], prod(shape[2:])) if planes else (1, prod(shape))
    try:
        matrix, shift = (_by_channels(model, node, shape), None) if planes else _of_unit_vectors(model, node, shape)
    except FoldingFailed:
        return  # onnxruntime has no kernel of it either
    _multiply(model.graph, node, matrix, shift, rows, out)


def _by_channels(model: ir.Model, node: ir.Node, shape: tuple[int, ...]) -> Array:
    """The matrix of each image, its unit vectors fed as channels: every channel is sampled alike."""
    places = prod(shape[2:])
    one = np.eye(places, dtype=np.float32).reshape(1, places, *shape[2:])
    units = np.repeat(one, shape[0], axis=0)
    return _computed(model, node, [_alone(node)], units).reshape(shape[0], places, -1)


def _of_unit_vectors(model: ir.Model, node: ir.Node, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The matrix, and what zeros give: a Scan runs the operator on zeros, then on every unit vector."""
    count = prod(shape)
    units = np.concatenate([np.zeros((1, count), np.float32), np.eye(count, dtype=np.float32)])
    body = onnx.GraphProto(name="each", node=[_alone(node, "one", "made")])
    body.input.append(protos.value_info("one", onnx.TensorProto.FLOAT, shape))
    body.output.append(onnx.ValueInfoProto(name="made"))
    scan = protos.node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)
    found = _computed(model, node, [scan], units.reshape(-1, *shape)).reshape(count + 1, -1)
    return found[1:] - found[0], found[0]


def _alone(node: ir.Node, x: str = "x", y: str = "y") -> onnx.NodeProto:
    """The node with its first input and its output under other names."""
    made = ir.serde.serialize_node(node)
    made.input[0], made.output[0] = x, y
    return made


def _computed(model: ir.Model, node: ir.Node, nodes: Sequence[onnx.NodeProto], x: Array) -> Array:
    """What nodes make of x; the other inputs of `node` are constants that they may read."""
    graph = onnx.GraphProto(name="linear", node=nodes, output=[onnx.ValueInfoProto(name="y")])
    graph.input.append(protos.value_info_of("x", x))
    for value in node.inputs[1:]:
        if value is not None and value.const_value is not None:
            protos.constant(graph, value.name or "", value.const_value.numpy())
    proto = onnx.ModelProto(graph=graph, ir_version=10)
    for domain, version in model.graph.opset_imports.items():
        proto.opset_import.add(domain=domain, version=version)
    return np.asarray(evaluate(proto, {"x": x})["y"], np.float32)


def _multiply(
    graph: ir.Graph, node: ir.Node, matrix: Array, shift: Array | None, rows: tuple[int, ...], out: tuple[int, ...]
) -> None:
    """Reshape, MatMul, Add where zeros give something, Reshape."""
    y = node.outputs[0]
    notes = dict(node.metadata_props)

    def fixed(name: str, numbers: Sequence[int] | Array) -> ir.Value:
        return constant(graph, f"{y.name}/{name}", numbers)

    def make(kind: str, inputs: list[ir.Value | None], name: str, shape: tuple[int, ...]) -> ir.Node:
        value = ir.Value(name=f"{y.name}/{name}", shape=ir.Shape(shape), type=y.type)
        return ir.node(kind, inputs, outputs=[value], metadata_props=notes)

    product = (*rows[:-1], matrix.shape[-1])
    flat = make("Reshape", [node.inputs[0], fixed("rows", rows)], "flat", rows)
    made = [flat, make("MatMul", [flat.outputs[0], fixed("matrix", matrix)], "product", product)]
    if shift is not None and shift.any():
        made.append(make("Add", [made[-1].outputs[0], fixed("shift", shift)], "shifted", product))
    made.append(make("Reshape", [made[-1].outputs[0], fixed("shape", out)], "shaped", out))
    ir.convenience.replace_nodes_and_values(graph, node, [node], made, [y], made[-1].outputs)
