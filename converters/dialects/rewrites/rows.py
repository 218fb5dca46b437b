"""Blobs of one axis for engines that know none: OpenCV sees n numbers now as (n), now as (n, 1), and stumbles over it.

The layer is moved to (1, n), so that one axis is left to inputs, to Reshape and to what a Reshape reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.caffe import layers, traits
from converters.caffe.graph import Blob, Node, layer
from converters.errors import require

# the layers that may be moved to a row
ROWS = tuple(kind for kind, row in traits.TABLE.items() if row.elementwise or row.along_axis)


def as_row(node: Node) -> tuple[Blob, ...]:
    """The same layer on (1, n), its axis counted on by one."""
    require(all(blob.rank == 1 for blob in node.bottoms), "")
    row = traits.of(node.type)
    params: Mapping[str, Any] = node.params
    if row.along_axis:
        params = {**params, row.message: {**node.values.given, "axis": 1}}
    count = 1 if row.broadcasts else len(node.bottoms)
    rows = [layers.reshape(blob, (1, *blob.shape)) for blob in node.bottoms[:count]]
    made = layer(node.type, *rows, *node.bottoms[count:], tops=len(node.shapes), blobs=node.blobs, **params)
    return tuple(layers.reshape(top, shape) for top, shape in zip(made.tops, node.shapes, strict=True))
