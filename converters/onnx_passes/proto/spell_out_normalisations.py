"""Spell out normalisations that onnxruntime would take apart itself, in a way that hides what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from converters.errors import ConversionError
from converters.onnx import protos
from converters.onnx_passes.sizes import LISTED


def spell_out_normalisations(proto: onnx.ModelProto) -> None:
    """GroupNormalization -> InstanceNormalization of the groups; MeanVarianceNormalization with its axes, in place."""
    if not any(protos.is_op(node, "GroupNormalization", "MeanVarianceNormalization") for node in proto.graph.node):
        return
    opset = protos.opset(proto) or 0
    nodes: list[onnx.NodeProto] = []
    for node in proto.graph.node:
        if protos.is_op(node, "GroupNormalization") and len(node.input) == 3:
            nodes.extend(_groups(node, proto.graph, per_channel=opset >= 21))
            continue
        if protos.is_op(node, "MeanVarianceNormalization") and not node.attribute:
            node.attribute.append(protos.attribute("axes", [0, 2, 3]))  # shape inference needs them written
        nodes.append(node)
    protos.replace_nodes(proto.graph, nodes)


def _groups(node: onnx.NodeProto, graph: onnx.GraphProto, per_channel: bool) -> Iterator[onnx.NodeProto]:
    """The groups as the channels of a (N, groups, rest) blob; until opset 21 gamma and beta were one number a group."""
    x, gamma, beta = node.input
    y = node.output[0]
    given = protos.attributes(node)
    groups, eps = given.get("num_groups", 1), given.get("epsilon", 1e-5)
    if not 1 <= groups <= LISTED:
        raise ConversionError([protos.problem(node, f"{groups} groups")])

    def constant(name: str, value: npt.NDArray[Any]) -> str:
        return protos.constant(graph, f"{y}/{name}", value)

    def make(kind: str, name: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
        return protos.node(kind, inputs, [name], f"{node.name or y}/{name}", **attributes)

    runs = constant("runs", np.array([0, groups, -1], np.int64))
    yield make("Shape", f"{y}/shape", x)
    yield make("Reshape", f"{y}/grouped", x, runs)
    if not per_channel:
        yield make("InstanceNormalization", f"{y}/normal", f"{y}/grouped", gamma, beta, epsilon=eps)
        yield make("Reshape", y, f"{y}/normal", f"{y}/shape")
        return
    ones, zeros = constant("ones", np.ones(groups, np.float32)), constant("zeros", np.zeros(groups, np.float32))
    front, column = constant("front", np.array([0], np.int64)), constant("column", np.array([-1, 1], np.int64))
    yield make("InstanceNormalization", f"{y}/normal", f"{y}/grouped", ones, zeros, epsilon=eps)
    yield make("Shape", f"{y}/count", gamma)
    yield make("Concat", f"{y}/planes", front, f"{y}/count", constant("rest", np.array([-1], np.int64)), axis=0)
    yield make("Reshape", f"{y}/channels", f"{y}/normal", f"{y}/planes")
    yield make("Reshape", f"{y}/gamma", gamma, column)
    yield make("Reshape", f"{y}/beta", beta, column)
    yield make("Mul", f"{y}/scaled", f"{y}/channels", f"{y}/gamma")
    yield make("Add", f"{y}/shifted", f"{y}/scaled", f"{y}/beta")
    yield make("Reshape", y, f"{y}/shifted", f"{y}/shape")
