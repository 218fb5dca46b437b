"""Nodes against the schemas of ONNX's own operators: what differs is told by name before any other program sees it.

onnx's version converter dies on an attribute of another type, and onnxruntime is not asked about every model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnx
import onnx.defs

from converters.errors import InvalidInput
from converters.onnx import protos

AUTO_PADS = ("VALID", "SAME_UPPER", "SAME_LOWER")
VARIADIC = onnx.defs.OpSchema.FormalParameterOption.Variadic
INT32 = range(-(2**31), 2**31)
OLDER = frozenset({"LayerNormalization"})  # onnxruntime has it in older opsets too, where its optimiser writes it
WIDE = frozenset({"ends", "starts", "value_int", "value_ints"})  # attributes that may be any int64

# Attributes that are 0 or 1: engines read other numbers each in their own way.
FLAGS = frozenset(
    {
        *("allowzero", "antialias", "ceil_mode", "count_include_pad", "exclude_outside", "exclusive", "is_causal"),
        *(
            "input_forget",
            "interleaved",
            "keepdims",
            "largest",
            "layout",
            "linear_before_reset",
            "noop_with_empty_axes",
        ),
        *("normalize_variance", "reverse", "select_last_index", "sorted", "training_mode", "transA", "transB", "upper"),
    }
)


@dataclass(frozen=True)
class Schema:
    """What a node of an operator must be: its attributes' types, those that it needs, and how much goes in and out."""

    types: Mapping[str, int]
    needed: tuple[str, ...]
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    list_from: int  # the number of the input from which on all belong to one list, in which none may be left out


@cache
def _schema(op: str, opset: int) -> Schema | None:
    """The schema of an operator in an opset; None where there is none."""
    try:
        found = onnx.defs.get_schema(op, opset, "")
    except onnx.defs.SchemaError:
        return None
    return Schema(
        {name: _number(item.type) for name, item in found.attributes.items()},
        tuple(name for name, item in found.attributes.items() if item.required),
        (found.min_input, found.max_input),
        (found.min_output, found.max_output),
        next((at for at, item in enumerate(found.inputs) if item.option == VARIADIC), found.max_input),
    )


def _number(kind: onnx.defs.OpSchema.AttrType) -> int:
    """The number that attributes have for a type of a schema, which onnx's stubs take for no enum."""
    return int(onnx.AttributeProto.AttributeType.Value(str(kind).rpartition(".")[2]))


@cache
def _first_opset(op: str) -> int:
    """The opset that an operator is new in; 0 for one that is not ONNX's."""
    schemas = onnx.defs.get_all_schemas_with_history()
    return min((one.since_version for one in schemas if one.domain == "" and one.name == op), default=0)


def check_schemas(nodes: Iterable[onnx.NodeProto], opset: int, own: set[str], path: Path) -> None:
    """Demand that each of ONNX's own operators is used as its opset has it. `own`: what the model defines itself."""
    for node in nodes:
        if protos.is_op(node) and node.op_type not in own:
            fault = _fault(node, opset)
            if fault:
                name = node.name or next(filter(None, node.output), "")
                raise InvalidInput(f"{path}: not valid ONNX: {node.op_type} '{name}' {fault}")


def _fault(node: onnx.NodeProto, opset: int) -> str:
    """How a node differs from its schema, or ''; an operator that is unknown in every opset is a blocker, no fault."""
    schema = _schema(node.op_type, opset)
    if schema is None:
        since = _first_opset(node.op_type) if node.op_type not in OLDER else 0
        return f"is of opset {since}, but the model is of opset {opset}" if since else ""
    return _attribute_fault(node, schema, opset) or _count_fault(node, schema)


def _attribute_fault(node: onnx.NodeProto, schema: Schema, opset: int) -> str:
    names = [item.name for item in node.attribute]
    for name in schema.needed:
        if name not in names:
            return f"lacks its attribute '{name}'"
    for item in node.attribute:
        if item.name not in schema.types:
            return f"has the attribute '{item.name}', which opset {opset} does not know"
        if item.type != schema.types[item.name]:
            return f"has the attribute '{item.name}' of type {_type(item.type)}, not {_type(schema.types[item.name])}"
        wide = next((value for value in (item.i, *item.ints) if value not in INT32), None)
        if wide is not None and item.name not in WIDE:
            return f"has {wide} in its attribute '{item.name}'; onnxruntime and Caffe read 32 bits"
        if item.name in FLAGS and item.i not in (0, 1):
            return f"has {item.name}={item.i}, which is neither 0 nor 1"
        if item.name == "auto_pad" and item.s not in (
            b"",
            b"NOTSET",
        ):  # empty in a function: it stands for the caller's
            how = item.s.decode("utf-8", "replace")
            if how not in AUTO_PADS:
                return f"has auto_pad={how}, which is none of {', '.join(AUTO_PADS)}"
            if any(value for other in node.attribute if other.name == "pads" for value in other.ints):
                return f"has pads beside auto_pad={how}"
    if node.op_type == "Constant" and len(names) != 1:
        return f"has {len(names)} values; a Constant has one"
    if len(set(names)) < len(names):
        return f"has the attribute '{Counter(names).most_common(1)[0][0]}' more than once"
    return ""


def _count_fault(node: onnx.NodeProto, schema: Schema) -> str:
    counts = (("inputs", len(node.input), schema.inputs), ("outputs", len(node.output), schema.outputs))
    for what, given, (least, most) in counts:
        if given < least:
            return f"has {given} {what}; it takes {least} at least"
        if given > most:
            return f"has {given} {what}; it takes {most} at most"
    if "" in node.input[schema.list_from :]:
        return "leaves out one of its inputs"
    return ""


def _type(number: int) -> str:
    known = onnx.AttributeProto.AttributeType
    return known.Name(number).lower() if number in known.values() else str(number)
