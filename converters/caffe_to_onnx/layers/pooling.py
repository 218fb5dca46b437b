"""Windows of an image -> one number each, by Caffe's rules of rounding, padding and dividing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe.shapes import pooled_size
from converters.caffe.shapes.forks import levels
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.layers.convolution import along_axes
from converters.caffe_to_onnx.registry import lifts
from converters.errors import require

LOWEST = float(np.finfo(np.float32).min)  # what Caffe's maximum starts from
LARGEST_PLANE = 2**24  # windows whose divisors are worked out one by one
TINY = float(np.finfo(np.float32).tiny)  # and its sum of a stochastic pooling


@dataclass(frozen=True)
class Windows:
    """The windows of a pooling along height and width: how large, how far apart, from where on, and how many."""

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    count: tuple[int, int]

    @property
    def end(self) -> tuple[int, int]:
        """Padding behind the image that makes ONNX's rule (sizes rounded down) give exactly these windows."""
        reach = zip(self.count, self.stride, self.kernel, self.size, self.pad, strict=True)
        far, wide = (max(0, (n - 1) * s + k - h - p) for n, s, k, h, p in reach)
        return far, wide

    def divisors(self) -> np.ndarray:
        """What Caffe divides each window's sum by: its area within the image padded alike at both ends."""
        ends = []
        for n, s, k, h, p in zip(self.count, self.stride, self.kernel, self.size, self.pad, strict=True):
            start = np.arange(n) * s - p
            ends.append(np.minimum(start + k, h + p) - start)
        return np.outer(ends[0], ends[1]).astype(np.float32)

    def empty(self) -> bool:
        """Whether some window begins behind the image, so that it holds no number at all."""
        reach = zip(self.count, self.stride, self.size, self.pad, strict=True)
        return any((n - 1) * s - p >= h for n, s, h, p in reach)


@lifts("Pooling")
def pooling(
    op: Ops,
    x: ir.Value,
    *,
    pool: str,
    kernel_size: int | None,
    stride: int | None,
    pad: int,
    kernel_h: int | None,
    kernel_w: int | None,
    stride_h: int | None,
    stride_w: int | None,
    pad_h: int,
    pad_w: int,
    global_pooling: bool,
    round_mode: str,
    ceil_mode: bool,
    tops: Sequence[Shape],
    dialect: str,
) -> ir.Value | tuple[ir.Value, ...]:
    """Pooling -> MaxPool or AveragePool with padding that gives Caffe's windows, whichever way it rounds."""
    shape = dims(x)
    if global_pooling:
        kernel, strides, pads = list(shape[2:]), [1, 1], [0, 0]
    else:
        kernel = along_axes("kernel", 2, kernel_size, (kernel_h, kernel_w), None)
        one = None if stride_h is not None or stride_w is not None else stride
        strides = along_axes("stride", 2, one, (stride_h, stride_w), 1)
        pads = [pad, pad] if pad else [pad_h, pad_w]
    require(all(kernel) and all(strides), "has a kernel or stride of 0")
    floor = round_mode == "FLOOR" or not ceil_mode
    clips = any(pads) and dialect not in ("ncnn", "mnn")
    count = [pooled_size(*one, floor=floor, padded=clips) for one in zip(shape[2:], kernel, strides, pads, strict=True)]
    windows = Windows((shape[2], shape[3]), _two(kernel), _two(strides), _two(pads), _two(count))
    if pool == "MAX" and len(tops) == 2:
        return _with_places(op, x, windows)
    if pool == "MAX":
        return _maximum(op, x, windows)
    require(len(tops) == 1, "has two tops, which is for MAX alone")
    if pool == "AVE":
        return _average(op, x, windows, alone=dialect == "ncnn")
    require(not any(pads), "is stochastic with padding, which Caffe refuses")
    return _stochastic(op, x, windows)


def _two(values: Sequence[int]) -> tuple[int, int]:
    first, second = values
    return first, second


