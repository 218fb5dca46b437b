"""A layer that changes nothing, where OpenCV would fuse two layers wrongly."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, remade
from converters.dialects.fusion import fused_wrongly
from converters.errors import require


def keep_apart(node: Node) -> Blob:
    """Put a Split before the layer."""
    require(fused_wrongly(node), "it is not fused")
    x, *rest = node.bottoms
    return remade(node, (layers.split(x), *rest)).tops[0]
