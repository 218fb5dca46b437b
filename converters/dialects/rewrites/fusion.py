"""A layer that changes nothing, where OpenCV would fuse two layers wrongly."""

from __future__ import annotations

from converters.caffe.graph import Blob, Node, remade, same
from converters.dialects.fusion import fused_wrongly
from converters.errors import require


def keep_apart(node: Node) -> Blob:
    """Put a Reshape that changes nothing before the layer: nothing is fused across one, and most importers read it."""
    require(fused_wrongly(node), "it is not fused")
    x, *rest = node.bottoms
    return remade(node, (same(x), *rest)).tops[0]
