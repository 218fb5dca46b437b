"""The parameters of one layer: what is written, else what Caffe takes for what is not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isinf
from typing import Any

from converters.caffe import schema, traits
from converters.caffe.schema import MAX_COUNT
from converters.errors import Unsupported, require

FLOAT32_END = 2.0**128
NOTHING: Mapping[str, Any] = {}
# What a file leaves out of the fields that have one entry an axis: the schema can't say it of a repeated field.
EACH_AXIS = {"kernel_size": 0, "stride": 1, "pad": 0, "dilation": 1}
BY_SIDE = {name: (f"{name.removesuffix('_size')}_h", f"{name.removesuffix('_size')}_w") for name in EACH_AXIS}


class Values:
    """A layer's parameters by name: `values["axis"]`, whether the layer names it or not; `in`: whether it does.

    Enums are names; a repeated field that is left out is `()`, a message `{}`. A field that the layer type does not
    have is a KeyError.
    """

    __slots__ = ("defaults", "given")

    def __init__(self, kind: str, params: Mapping[str, Any]) -> None:
        message, self.defaults = _defaults(kind)
        self.given: Mapping[str, Any] = params.get(message, NOTHING)

    def __getitem__(self, field: str) -> Any:
        given = self.given
        return given[field] if field in given else self.defaults[field]

    def __contains__(self, field: str) -> bool:
        return field in self.given


@cache
def _defaults(kind: str) -> tuple[str, Mapping[str, Any]]:
    """The parameter message of a layer type, and what Caffe takes for each of its fields."""
    row = traits.of(kind)
    known = {} if row.composite or not row.message else schema.defaults(row.message)
    return row.message, {**known, **row.defaults}


def demand_float32(kind: str, params: Mapping[str, Any]) -> None:
    """Refuse a number that overflows in float32, and NaN; an infinity is a value or a bound like others."""
    for message in params.values():
        for key, value in message.items():
            held = not isinstance(value, float) or abs(value) < FLOAT32_END or isinf(value)  # false for NaN
            require(held, f"{key}={value} in a {kind} layer, which float32 does not hold")


def spatial(values: Values, name: str, count: int) -> list[int]:
    """Return kernel_size, stride, pad or dilation for each of `count` axes, from either spelling of it.

    Repeated, where a single number is for all axes, or _h and _w. Unsupported where one is below 0.
    """
    given, default = values.given, EACH_AXIS[name]
    height, width = BY_SIDE[name]
    if height in given or width in given:
        found = [given.get(height, default), given.get(width, default)]
    else:
        one = given.get(name, default)
        found = list(one) if isinstance(one, list | tuple) else [one]
        found = found * count if len(found) == 1 else found or [default] * count
    if min(found, default=0) < 0 or max(found, default=0) > MAX_COUNT:
        raise Unsupported(f"a {name.removesuffix('_size')} of {found}")
    return found
