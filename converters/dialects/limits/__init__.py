"""The limits that a chip may set, by the keys of its file: each makes a check of the file's value, or a ValueError."""

from __future__ import annotations

from collections.abc import Mapping

from converters.caffe import schema, traits
from converters.dialects.limits import blobs, windows
from converters.dialects.limits.blobs import ANY_LAYER
from converters.dialects.limits.parts import only_for, parts_of
from converters.dialects.limits.read import Maker
from converters.dialects.limits.values import allowed, max_shift

__all__ = ["ANY_LAYER", "allowed", "of_layer", "only_for", "parts_of"]


def of_layer(kind: str) -> Mapping[str, Maker]:
    """Every limit that [layer.KIND] may set, apart from `values`, `without` and those of its parts."""
    message = traits.of(kind).message
    along = {"last_axis": blobs.last_axis} if message and "axis" in schema.defaults(message) else {}
    shift = {"max_shift": max_shift} if kind == "Power" else {}
    return {**ANY_LAYER, **blobs.ONE_LAYER, **along, **shift, **windows.of(kind)}
