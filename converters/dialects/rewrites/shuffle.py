"""Channel shuffle and pixel shuffle for engines that lack them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy


def shuffle_by_permute(node: Node) -> Blob:
    """(N, g, C/g, HW) with axes 1 and 2 swapped: 4-D all the way, also where the Permute is made of slices in turn."""
    x = node.bottoms[0]
    n, c, h, w = x.shape
    group = node.values["group"]
    return layers.reshape(layers.permute(layers.reshape(x, (n, group, c // group, h * w)), (0, 2, 1, 3)), x.shape)


def pixel_shuffle_by_deconvolution(node: Node) -> Blob:
    """Each output channel is a Deconvolution of its r * r input channels, one pixel of the r x r kernel for each."""
    r, c = node.values["upscale_factor"], node.shapes[0][1]

    def one_hot() -> npt.NDArray[np.float32]:
        return np.tile(np.eye(r * r, dtype=np.float32), (c, 1)).reshape(c * r * r, 1, r, r)

    weight = Lazy((c * r * r, 1, r, r), one_hot)
    return layers.convolution(node.bottoms[0], weight, stride=(r, r), group=c, transposed=True)
