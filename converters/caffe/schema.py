"""The protobuf messages of caffe.proto, in a descriptor pool of their own, so that no other `caffe.proto` can clash."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

MAX_COUNT = 2**31 - 1  # Caffe counts in int32: the numbers of a blob, and what a field can hold


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    data = resources.files(__package__).joinpath("caffe.desc").read_bytes()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    return pool


@cache
def message(name: str) -> Any:
    """Return the message class `caffe.<name>`, for example NetParameter."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"caffe.{name}"))


@cache
def defaults(group: str) -> Mapping[str, Any]:
    """What each field of a layer's parameter message is where a file does not name it.

    Enums are names, floats as the schema writes them (1e-5, not the nearest float32), repeated fields `()`, messages
    `{}`.
    """
    fields = message("LayerParameter").DESCRIPTOR.fields_by_name[group].message_type.fields
    return {field.name: _default(field) for field in fields}


@cache
def left_open(group: str) -> frozenset[str]:
    """The fields of a parameter message that have no default: a file that leaves one out says something by it."""
    fields = message("LayerParameter").DESCRIPTOR.fields_by_name[group].message_type.fields
    return frozenset(
        field.name
        for field in fields
        if not (field.is_repeated or field.message_type is not None or field.has_default_value)
    )


def _default(field: FieldDescriptor) -> Any:
    if field.is_repeated:
        return ()
    if field.message_type is not None:
        return {}
    if field.enum_type is not None:
        return field.enum_type.values_by_number[field.default_value].name
    value = field.default_value
    return float(str(np.float32(value))) if isinstance(value, float) else value
