"""Upsample for engines that have none."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy
from converters.dialects.legalise import rewrites


@rewrites("Upsample")
def upsample_by_deconvolution(node: Node) -> Blob:
    """Every pixel as a square of pixels: a depthwise Deconvolution with ones, its stride its kernel."""
    x, scale = node.bottoms[0], node.param("upsample_param")["scale"]
    shape = (x.shape[1], 1, scale, scale)
    ones = Lazy(shape, lambda: np.ones(shape, np.float32))
    return layers.depthwise(x, ones, stride=(scale, scale), transposed=True)
