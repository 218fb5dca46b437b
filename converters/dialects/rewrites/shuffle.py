"""Channel shuffle and transposes from Reshape, Slice and Concat."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.dialects.legalise import rewrites


@rewrites("ShuffleChannel")
def shuffle_by_slices(node: Node) -> Blob:
    """(N, g, C/g, HW) cut into its g groups, which are laid side by side on a new axis: 4-D all the way."""
    x = node.bottoms[0]
    n, c, h, w = x.shape
    group = node.param("shuffle_channel_param")["group"]
    grouped = layers.reshape(x, (n, group, c // group, h * w))
    parts = layers.slices(grouped, 1, range(1, group))
    side = layers.concat(2, *(layers.reshape(part, (n, c // group, 1, h * w)) for part in parts))
    return layers.reshape(side, x.shape)


@rewrites("Scale")
def unfused_scale(node: Node) -> Blob:
    """Put a Split between a convolution and a Scale that OpenCV would fuse wrongly."""
    x, *rest = node.bottoms
    return Node(node.type, (layers.identity(x), *rest), node.params, node.blobs, node.shapes).tops[0]
