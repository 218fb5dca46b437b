"""Operators that are linear in one input once the others are known -> MatMul with the matrix of that linear map.

onnxruntime says what the matrix is: its rows are what the operator makes of the unit vectors.
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
from converters.onnx_passes.ort import FoldingFailed, evaluate, responses

LARGEST = 2**24  # numbers in a matrix
MOST_RUNS = 20_000
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
    others = node.inputs[1:]
    if x is None or not shape or not out or x.dtype != ir.DataType.FLOAT or x.is_initializer():
        return
    if any(value is not None and value.const_value is None for value in others):
        return
    planes = node.op_type == "GridSample"
    size = prod(shape[2:]) * prod(out[2:]) * shape[0] if planes else prod(shape) * prod(out)
    if size > LARGEST or (not planes and prod(shape) > MOST_RUNS):
        return
    rows = (shape[0], shape[1], prod(shape[2:])) if planes else (1, prod(shape))
    try:
        if planes:
            _multiply(model.graph, node, _by_channels(model, node, shape), None, rows, out)
        else:
            found = responses(_alone(model, node, shape), "x", shape).astype(np.float32)
            _multiply(model.graph, node, found[1:] - found[0], found[0], rows, out)
    except FoldingFailed:
        return  # onnxruntime has no kernel of it either


def _by_channels(model: ir.Model, node: ir.Node, shape: tuple[int, ...]) -> Array:
    """The matrix of each image, its unit vectors fed as channels: every channel is sampled alike."""
    places = prod(shape[2:])
    one = np.eye(places, dtype=np.float32).reshape(1, places, *shape[2:])
    units = np.repeat(one, shape[0], axis=0)
    found = evaluate(_alone(model, node, units.shape), {"x": units})
    return np.asarray(next(iter(found.values())), np.float32).reshape(shape[0], places, -1)


def _alone(model: ir.Model, node: ir.Node, shape: tuple[int, ...]) -> onnx.ModelProto:
    """The node as a model of its own with input x; its other inputs are constants."""
    made = ir.serde.serialize_node(node)
    made.input[0], made.output[0] = "x", "y"
    graph = onnx.GraphProto(name="linear", node=[made], output=[onnx.ValueInfoProto(name="y")])
    graph.input.append(protos.value_info("x", onnx.TensorProto.FLOAT, shape))
    for value in node.inputs[1:]:
        if value is not None and value.const_value is not None:
            graph.initializer.append(protos.tensor(value.const_value.numpy(), value.name or ""))
    proto = onnx.ModelProto(graph=graph, ir_version=10)
    for domain, version in model.graph.opset_imports.items():
        proto.opset_import.add(domain=domain, version=version)
    return proto


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
