"""Layers that sum over axes, or choose along one."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, axis_of, resized
from converters.caffe.values import Values
from converters.errors import require


def _inner_product(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = axis_of(values["axis"], len(bottoms[0]))
    return [(*bottoms[0][:axis], values["num_output"])]


def _embed(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [(*bottoms[0], values["num_output"])]


def _matmul(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """OpenCV's."""
    require(len(bottoms) == 2 and min(map(len, bottoms)) >= 2, "MatMul takes two blobs of two axes or more")
    a, b = bottoms
    require(a[:-2] == b[:-2] and a[-1] == b[-2], f"a product of {a} and {b}")
    return [(*a[:-1], b[-1])]


def _reduction(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [bottoms[0][: axis_of(values["axis"], len(bottoms[0]))] if bottoms[0] else ()]


def _argmax(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """Along an axis where one is given, else over each image, where the maximum may stand beside its index."""
    x, top_k = bottoms[0], values["top_k"]
    if "axis" in values:
        return [resized(x, axis_of(values["axis"], len(x)), top_k)]
    return [(x[0], 2 if values["out_max_val"] else 1, top_k, *(1,) * (len(x) - 3))]


RULES: dict[str, Rule] = {
    "ArgMax": _argmax,
    "Embed": _embed,
    "InnerProduct": _inner_product,
    "MatMul": _matmul,
    "Reduction": _reduction,
}
