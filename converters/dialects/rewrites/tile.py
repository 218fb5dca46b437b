"""Tile for engines that have none."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.errors import require

FEW = 4  # copies


def _tiling(node: Node) -> tuple[Blob, int, int]:
    x = node.bottoms[0]
    return x, node.values["axis"] % x.rank, node.values["tiles"]


def tile_by_concat(node: Node) -> Blob:
    """A few copies side by side: a layer may read one blob several times."""
    x, axis, tiles = _tiling(node)
    require(tiles <= FEW, f"{tiles} copies")
    return layers.concat(axis, *[x] * tiles)


def tile_by_convolution(node: Node) -> Blob:
    """A 1 x 1 convolution from one channel to `tiles` channels, all weights 1: there is nothing to add up."""
    x, axis, tiles = _tiling(node)
    outer, rest = prod(x.shape[:axis]), prod(x.shape[axis:])
    ones = np.ones((tiles, 1, 1, 1), np.float32)
    return layers.reshape(layers.convolution(layers.reshape(x, (outer, 1, rest, 1)), ones), node.shapes[0])
