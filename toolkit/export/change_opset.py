"""Opset 18, which torch writes, -> any opset from 11 to 23.

Upwards onnx's own converter is complete. Downwards it lacks Split, BatchNormalization and more, so the few operators
whose form changed are rewritten here; one that has no older form is refused by name. 11 is the floor because Clip, Pad
and Resize were something else before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnx_ir as ir

from converters.errors import ConversionError, Problem, Unsupported, require
from converters.onnx.notes import SOURCE
from toolkit.export.graph import constant, dims, new_constant, operand, optional, replace
from toolkit.export.opsets import NATIVE_OPSET

Rewrite = Callable[[ir.Model, ir.Node], None]

# Newer versions of these only accept more types, or change what they do in training.
_SAME_SINCE_11 = frozenset(  # as a list literal it would take a page
    """
    Abs Add ArgMax ArgMin BatchNormalization Cast Ceil Clip Concat DepthToSpace Div Equal Erf Exp Expand Flatten Floor
    Gather GatherElements GatherND Gemm Greater Identity LRN LeakyRelu Less Log LpPool MatMul Max MaxPool Mean Min Mod
    Mul Neg NonZero PRelu Pow Reciprocal Relu Reshape Shape Sigmoid Sign Size Slice SpaceToDepth Sqrt Sub Sum Tanh Tile
    Transpose Where
    """.split()  # noqa: SIM905
)


def convert(model: ir.Model, opset: int) -> ir.Model:
    """`model` (opset 18, consumed) in another opset, metadata kept, with the oldest file version that has the opset."""
    if opset < NATIVE_OPSET:
        _downgrade(model, opset)
    elif opset > NATIVE_OPSET:
        model = _upgrade(model, opset)
    model.ir_version = onnx.helper.OP_SET_ID_VERSION_MAP["ai.onnx", opset]
    return model


def _downgrade(model: ir.Model, opset: int) -> None:
    problems = []
    for node in list(model.graph):
        try:
            _downgrade_node(model, node, opset)
        except Unsupported as error:
            source = node.metadata_props.get(SOURCE, "")
            problems.append(Problem(node.op_type, node.name or "", error.reason, error.hint, source))
    if problems:
        raise ConversionError(problems)
    model.opset_imports[""] = opset


def _downgrade_node(model: ir.Model, node: ir.Node, opset: int) -> None:
    schema = onnx.defs.get_schema(node.op_type, NATIVE_OPSET)
    since, hint = schema.since_version, f"export with opset {schema.since_version} or newer"
    if since <= opset:
        return
    changed, rewrite = _REWRITES.get(node.op_type, (0, None))
    require(changed or node.op_type in _SAME_SINCE_11, f"its form of opset {since} has no equal in opset {opset}", hint)
    if onnx.defs.has(node.op_type, opset):
        _drop_new_attributes(node, schema, onnx.defs.get_schema(node.op_type, opset), hint)
    if rewrite is not None and opset < changed:
        rewrite(model, node)


def _drop_new_attributes(node: ir.Node, new: onnx.defs.OpSchema, old: onnx.defs.OpSchema, hint: str) -> None:
    """An attribute that the older operator lacks may go if it says what the older operator does anyway."""
    for name in [name for name in node.attributes if name not in old.attributes]:
        value, default = node.attributes[name].value, new.attributes[name].default_value
        harmless = value == onnx.helper.get_attribute_value(default) or value == default.s.decode()
        require(harmless, f"{name}={value} is newer than that", hint)
        del node.attributes[name]


def _axes_to_attribute(model: ir.Model, node: ir.Node) -> None:
    _input_to_attribute(node, "axes")


def _split_to_attribute(model: ir.Model, node: ir.Node) -> None:
    _input_to_attribute(node, "split")


def _input_to_attribute(node: ir.Node, name: str) -> None:
    if (source := optional(node, 1)) is None:
        return
    values = constant(source)
    if values is None:
        raise Unsupported(f"its {name} are computed, and older opsets want constants")
    node.resize_inputs(1)
    node.attributes[name] = ir.AttrInt64s(name, [int(value) for value in values.reshape(-1)])


def _softmax_on_last_axis(model: ir.Model, node: ir.Node) -> None:
    """Before 13, Softmax took all dimensions from `axis` on as one; on the last axis both mean the same."""
    rank = len(dims(operand(node, 0)) or ())
    require(rank, "its rank is unknown, and older opsets count dimensions differently")
    axis = node.attributes.get_int("axis", -1) % rank
    if axis == rank - 1:
        node.attributes["axis"] = ir.AttrInt64("axis", axis)
        return
    swap = list(range(rank))
    swap[axis], swap[-1] = swap[-1], swap[axis]
    there = ir.node("Transpose", [node.inputs[0]], {"perm": swap}, metadata_props=node.metadata_props)
    softmax = ir.node(node.op_type, there.outputs, {"axis": rank - 1}, metadata_props=node.metadata_props)
    back = ir.node("Transpose", softmax.outputs, {"perm": swap}, metadata_props=node.metadata_props)
    replace(model, node, there, softmax, back)


def _hardswish(model: ir.Model, node: ir.Node) -> None:
    gate = ir.node("HardSigmoid", node.inputs, {"alpha": 1 / 6, "beta": 0.5}, metadata_props=node.metadata_props)
    product = ir.node("Mul", [node.inputs[0], gate.outputs[0]], metadata_props=node.metadata_props)
    replace(model, node, gate, product)


def _pad_all_axes(model: ir.Model, node: ir.Node) -> None:
    require(optional(node, 3) is None, "it pads chosen axes", hint="export with opset 18 or newer")


def _resize_empty_inputs(model: ir.Model, node: ir.Node) -> None:
    """Unused roi and scales are empty tensors, not absent."""
    for index in (1, 2):
        if len(node.inputs) > index and node.inputs[index] is None:
            node.replace_input_with(index, new_constant(model, node, np.empty(0, np.float32)))


_REWRITES: Mapping[str, tuple[int, Rewrite]] = {
    "Split": (13, _split_to_attribute),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "ReduceSum"), (13, _axes_to_attribute)),
    **dict.fromkeys(
        [f"Reduce{kind}" for kind in ("Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")],
        (18, _axes_to_attribute),
    ),
    **dict.fromkeys(("Softmax", "LogSoftmax"), (13, _softmax_on_last_axis)),
    "HardSwish": (14, _hardswish),
    "Pad": (18, _pad_all_axes),
    "Resize": (13, _resize_empty_inputs),
}


def _upgrade(model: ir.Model, opset: int) -> ir.Model:
    """Through onnx's converter, which needs a protobuf (2 GiB at most): the weights stay outside meanwhile."""
    metadata = {value.name: dict(node.metadata_props) for node in model.graph for value in node.outputs}
    weights = _detach_weights(model)
    converted = ir.from_proto(onnx.version_converter.convert_version(ir.to_proto(model), opset))
    for value in list(converted.graph.inputs):
        if value.name in weights:
            converted.graph.inputs.remove(value)
            value.const_value = weights[value.name]
            converted.graph.register_initializer(value)
    for node in converted.graph:
        node.metadata_props.update(metadata.get(node.outputs[0].name, {}))
    return converted


def _detach_weights(model: ir.Model) -> dict[str | None, ir.TensorProtocol]:
    """Turn the float initialisers into graph inputs; no converter needs to read their values."""
    weights: dict[str | None, ir.TensorProtocol] = {}
    for name, value in list(model.graph.initializers.items()):
        if value.const_value is not None and value.const_value.dtype.is_floating_point() and value.const_value.size > 1:
            weights[name] = value.const_value
            del model.graph.initializers[name]
            model.graph.inputs.append(value)
    return weights
