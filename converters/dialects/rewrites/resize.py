"""Upsample for engines that have none."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.net import Lazy


def upsample_by_resize(node: Node) -> Blob:
    """OpenCV's Resize, which takes its parameters from a message that it does not know."""
    param = {"interpolation": "nearest", "zoom_factor": node.values["scale"]}
    return layer("Resize", *node.bottoms, resize_param=param).tops[0]


def upsample_by_deconvolution(node: Node) -> Blob:
    """Every pixel as a square of pixels: a depthwise Deconvolution with ones, its stride its kernel."""
    x, scale = node.bottoms[0], node.values["scale"]
    shape = (x.shape[1], 1, scale, scale)
    ones = Lazy(shape, lambda: np.ones(shape, np.float32))
    return layers.depthwise(x, ones, stride=(scale, scale), transposed=True)
