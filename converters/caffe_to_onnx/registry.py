"""Which function lifts which Caffe layer into ONNX, and how a layer becomes a call of it.

A lift is a pure function: the layer's bottoms are its positional arguments, the fields of the layer's parameter
message its keywords. What the file leaves out has the schema's default, or None where the schema has none. A field that
is set and that the function does not name refuses the layer; nothing is dropped.

A lift may also name: `blobs` (the layer's weights, see `Blobs`), `tops` (the shapes of its tops, by Caffe's rules) and
`dialect` (whose meaning of the layer is wanted, where forks disagree).
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias, TypeVar

import numpy as np
import onnx_ir as ir

from converters.caffe import schema, traits
from converters.caffe.net import Array, Layer, Shape, Weights, as_float32
from converters.caffe.values import Values
from converters.caffe_to_onnx.build import Ops
from converters.errors import Unsupported, require

Lift: TypeAlias = "Callable[..., ir.Value | tuple[ir.Value, ...]]"
F = TypeVar("F", bound=Lift)
LARGEST_STAND_IN = 2**28  # numbers of weights that zeros stand in for
IGNORED = {"weight_filler", "bias_filler", "filler", "engine", "scale_filler", "force_nd_im2col", "debug_info"}
SPECIAL = {"blobs", "tops", "dialect"}
DIALECTS = {
    "bvlc": "BVLC Caffe; layers that it lacks as the fork that brought them means them (the default)",
    "ssd": "the SSD branch",
    "brocolli": "brocolli-caffe: PriorBox clips unless told otherwise",
    "opencv": "OpenCV: MVN's eps inside the root, no k in LRN, log of base e alone",
    "ncnn": "ncnn: Interp with half-pixel centres",
    "mnn": "MNN: Upsample is bilinear",
}


LIFTS: dict[str, Lift] = {}


def lifts(*kinds: str) -> Callable[[F], F]:
    """Register a function as the lift of one or more layer types."""

    def register(function: F) -> F:
        for kind in kinds:
            if kind in LIFTS:
                raise ValueError(f"{kind} has two lifts")
            LIFTS[kind] = function
        return function

    return register


@dataclass(frozen=True)
class Blobs:
    """The weights of a layer. `known` are the names of the layers that the file of weights has, for messages.

    `weightless`: the structure alone is looked at, and zeros stand in for weights.
    """

    layer: Layer
    known: Collection[str] = ()
    weightless: bool = False

    def __len__(self) -> int:
        return len(self.layer.blobs)

    def take(self, *shapes: Shape | None) -> tuple[Array, ...]:
        """The blobs in the shapes that the layer needs (None: in their own), or a refusal that says what is there.

        Files of 2014 and before have four axes everywhere: leading ones make no difference.
        """
        have = self.layer.blobs
        if self.weightless and not have:
            require(all(prod(shape or ()) <= LARGEST_STAND_IN for shape in shapes), f"wants weights of {shapes}")
            return tuple(np.broadcast_to(np.float32(0), shape or ()) for shape in shapes)
        if not have:
            raise Unsupported(*self._absent())
        require(len(have) == len(shapes), f"has {len(have)} blobs of weights, and needs {len(shapes)}")
        return tuple(self._shaped(blob, shape, at) for at, (blob, shape) in enumerate(zip(have, shapes, strict=True)))

    def _shaped(self, blob: Weights, shape: Shape | None, at: int) -> Array:
        array = as_float32(blob)
        if shape is None:
            return array
        fits = _without_ones(array.shape) == _without_ones(shape)
        require(fits, f"its blob {at} of weights is {array.shape}, and must be {tuple(shape)}")
        return array.reshape(shape)

    def _absent(self) -> tuple[str, str]:
        name = self.layer.name
        if not self.known:
            return "has no weights", "give the caffemodel as well"
        near = difflib.get_close_matches(name, self.known, 3)
        hint = f"rename the layer to one of those in the file: {', '.join(near)}" if near else ""
        return f"has no weights: the file of weights has no layer '{name}'", hint


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    start = next((at for at, size in enumerate(shape) if size != 1), len(shape))
    return tuple(shape[start:])


def call(
    op: Ops, layer: Layer, bottoms: Sequence[ir.Value], tops: Sequence[Shape], blobs: Blobs, dialect: str
) -> tuple[ir.Value, ...]:
    """Lift one layer, or raise Unsupported. The results stand for the layer's tops, in order."""
    function = LIFTS[layer.type]
    names = set(inspect.signature(function).parameters)
    keywords = _keywords(layer, traits.of(layer.type).message, names)
    special = {"blobs": blobs, "tops": tuple(tops), "dialect": dialect}
    keywords.update({name: special[name] for name in SPECIAL & names})
    try:
        inspect.signature(function).bind(op, *bottoms, **keywords)
    except TypeError as error:
        raise Unsupported(f"{len(bottoms)} bottoms and these parameters do not fit: {error}") from error
    made = function(op, *bottoms, **keywords)
    return made if isinstance(made, tuple) else (made,)


def unknown(layer: Layer) -> tuple[str, str]:
    """Reason and hint for a layer that no lift takes."""
    if layer.type == "Python":
        param = layer.params.get("python_param", {})
        reason = f"runs Python code, {param.get('module', '?')}.{param.get('layer', '?')}, which the file does not hold"
    else:
        reason = f"no ONNX form of the layer type {layer.type} is known"
    return reason, "cut the network before it with an output, or feed its top as an input by giving it a shape"


def _keywords(layer: Layer, group: str, names: Set[str]) -> dict[str, Any]:
    extra = sorted(key for key in layer.params if key != group)
    require(not extra, f"has parameters that its type does not take: {', '.join(extra)}")
    given = layer.params.get(group, {}) if group else {}
    unknown = sorted(name for name in given if name not in names and name not in IGNORED)
    require(not unknown, f"sets {', '.join(unknown)} in {group}, which is not known there")
    if not group:
        return {}
    values, undefined = Values(layer.type, layer.params), schema.left_open(group)
    fields = names & schema.defaults(group).keys()
    return {name: None if name in undefined and name not in values else values[name] for name in fields}


def count(shape: Sequence[int]) -> int:
    """How many numbers a blob has."""
    return prod(shape)
