"""The shapes of a layer's tops, and of every blob of a net: one table of rules, made of those of each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from converters.caffe import traits
from converters.caffe.composite import rules as composite
from converters.caffe.net import Net, Shape
from converters.caffe.schema import MAX_COUNT
from converters.caffe.shapes import elementwise, forks, images, layout, recurrent, reduction, sources, windows
from converters.caffe.shapes.rule import Rule, same
from converters.caffe.values import Values
from converters.errors import Unsupported, require

MAX_AXES = 32
RULES: dict[str, Rule] = {
    **{kind: same for kind, row in traits.TABLE.items() if row.neuron},
    **sources.RULES,
    **elementwise.RULES,
    **windows.RULES,
    **layout.RULES,
    **images.RULES,
    **reduction.RULES,
    **recurrent.RULES,
    **forks.RULES,
    **composite.RULES,
}


def infer(kind: str, params: Mapping[str, Any], bottoms: Sequence[Shape], tops: int) -> tuple[Shape, ...]:
    """Return the shapes of a layer's tops; Unsupported where Caffe would refuse the layer or no rule is known."""
    if kind not in RULES:
        raise Unsupported(f"no shape rule for layer type {kind}")
    row = traits.of(kind)
    if not bottoms and not row.source:
        raise Unsupported(f"{kind} needs an input blob")
    if row.image and len(bottoms[0]) != 4:
        raise Unsupported(f"{kind} takes 4 axes, not {len(bottoms[0])}")
    try:
        shapes = tuple(tuple(map(int, shape)) for shape in RULES[kind](Values(kind, params), bottoms, tops))
    except (ArithmeticError, LookupError, ValueError) as error:
        # Files from elsewhere hold any number; what a rule stumbles over is nothing that Caffe could run either.
        given = ", ".join(map(str, bottoms))
        raise Unsupported(f"{kind}: its bottoms ({given}) and parameters do not fit together ({error})") from error
    if len(shapes) != tops:
        raise Unsupported(f"{kind} has {len(shapes)} tops, not {tops}")
    for shape in shapes:
        if len(shape) > MAX_AXES or min(shape, default=1) <= 0 or prod(shape) > MAX_COUNT:
            _refuse(kind, shape)
    return shapes


def _refuse(kind: str, shape: Shape) -> None:
    """Say what is wrong with a top; a stand-in has whatever shape ONNX has."""
    if kind == traits.STAND_IN:
        return
    require(len(shape) <= MAX_AXES, f"{kind}: {len(shape)} axes; Caffe has at most {MAX_AXES}")
    require(all(d > 0 for d in shape), f"{kind} gives an empty blob {shape}")
    raise Unsupported(f"{kind} gives a blob of {prod(shape):,} numbers, over Caffe's limit")


def prove(net: Net, expected: Mapping[str, Shape]) -> dict[str, Shape]:
    """Recompute every blob's shape by Caffe's rules and demand that those in `expected` come out as told."""
    shapes: dict[str, Shape] = {}
    for layer in net.layers:
        missing = [bottom for bottom in layer.bottoms if bottom not in shapes]
        require(not missing, f"layer '{layer.name}' reads '{', '.join(missing)}', which nothing before it makes")
        tops = infer(layer.type, layer.params, [shapes[bottom] for bottom in layer.bottoms], len(layer.tops))
        shapes.update(zip(layer.tops, tops, strict=True))
    for name, shape in expected.items():
        require(name in shapes, f"blob '{name}' is not in the network")
        require(shapes[name] == tuple(shape), f"blob '{name}' is {shapes[name]} in Caffe but {tuple(shape)} in ONNX")
    return shapes
