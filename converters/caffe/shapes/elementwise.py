"""Layers whose top has the shape of their bottom: sums, products and normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, axis_of, same
from converters.caffe.values import Values
from converters.errors import require


def _along(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    if len(bottoms) == 2 and bottoms[1]:
        axis = axis_of(values["axis"], len(bottoms[0]))
        run = bottoms[0][axis : axis + len(bottoms[1])]
        require(run == bottoms[1], f"a blob of {bottoms[1]} along {bottoms[0]} from axis {axis}")
    return [bottoms[0]]


def _eltwise(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(set(bottoms)) == 1, f"Eltwise takes equal shapes, not {', '.join(map(str, bottoms))}")
    return [bottoms[0]]


def _lrn(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(values["local_size"] > 0 and values["local_size"] % 2 == 1, "LRN takes an odd local_size alone")
    return [bottoms[0]]


def _mvn(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms[0]) <= 4, "MVN takes at most 4 axes")
    return [bottoms[0] + (1,) * (4 - len(bottoms[0]))]


RULES: dict[str, Rule] = {
    "BatchNorm": same,
    "Bias": _along,
    "Eltwise": _eltwise,
    "LRN": _lrn,
    "MVN": _mvn,
    "Normalize": same,
    "PReLU": same,
    "Scale": _along,
    "Softmax": same,
}
