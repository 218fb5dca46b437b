"""Clip for engines that have none.

Shifting by a bound and back rounds to the bound's own precision, so that form serves small bounds alone. Where nothing
is rounded (a bound so far out that the shift would drown small numbers) a constant is compared with Eltwise MAX.
"""

from __future__ import annotations

from typing import Any

from converters.caffe import layers
from converters.caffe.broadcast import constant
from converters.caffe.graph import Blob, Node, layer, same
from converters.errors import require

UNBOUNDED = 3.4e38
NEAR = 16.0  # a shift by up to this rounds to 1e-6


def _bounds(node: Node) -> tuple[float | None, float | None]:
    """The bounds, None where there is none in float32."""
    low, high = float(node.values["min"]), float(node.values["max"])
    return (None if low <= -UNBOUNDED else low), (None if high >= UNBOUNDED else high)


def _mirrored(x: Blob, at: float) -> Blob:
    """at - x."""
    return layers.power(x, scale=-1, shift=at)


def clip_relu6(node: Node) -> Blob:
    """Clip from 0 on -> ReLU6, which has its threshold as a parameter."""
    low, high = _bounds(node)
    require(low == 0 and high is not None, "the lower bound is not 0 or there is no upper one")
    params: dict[str, Any] = {} if high == 6 else {"relu6_param": {"threshold": high}}
    return layer("ReLU6", *node.bottoms, **params).tops[0]


def clip_by_relu(node: Node) -> Blob:
    """ReLU cuts at 0: shift the bound there and back, and turn the axis round for the upper one.

    The upper bound comes first: what the input is turned round by may go into the layer that makes it.
    """
    x = node.bottoms[0]
    low, high = _bounds(node)
    if low is None and high is None:
        return same(x)
    if high is None:
        require(low is not None and low >= -NEAR, f"a shift by {low} loses precision")
        return _from(x, low or 0)
    if low is None:
        require(high <= NEAR, f"a shift by {high} loses precision")
        return _mirrored(layers.relu(_mirrored(x, high)), high)
    require(max(abs(low), abs(high)) <= NEAR, f"a shift by {low} or {high} loses precision")
    inside = layers.relu(_mirrored(layers.relu(_mirrored(x, high)), high - low))
    return layers.power(inside, shift=low) if low else inside


def _from(x: Blob, low: float) -> Blob:
    if low == 0:
        return layers.relu(x)
    return layers.power(layers.relu(layers.power(x, shift=-low)), shift=low)


def clip_by_maximum(node: Node) -> Blob:
    """max(low, -max(-x, -high)) with constants as blobs: exact whatever the bounds."""
    x = node.bottoms[0]
    low, high = _bounds(node)
    if high is not None:
        x = _mirrored(layers.eltwise("MAX", _mirrored(x, 0), constant(x, -high)), 0)
    return x if low is None else layers.eltwise("MAX", x, constant(x, low))
