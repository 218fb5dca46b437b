"""A depthwise convolution as one of groups of two channels or more, for an engine whose depthwise kernel is wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy
from converters.dialects.legalise import rewrites
from converters.errors import require


@rewrites("Convolution")
def depthwise_in_groups(node: Node) -> Blob:
    """Each channel gets a second one beside it with weight 0 (more where the channels are no even number)."""
    param, channels = node.param("convolution_param"), node.bottoms[0].shape[1]
    require(1 < param.get("group", 1) == channels == param["num_output"], "it is not depthwise")
    size = next(count for count in range(2, channels + 1) if channels % count == 0)
    weight, *rest = node.blobs
    shape = (channels, size, *weight.shape[2:])

    def spread() -> npt.NDArray[np.float32]:
        wide = np.zeros(shape, np.float32)
        wide[np.arange(channels), np.arange(channels) % size] = np.asarray(weight, np.float32)[:, 0]
        return wide

    grouped = {**param, "group": channels // size}
    params = {**node.params, "convolution_param": {k: v for k, v in grouped.items() if (k, v) != ("group", 1)}}
    return Node(node.type, node.bottoms, params, (Lazy(shape, spread), *rest), node.shapes).tops[0]
