"""Clip for engines that have none.

Shifting by a bound and back rounds to the bound's own precision: of numbers far below it little is left. From 0 on only
the upper bound does that, and a ReLU more is all it costs. Elsewhere a constant is compared with Eltwise MAX, which
rounds nothing, where the dialect takes it.
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
    """From 0 on: ReLU cuts at 0, and at the upper bound on an axis that is turned round there and back.

    The upper bound comes first: what the input is turned round by may go into the layer that makes it.
    """
    low, high = _bounds(node)
    if low is None and high is None:
        return same(node.bottoms[0])
    require(low == 0, f"a shift by {low if low is not None else high} rounds small numbers away")
    return clip_by_shift(node)


def clip_by_maximum(node: Node) -> Blob:
    """max(low, -max(-x, -high)) with constants as blobs: exact whatever the bounds."""
    x = node.bottoms[0]
    low, high = _bounds(node)
    if high is not None:
        x = _mirrored(layers.eltwise("MAX", _mirrored(x, 0), constant(x, -high)), 0)
    return x if low is None else layers.eltwise("MAX", x, constant(x, low))


def clip_by_shift(node: Node) -> Blob:
    """ReLU cuts at 0: shift each bound there and back, and turn the axis round for the upper one."""
    x = node.bottoms[0]
    low, high = _bounds(node)
    shifts = [bound for bound in (low, high) if bound is not None]
    require(shifts and max(map(abs, shifts)) <= NEAR, f"a shift by {' or '.join(map(str, shifts))} loses precision")
    if high is None:
        return _from(x, low or 0)
    if low is None:
        return _mirrored(layers.relu(_mirrored(x, high)), high)
    inside = layers.relu(_mirrored(layers.relu(_mirrored(x, high)), high - low))
    return layers.power(inside, shift=low) if low else inside


def _from(x: Blob, low: float) -> Blob:
    if low == 0:
        return layers.relu(x)
    return layers.power(layers.relu(layers.power(x, shift=-low)), shift=low)
