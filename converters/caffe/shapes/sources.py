"""Layers that read no blob: their file says what shape their tops have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule
from converters.caffe.values import Values


def _dims(shape: Mapping[str, Any]) -> Shape:
    return tuple(shape.get("dim", ()))


def _every(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [_dims(shape) for shape in values["shape"]]


def _one(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [_dims(values["shape"])]


RULES: dict[str, Rule] = {"Input": _every, "DummyData": _every, "Parameter": _one}
