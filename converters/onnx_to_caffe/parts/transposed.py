"""Transposes around products: made only where they move something, and looked through where a product needs none."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.caffe.permutation import cost, grouped, plan


def transpose(x: Blob, order: Sequence[int]) -> Blob:
    """Permute, or Reshape where axes of size 1 alone move."""
    moved = [i for i in order if x.shape[i] != 1]
    if moved == sorted(moved):
        return layers.reshape(x, tuple(x.shape[i] for i in order))
    return layers.permute(x, order)


def source_of_transpose(x: Blob) -> Blob | None:
    """A blob that is x with its last two axes swapped and costs less than x, where there is one.

    Attention may scale what it transposed, so multiplications by a number are looked through.
    """
    if x.node.type == "Power":
        before = source_of_transpose(x.node.bottoms[0])
        return layers.power(before, **x.node.values.given) if before is not None else None
    if x.node.type != "Permute":
        return None
    source, order = x.node.bottoms[0], list(x.node.values["order"])
    swapped = [*order[:-2], order[-1], order[-2]]
    return transpose(source, swapped) if _cost(source.shape, swapped) < _cost(source.shape, order) else None


def _cost(shape: Shape, order: Sequence[int]) -> int:
    """What a permutation costs where no Permute layer exists."""
    return cost(plan(*grouped(shape, order)))
