"""Small rewrites that undo what torch's exporter leaves behind; each changes how a thing is said, not its value."""

from __future__ import annotations

import re

import numpy as np
import onnx_ir as ir

from toolkit.export.graph import bypass, constant, dims, new_constant, nodes, operand, optional, replace

TO_THE_END = np.iinfo(np.int64).max


def sequences_to_split(model: ir.Model) -> None:
    """SplitToSequence and SequenceAt -> one Split with explicit sizes.

    torch writes every chunk and split as a sequence of tensors, which few runtimes and no Caffe converter reads.
    """
    for node in nodes(model, "SplitToSequence"):
        sizes = _split_sizes(node)
        takers = list(node.outputs[0].consumers())
        picks = [constant(taker.inputs[1]) for taker in takers if taker.op_type == "SequenceAt"]
        indices = [int(pick) for pick in picks if pick is not None]
        if sizes is None or len(indices) != len(takers):
            continue
        split = _split(model, node, sizes)
        model.graph.insert_before(node, split)
        for taker, index in zip(takers, indices, strict=True):
            ir.convenience.replace_all_uses_with(taker.outputs[0], split.outputs[index], replace_graph_outputs=True)
        model.graph.remove([*takers, node], safe=True)


def _split_sizes(node: ir.Node) -> list[int] | None:
    shape, sizes = dims(operand(node, 0)), constant(optional(node, 1))
    total = shape[node.attributes.get_int("axis", 0)] if shape is not None else None
    if sizes is None or not isinstance(total, int):
        return None
    if sizes.ndim:
        return [int(size) for size in sizes]
    chunk = int(sizes)
    return [min(chunk, total - start) for start in range(0, total, chunk)]


def _split(model: ir.Model, node: ir.Node, sizes: list[int]) -> ir.Node:
    source, axis = operand(node, 0), node.attributes.get_int("axis", 0)
    inputs = [source, new_constant(model, node, sizes)]
    split = ir.node("Split", inputs, {"axis": axis}, num_outputs=len(sizes), metadata_props=node.metadata_props)
    for value, size in zip(split.outputs, sizes, strict=True):
        shape = [*(dims(source) or ())]
        shape[axis] = size
        value.shape, value.type = ir.Shape(shape), source.type
    return split


def drop_zero_biases(model: ir.Model, parameters: frozenset[str]) -> None:
    """Conv with a zero bias that is not a parameter of the model -> Conv without bias, as the module has it."""
    for node in nodes(model, "Conv", "ConvTranspose"):
        bias = optional(node, 2)
        values = constant(bias)
        if bias is not None and values is not None and bias.name not in parameters and not values.any():
            node.resize_inputs(2)


def freeze_reshapes(model: ir.Model) -> None:
    """Reshape by computed sizes -> Reshape by a constant, -1 for the batch; torch computes them from Shape."""
    for node in nodes(model, "Reshape"):
        shape = dims(node.outputs[0])
        sizes = [dim if isinstance(dim, int) else -1 for dim in shape] if shape is not None else [0]
        if sizes.count(-1) > 1 or 0 in sizes:
            continue
        if constant(node.inputs[1]) is None:
            node.replace_input_with(1, new_constant(model, node, sizes))
        node.attributes.pop("allowzero", None)  # it only matters for sizes of 0


def reshapes_to_flatten(model: ir.Model) -> None:
    """Reshape that keeps dimension 0 and joins the others -> Flatten, which holds for any batch."""
    for node in nodes(model, "Reshape"):
        before, after = dims(operand(node, 0)), dims(node.outputs[0])
        if before is None or after is None or len(after) != 2 or len(before) < 2 or before[0] != after[0]:
            continue
        replace(model, node, ir.node("Flatten", [node.inputs[0]], {"axis": 1}, metadata_props=node.metadata_props))


def means_to_global_pools(model: ir.Model) -> None:
    """ReduceMean over height and width, dimensions kept -> GlobalAveragePool, as the module had it."""
    for node in nodes(model, "ReduceMean"):
        shape, axes = dims(operand(node, 0)), constant(optional(node, 1))
        if shape is None or len(shape) != 4 or axes is None or not node.attributes.get_int("keepdims", 1):
            continue
        if {int(axis) % 4 for axis in axes} == {2, 3}:
            replace(model, node, ir.node("GlobalAveragePool", [node.inputs[0]], metadata_props=node.metadata_props))


def drop_whole_slices(model: ir.Model) -> None:
    """Slice of everything, from 0 to the end in steps of 1 -> nothing; torch writes one for each `:` of an index."""
    for node in nodes(model, "Slice"):
        starts, ends, steps = (constant(optional(node, position)) for position in (1, 2, 4))
        if starts is None or ends is None or (steps is None and optional(node, 4) is not None):
            continue
        if not starts.any() and (ends == TO_THE_END).all() and (steps is None or (steps == 1).all()):
            bypass(model, node)


def name_batch(model: ir.Model) -> None:
    """torch's symbol of the open dimension (`s77`) -> `batch`, in every shape."""
    first = [shape[0] for value in model.graph.inputs if (shape := dims(value))]
    symbol = next((dim for dim in first if isinstance(dim, str)), None)
    if symbol is None:
        return
    pattern = re.compile(rf"\b{re.escape(symbol)}\b")
    for value in (*model.graph.inputs, *(value for node in model.graph for value in node.outputs)):
        if (shape := dims(value)) is not None:
            value.shape = ir.Shape([pattern.sub("batch", dim) if isinstance(dim, str) else dim for dim in shape])
