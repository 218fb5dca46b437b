"""The protobuf messages of caffe.proto, in a descriptor pool of their own, so that no other `caffe.proto` can clash."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


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
