"""The shapes of layers that stand for many."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, resized
from converters.caffe.traits import STAND_IN
from converters.caffe.values import Values
from converters.errors import require

LARGEST_PRODUCT = 2**27  # multiplications of a product of two computed matrices; Caffe holds two blobs of that size


def _product(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    (g, m, k), (h, q, p) = bottoms
    m, k = (k, m) if values["trans_a"] else (m, k)
    q, p = (p, q) if values["trans_b"] else (q, p)
    require((g, k) == (h, q), f"a product of {bottoms[0]} and {bottoms[1]}")
    require(
        g * m * k * p <= LARGEST_PRODUCT,
        f"a product of two computed matrices with {g * m * k * p:,} multiplications; the limit is {LARGEST_PRODUCT:,}",
    )
    return [(g, m, p)]


def _recurrence(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    (steps, batch, _), hidden = bottoms[0], values["hidden"]
    require(all(prod(state) == batch * hidden for state in bottoms[1:]), "an initial state of another size")
    return [(steps, batch, hidden), (1, batch, hidden), (1, batch, hidden)][:tops]


def _one_left(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [resized(bottoms[0], values["axis"], 1)]


def _stand_in(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return list(values["shapes"])


RULES: dict[str, Rule] = {
    "IndexOfLargest": _one_left,
    "Product": _product,
    "Recurrence": _recurrence,
    STAND_IN: _stand_in,
}
