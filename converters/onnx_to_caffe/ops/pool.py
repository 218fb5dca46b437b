"""MaxPool and AveragePool -> Pooling. Caffe rounds sizes up and averages over the padding as well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.shapes import pooled_size
from converters.errors import require
from converters.onnx_to_caffe.ops.conv import explicit_pads
from converters.onnx_to_caffe.registry import Value, lowers, need_blob


def _windows(
    x: Blob, kernel: Sequence[int], strides: Sequence[int], begin: Sequence[int], end: Sequence[int], ceil: bool
) -> list[int]:
    """Output sizes by ONNX's rule: a window that would start in the trailing pad is dropped."""
    sizes = []
    for n, k, s, b, e in zip(x.shape[2:], kernel, strides, begin, end, strict=True):
        span = n + b + e - k
        out = (-(-span // s) if ceil else span // s) + 1
        sizes.append(out - 1 if ceil and (out - 1) * s >= n + b else out)
    return sizes


def _pool(
    x: Blob, method: str, kernel: Sequence[int], strides: Sequence[int], pad: Sequence[int], sizes: Sequence[int]
) -> Blob:
    """Pooling with even pads that gives `sizes`: by Caffe's own rounding where it does, else by floor."""
    axes = list(zip(x.shape[2:], kernel, strides, pad, strict=True))
    up, down = (
        [pooled_size(*axis, floor=floor, padded=any(pad)) for axis in axes] for floor in (False, True)
    )
    require(list(sizes) in (up, down), f"output size {list(sizes)} is neither Caffe's {up} nor its floor {down}")
    return layers.pooling(x, method, kernel, stride=strides, pad=pad, floor=list(sizes) != up)


@lowers("MaxPool")
def max_pool(
    x: Value,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    storage_order: int = 0,
) -> Blob:
    """MaxPool -> Pooling MAX, padding never wins."""
    x = need_blob(x, "the input")
    require(len(kernel_shape) == 2, f"a pooling over {len(kernel_shape)} axes; Caffe pools two")
    require(set(dilations) <= {1}, f"dilations {list(dilations)}: Caffe's pooling has none")
    strides = list(strides) or [1, 1]
    begin, end = explicit_pads(auto_pad, pads, x.shape[2:], kernel_shape, strides)
    sizes = _windows(x, kernel_shape, strides, begin, end, bool(ceil_mode) and auto_pad == "NOTSET")
    require(begin == end, f"pads {begin} and {end} differ between ends")
    return _pool(x, "MAX", kernel_shape, strides, begin, sizes)


@lowers("AveragePool")
def average_pool(
    x: Value,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> Blob:
    """AveragePool -> Pooling AVE; where padding must not count, a fixed Scale corrects each window's divisor."""
    x = need_blob(x, "the input")
    require(len(kernel_shape) == 2, f"a pooling over {len(kernel_shape)} axes; Caffe pools two")
    require(set(dilations) <= {1}, f"dilations {list(dilations)}: Caffe's pooling has none")
    strides = list(strides) or [1, 1]
    begin, end = explicit_pads(auto_pad, pads, x.shape[2:], kernel_shape, strides)
    sizes = _windows(x, kernel_shape, strides, begin, end, bool(ceil_mode) and auto_pad == "NOTSET")
    require(begin == end, f"pads {begin} and {end} differ between ends")
    y = _pool(x, "AVE", kernel_shape, strides, begin, sizes)
    if count_include_pad or not any(begin):
        return y
    factors = [
        _divisors(*axis, inside=False) / _divisors(*axis, inside=True)
        for axis in zip(x.shape[2:], kernel_shape, strides, begin, sizes, strict=True)
    ]
    return layers.scale(y, np.outer(*factors).astype(np.float32), axis=2)


def _divisors(size: int, kernel: int, stride: int, pad: int, out: int, inside: bool) -> np.ndarray:
    """Window lengths along one axis: as Caffe counts them (with padding), or inside the image alone."""
    start = np.arange(out) * stride - pad
    if inside:
        return np.minimum(start + kernel, size) - np.maximum(start, 0)
    return np.minimum(start + kernel, size + pad) - start


@lowers("GlobalAveragePool")
def global_average_pool(x: Value) -> Blob:
    """GlobalAveragePool -> Pooling AVE over the whole plane."""
    x = need_blob(x, "the input")
    require(x.rank == 4, f"a global pooling of {x.rank} axes; Caffe pools four")
    return layers.global_pooling(x, "AVE")


@lowers("GlobalMaxPool")
def global_max_pool(x: Value) -> Blob:
    """GlobalMaxPool -> Pooling MAX over the whole plane."""
    x = need_blob(x, "the input")
    require(x.rank == 4, f"a global pooling of {x.rank} axes; Caffe pools four")
    return layers.global_pooling(x, "MAX")
