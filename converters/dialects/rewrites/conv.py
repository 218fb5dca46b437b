"""Convolution and Deconvolution in the shapes that an engine has them in."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.kernels import grown, spread
from converters.caffe.net import Lazy, Weights
from converters.caffe.values import spatial
from converters.errors import require

Fields = tuple[list[int], list[int], list[int], int]


def _fields(node: Node) -> Fields:
    """Stride, pad and dilation of each spatial axis, and the group."""
    count = node.bottoms[0].rank - 2
    stride, pad, dilation = (spatial(node.values, name, count) for name in ("stride", "pad", "dilation"))
    return stride, pad, dilation, node.values["group"]


def _bias(node: Node) -> Weights | None:
    return node.blobs[1] if len(node.blobs) > 1 else None


def dilation_as_zero_taps(node: Node) -> Blob:
    """A dilated kernel -> the same kernel with zeros between its taps."""
    stride, pad, dilation, group = _fields(node)
    require(set(dilation) != {1}, "it has no dilation")
    weight = spread(node.blobs[0], dilation)
    return layers.convolution(
        node.bottoms[0], weight, _bias(node), stride=stride, pad=pad, group=group, transposed=True
    )


def one_tap_of_three(node: Node) -> Blob:
    """A kernel of one tap -> the tap between two zeros, with that much more pad."""
    require(set(node.blobs[0].shape[2:]) == {1}, "its kernel has more than one tap")
    stride, pad, _, group = _fields(node)
    side = [0] * (len(pad) - 1) + [1]
    weight = grown(node.blobs[0], side, side)
    pad = [*pad[:-1], pad[-1] + 1]
    return layers.convolution(
        node.bottoms[0], weight, _bias(node), stride=stride, pad=pad, group=group, transposed=True
    )


def _flat(node: Node, transposed: bool) -> Blob:
    """Over one axis -> over two, the first of size 1."""
    x, weight = node.bottoms[0], node.blobs[0]
    require(x.rank == 3, "it has more than one spatial axis")
    stride, pad, dilation, group = _fields(node)
    kernel = Lazy((*weight.shape[:2], 1, weight.shape[2]), lambda: np.asarray(weight, np.float32)[:, :, None])
    y = layers.convolution(
        layers.reshape(x, (*x.shape[:2], 1, x.shape[2])),
        kernel,
        _bias(node),
        stride=(1, *stride),
        pad=(0, *pad),
        dilation=(1, *dilation),
        group=group,
        transposed=transposed,
    )
    return layers.reshape(y, node.shapes[0])


def convolution_over_one_row(node: Node) -> Blob:
    """Convolution over one axis -> over an image of one row."""
    return _flat(node, transposed=False)


def depthwise_of_five_columns(node: Node) -> Blob:
    """A depthwise kernel three columns wide -> five, the outer ones zero: engines have a loop of their own for 3."""
    weight = node.blobs[0]
    stride, pad, dilation, group = _fields(node)
    require(
        group == node.bottoms[0].shape[1] and weight.shape[-1] == 3, "it is not depthwise or not three columns wide"
    )
    ends = [0] * (len(pad) - 1) + [1]
    return layers.convolution(
        node.bottoms[0],
        grown(weight, ends, ends),
        _bias(node),
        stride=stride,
        pad=[*pad[:-1], pad[-1] + dilation[-1]],
        dilation=dilation,
        group=group,
    )


def deconvolution_over_one_row(node: Node) -> Blob:
    """Deconvolution over one axis -> over an image of one row."""
    return _flat(node, transposed=True)


def depth_as_channels(node: Node) -> Blob:
    """Deconvolution of a volume -> of an image whose channels are the channels' slices, each its own row of weights."""
    x, weight = node.bottoms[0], node.blobs[0]
    require(x.rank == 5, "it is not over a volume")
    stride, pad, dilation, group = _fields(node)
    n, c, depth, *image = x.shape
    per_group, taps, *kernel = weight.shape[1:]
    out = node.shapes[0]

    def compute() -> np.ndarray:
        full = np.zeros((c, depth, per_group, out[2], *kernel), np.float32)
        for source in range(depth):
            for tap in range(taps):
                target = source * stride[0] - pad[0] + tap * dilation[0]
                if 0 <= target < out[2]:
                    full[:, source, :, target] = np.asarray(weight, np.float32)[:, :, tap]
        return full.reshape(c * depth, per_group * out[2], *kernel)

    old = _bias(node)
    bias = Lazy((out[1] * out[2],), lambda: np.repeat(np.asarray(old, np.float32), out[2])) if old is not None else None
    y = layers.convolution(
        layers.reshape(x, (n, c * depth, *image)),
        Lazy((c * depth, per_group * out[2], *kernel), compute),
        bias,
        stride=stride[1:],
        pad=pad[1:],
        dilation=dilation[1:],
        group=group,
        transposed=True,
    )
    return layers.reshape(y, out)
