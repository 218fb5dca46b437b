"""The mean of a large plane -> the mean of the means of its tiles, whose rounding is far smaller.

Engines add a plane's numbers one after the other in float32. By 6,400 numbers around zero that has cost half a
ten-thousandth of the mean's size, which a squeeze-and-excitation gate then multiplies every channel by.
"""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Layer, Net
from converters.caffe.places import Context, Result
from converters.caffe.replacement import replaced
from converters.errors import require

LARGE = 1024  # numbers that are added in one go


def tiled_mean(net: Net, context: Context) -> Result:
    """Put an AVE pooling of equal tiles before a global one of a large plane."""
    return replaced(net, _is_global_mean, _in_steps)


def _is_global_mean(item: Layer) -> bool:
    return item.type == "Pooling" and item.values["pool"] == "AVE" and bool(item.values["global_pooling"])


def _in_steps(node: Node, item: Layer) -> tuple[Blob] | None:
    """The mean in two steps, or None where one will do."""
    x = node.bottoms[0]
    if prod(x.shape[2:]) <= LARGE:
        return None
    tile = _tile(*x.shape[2:])
    require(tile != (1, 1), f"a plane of {x.shape[2]} x {x.shape[3]} has no equal tiles")
    return (layers.global_pooling(layers.pooling(x, "AVE", tile, stride=tile), "AVE"),)


def _tile(height: int, width: int) -> tuple[int, int]:
    """The tile, out of those that divide the plane, whose size is nearest to the number of tiles."""
    return min(
        ((h, w) for h in _divisors(height) for w in _divisors(width) if h * w < height * width),
        key=lambda tile: (abs(prod(tile) - height * width // prod(tile)), tile),
    )


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]
