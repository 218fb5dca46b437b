"""The few moves on an onnx_ir graph that the rewrites share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir


def nodes(model: ir.Model, *op_types: str) -> list[ir.Node]:
    """The nodes of these types as a list, so that a rewrite may remove what it visits."""
    return [node for node in model.graph if node.op_type in op_types and node.domain == ""]


def operand(node: ir.Node, position: int) -> ir.Value:
    """An input that the operator can't do without."""
    value = node.inputs[position]
    assert value is not None
    return value


def optional(node: ir.Node, position: int) -> ir.Value | None:
    """An input that may be absent, in either of ONNX's two ways."""
    return node.inputs[position] if position < len(node.inputs) else None


def constant(value: ir.Value | None) -> np.ndarray | None:
    """The array behind an initialiser or a Constant node; None for anything computed."""
    tensor = ir.convenience.get_const_tensor(value) if value is not None else None
    return tensor.numpy() if tensor is not None else None


def array(value: ir.Value) -> np.ndarray:
    """The array behind a value that is known to be constant."""
    found = constant(value)
    assert found is not None
    return found


def dims(value: ir.Value) -> tuple[int | str, ...] | None:
    """The shape as numbers and, for open dimensions, symbols."""
    return None if value.shape is None else tuple(dim if isinstance(dim, int) else str(dim) for dim in value.shape)


def set_initializer(model: ir.Model, name: str, values: np.ndarray) -> ir.Value:
    """An initialiser of this name, in place of the one that may have had it."""
    model.graph.initializers.pop(name, None)
    value = ir.Value(name=name, const_value=ir.tensor(values, name=name))
    value.shape, value.dtype = ir.Shape(values.shape), ir.DataType.from_numpy(values.dtype)
    model.graph.register_initializer(value)
    return value


def new_constant(model: ir.Model, user: ir.Node, values: Iterable[int] | np.ndarray) -> ir.Value:
    """An initialiser for `user` (integers become int64) under a provisional name."""
    taken = model.graph.initializers
    wishes = (f"{user.outputs[0].name}.constant{count}" for count in range(len(taken) + 1))
    name = next(wish for wish in wishes if wish not in taken)
    return set_initializer(model, name, values if isinstance(values, np.ndarray) else np.array([*values], np.int64))


def replace(model: ir.Model, old: ir.Node, *new: ir.Node) -> None:
    """Put a chain of nodes in the place of one with a single output; the last gives that output's shape and type."""
    result, before = new[-1].outputs[0], old.outputs[0]
    result.shape, result.type = before.shape, before.type
    ir.convenience.replace_nodes_and_values(model.graph, old, [old], new, old.outputs, new[-1].outputs)


def bypass(model: ir.Model, node: ir.Node) -> None:
    """Remove a node that gives its first input back."""
    ir.convenience.replace_all_uses_with(node.outputs[0], operand(node, 0), replace_graph_outputs=True)
    model.graph.remove(node, safe=True)
