"""Convolutions whose kernel is computed by the network: the windows as columns, times the kernels as a matrix."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.caffe.composite.layers import product
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape


def picks(channels: int, kernel: Shape) -> Lazy:
    """For each channel, a kernel for each tap that reads this tap alone: (channels * taps, 1, *kernel)."""
    taps = prod(kernel)
    shape = (channels * taps, 1, *kernel)
    return Lazy(shape, lambda: np.tile(np.eye(taps, dtype=np.float32), (channels, 1)).reshape(shape))


def _for_each(w: Blob, batch: int, group: int) -> Blob:
    """A kernel (R, S, *k) as a matrix for each image and group: (batch * group, R / group, S * taps)."""
    rows, columns = w.shape[0] // group, prod(w.shape[1:])
    every = expand(layers.reshape(w, (1, group, rows, columns)), (batch, group, rows, columns))
    return layers.reshape(every, (batch * group, rows, columns))


def product_of_columns(columns: Blob, w: Blob, group: int) -> Blob:
    """(N, C * taps, *out) times a computed kernel (M, C / group, *k) -> (N, M, *out)."""
    n, rows, *out = columns.shape
    parts = layers.reshape(columns, (n * group, rows // group, prod(out)))
    return layers.reshape(product(_for_each(w, n, group), parts), (n, w.shape[0], *out))


def spread_to_columns(x: Blob, w: Blob, group: int) -> Blob:
    """(N, C, *in) times a computed kernel (C, M / group, *k) -> what pixels add to windows, (N, M * taps, *in)."""
    n, c, *size = x.shape
    parts = layers.reshape(x, (n * group, c // group, prod(size)))
    made = product(_for_each(w, n, group), parts, trans_a=True)
    return layers.reshape(made, (n, group * prod(w.shape[1:]), *size))