def _maximum(op: Ops, x: ir.Value, windows: Windows) -> ir.Value:
    if windows.size == windows.kernel and not any(windows.pad):
        return op.GlobalMaxPool(x)
    shape = {"kernel_shape": windows.kernel, "strides": windows.stride}
    if windows.empty():  # MaxPool has no windows without a number; Caffe's answer for them is the lowest float
        return op.MaxPool(op.pad(x, (0, 0, *windows.pad), (0, 0, *windows.end), LOWEST), **shape)
    return op.MaxPool(x, pads=[*windows.pad, *windows.end], **shape)


def _with_places(op: Ops, x: ir.Value, windows: Windows) -> tuple[ir.Value, ...]:
    """The largest number of each window, and where in its plane it is."""
    require(not windows.empty(), "tells the places of the largest numbers, of windows that hold none")
    shape = {"kernel_shape": windows.kernel, "strides": windows.stride, "pads": [*windows.pad, *windows.end]}
    largest, places = op.several("MaxPool", 2, x, **shape)
    plane = windows.size[0] * windows.size[1]
    return largest, op.floats(op.Mod(places, np.asarray(plane, np.int64)))


def _average(op: Ops, x: ir.Value, windows: Windows, alone: bool) -> ir.Value:
    """The mean; `alone`: over what lies inside the image, as ncnn has it."""
    if windows.size == windows.kernel and not any(windows.pad):
        return op.GlobalAveragePool(x)
    require(not windows.empty(), "averages a window that begins behind the image, where Caffe divides by zero")
    shape = {"kernel_shape": windows.kernel, "strides": windows.stride, "pads": [*windows.pad, *windows.end]}
    if alone or not any(windows.pad):
        return op.AveragePool(x, count_include_pad=0, **shape)
    require(windows.count[0] * windows.count[1] <= LARGEST_PLANE, f"has {windows.count} windows")
    mean = op.AveragePool(x, count_include_pad=1, **shape)
    area, divisors = windows.kernel[0] * windows.kernel[1], windows.divisors()
    return mean if (divisors == area).all() else op.Mul(mean, op.constant(area / divisors, "area"))


def _stochastic(op: Ops, x: ir.Value, windows: Windows) -> ir.Value:
    """When testing: each number weighted by itself, the sum of squares over the sum."""
    shape = {"kernel_shape": windows.kernel, "strides": windows.stride, "pads": [0, 0, *windows.end]}
    require(not windows.empty(), "has a window that begins behind the image")
    means = [op.AveragePool(part, count_include_pad=0, **shape) for part in (op.Mul(x, x), x)]
    return op.Div(means[0], op.Add(means[1], TINY))


@lifts("SPP")
def pyramid(op: Ops, x: ir.Value, *, pyramid_height: int | None, pool: str, tops: Sequence[Shape]) -> ir.Value:
    """SPP -> a Pooling into 1, 4, 16, ... windows for each level, flattened and put side by side."""
    shape = dims(x)
    require(pyramid_height, "has no pyramid_height")
    require(pool != "STOCHASTIC", "is stochastic, which Caffe refuses")
    assert pyramid_height is not None
    parts = []
    for kernel, pads, counts in levels(shape, pyramid_height):
        windows = Windows((shape[2], shape[3]), _two(kernel), _two(kernel), _two(pads), _two(counts))
        parts.append(_maximum(op, x, windows) if pool == "MAX" else _average(op, x, windows, False))
    if pyramid_height == 1:
        return parts[0]
    return op.Concat(*(op.Flatten(one, axis=1) for one in parts), axis=1)


@lifts("ROIPooling")
def roi_pooling(
    op: Ops, x: ir.Value, rois: ir.Value, *, pooled_h: int, pooled_w: int, spatial_scale: float
) -> ir.Value:
    """ROIPooling -> MaxRoiPool, which has Fast R-CNN's own rules: corners rounded, an empty bin is 0."""
    boxes = rois if len(dims(rois)) == 2 else op.reshape(rois, (-1, 5))
    return op.MaxRoiPool(x, boxes, pooled_shape=[pooled_h, pooled_w], spatial_scale=spatial_scale)
