"""The mean of a large plane -> the mean of the means of its tiles, whose rounding is far smaller.

Engines add a plane's numbers one after the other in float32. By 6,400 numbers around zero that has cost half a
ten-thousandth of the mean's size, which a squeeze-and-excitation gate then multiplies every channel by.
"""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, emit, rebuild
from converters.caffe.net import Net

LARGE = 1024  # numbers that are added in one go


def average_in_steps(net: Net) -> Net:
    """Return the net in which a global AVE pooling of a large plane has one of equal tiles before it."""
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    changed = False
    for item in net.layers:
        if item.type == "Silence":
            continue  # emission silences again what is then unread
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        made = _in_steps(node) if node.type == "Pooling" else None
        changed |= made is not None
        named.update(zip(item.tops, node.tops if made is None else (made,), strict=True))
        if item.type == "Input":
            inputs.extend(node.tops)
    return emit(net.name, named, net.outputs, inputs) if changed else net


def _in_steps(node: Node) -> Blob | None:
    """The mean in two steps, or None where one will do or the plane has no equal tiles."""
    param, x = node.param("pooling_param"), node.bottoms[0]
    if param.get("pool", "MAX") != "AVE" or not param.get("global_pooling", False) or prod(x.shape[2:]) <= LARGE:
        return None
    tile = _tile(*x.shape[2:])
    if tile == (1, 1):
        return None
    made = layers.global_pooling(layers.pooling(x, "AVE", tile, stride=tile), "AVE")
    made.node.origin = node.origin
    return made


def _tile(height: int, width: int) -> tuple[int, int]:
    """The tile, out of those that divide the plane, whose size is nearest to the number of tiles."""
    return min(
        ((h, w) for h in _divisors(height) for w in _divisors(width) if h * w < height * width),
        key=lambda tile: (abs(prod(tile) - height * width // prod(tile)), tile),
    )


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]
