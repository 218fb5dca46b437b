"""Limits on the fields of a layer's parameter message: the values that there are, and fields that are not read."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from converters.caffe import schema
from converters.caffe.graph import Node
from converters.dialects.base import Check

CHANNELS = "channels"  # in place of a number: as many as come in
INTEGERS = (
    *(FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64),
    *(FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64),
)
FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def allowed(kind: str, group: str, name: str, values: Any) -> Check:
    """A field of the layer's parameter message `group` has one of these values, each of the field's own type.

    The text "channels" stands for the number of channels that come in. A field that may be given several times has
    lists as values, [] where it is left out.
    """
    field = _field(kind, group, name)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{name} must be a list of the values that are allowed, not {values!r}")
    for value in values:
        _demand(field, name, value)
    default = _default(field)

    def check(node: Node) -> str:
        value = node.params.get(group, {}).get(name, default)
        value = list(value) if isinstance(value, list | tuple) else value
        channels = node.bottoms[0].shape[1] if node.bottoms and node.bottoms[0].rank > 1 else 0
        fits = value in [channels if one == CHANNELS else one for one in values]
        shown = " or ".join(map(str, values))
        return "" if fits else f"{kind} with {name} {value}; the chip takes {shown}"

    return check


def max_shift(value: Any) -> Check:
    """A Power shifts by no more: an engine that folds shifts into one another forgets how a large one rounds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise ValueError(f"must be a number above 0, not {value!r}")

    def check(node: Node) -> str:
        shift = abs(node.values["shift"])
        return f"Power with a shift of {shift:g}; the chip is exact up to {value:g}" if shift > value else ""

    return check


def _field(kind: str, group: str, name: str) -> FieldDescriptor:
    message = schema.message("LayerParameter").DESCRIPTOR.fields_by_name[group].message_type if group else None
    field = message.fields_by_name.get(name) if message else None
    if field is None:
        raise ValueError(f"{name} is not a parameter of {kind}")
    if field.message_type is not None:
        raise ValueError(f"{name} has no single value")
    return field


def _default(field: FieldDescriptor) -> Any:
    """What the field is where a file does not name it."""
    if field.is_repeated:
        return []
    if field.enum_type is not None:
        return field.enum_type.values_by_number[field.default_value].name
    return field.default_value


def _demand(field: FieldDescriptor, name: str, value: Any) -> None:
    """Refuse a value that the field can never have: a limit misspelt would be another limit."""
    if field.is_repeated:
        if not isinstance(value, list):
            raise ValueError(f"{name} may be given several times: each of its values must be a list, not {value!r}")
        for item in value:
            _demand_one(field, name, item)
    else:
        _demand_one(field, name, value)


def _demand_one(field: FieldDescriptor, name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.enum_type is not None:
        known = field.enum_type.values_by_name
        fits, wanted = isinstance(value, str) and value in known, " or ".join(known)
    elif field.cpp_type in INTEGERS:
        fits, wanted = (number and isinstance(value, int)) or value == CHANNELS, f'a whole number or "{CHANNELS}"'
    elif field.cpp_type in FLOATS:
        fits, wanted = number, "a number"
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        fits, wanted = isinstance(value, bool), "true or false"
    else:
        fits, wanted = isinstance(value, str), "a text"
    if not fits:
        raise ValueError(f"{name} is {wanted}, not {value!r}")
