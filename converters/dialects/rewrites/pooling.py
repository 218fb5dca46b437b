"""Pooling that rounds down, for engines whose pooling rounds up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.net import Lazy
from converters.caffe.values import spatial
from converters.errors import require


def _without_rounding(node: Node) -> dict[str, object]:
    require(node.values["round_mode"] == "FLOOR", "it rounds up already")
    return {name: value for name, value in node.values.given.items() if name != "round_mode"}


def pool_ceil_mode(node: Node) -> Blob:
    """round_mode: FLOOR -> ceil_mode: false, brocolli's and OpenCV's word for it."""
    param = _without_rounding(node) | {"ceil_mode": False}
    return layer("Pooling", *node.bottoms, pooling_param=param).tops[0]


def pool_and_select(node: Node) -> Blob:
    """Pool rounding up, then one depthwise Convolution whose tap is the first leaves the surplus out.

    As fast as a Slice with a Silence, which few importers have. In Caffe an average over a last window beyond the image
    is 0/0, and that times 0 is no 0.
    """
    require(node.values["pool"] == "MAX" or _within(node), "its last average is over no number")
    y = layer("Pooling", *node.bottoms, pooling_param=_without_rounding(node)).tops[0]
    surplus = [have - want for have, want in zip(y.shape[2:], node.shapes[0][2:], strict=True)]
    require(set(surplus) <= {0, 1}, "it has more than one row or column too many")
    shape = (y.shape[1], 1, *(more + 1 for more in surplus))

    def first_tap() -> npt.NDArray[np.float32]:
        weight = np.zeros(shape, np.float32)
        weight[:, :, 0, 0] = 1
        return weight

    return layers.depthwise(y, Lazy(shape, first_tap)) if any(surplus) else y


def _within(node: Node) -> bool:
    """Whether every window begins within the image where sizes are rounded up."""
    kernel, stride, pad = (spatial(node.values, name, 2) for name in ("kernel_size", "stride", "pad"))
    starts = (
        -(-(size + 2 * p - k) // s) * s - p
        for size, k, s, p in zip(node.bottoms[0].shape[2:], kernel, stride, pad, strict=True)
    )
    return all(start < size for start, size in zip(starts, node.bottoms[0].shape[2:], strict=True))


def pool_and_crop(node: Node) -> Blob:
    """Pool rounding up, then cut the surplus row and column off; the windows that stay are the same."""
    y = layer("Pooling", *node.bottoms, pooling_param=_without_rounding(node)).tops[0]
    for axis in (2, 3):
        y = layers.narrow(y, axis, 0, node.shapes[0][axis])
    return y


def pool_and_pick(node: Node) -> Blob:
    """Pool rounding up, then leave the surplus row and column out by a depthwise Convolution with one tap."""
    y = layer("Pooling", *node.bottoms, pooling_param=_without_rounding(node)).tops[0]
    surplus = [have - want for have, want in zip(y.shape[2:], node.shapes[0][2:], strict=True)]
    require(any(surplus), "there is no surplus")
    shape = (y.shape[1], 1, *(1 + size for size in surplus))

    def first_tap() -> npt.NDArray[np.float32]:
        weight = np.zeros(shape, np.float32)
        weight[:, :, 0, 0] = 1
        return weight

    return layers.depthwise(y, Lazy(shape, first_tap))


def cut_and_pool(node: Node) -> Blob:
    """Cut off first what no window reads, where a last window would lie beyond the image: on axes without padding."""
    param = _without_rounding(node)
    x = node.bottoms[0]
    kernel, stride, pad = (spatial(node.values, name, 2) for name in ("kernel_size", "stride", "pad"))
    for axis, k, s, p in zip((2, 3), kernel, stride, pad, strict=True):
        if p == 0:
            x = layers.narrow(x, axis, 0, (node.shapes[0][axis] - 1) * s + k)
    y = layer("Pooling", x, pooling_param=param).tops[0]
    for axis in (2, 3):
        y = layers.narrow(y, axis, 0, node.shapes[0][axis])
    return y
