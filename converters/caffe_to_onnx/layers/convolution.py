"""Weights that slide over an image."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Array, Shape
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require

Pair: TypeAlias = "tuple[int | None, int | None]"
Sizes: TypeAlias = "tuple[list[int], list[int], list[int], list[int]]"
LARGEST_KERNEL = 2**24  # numbers of a kernel that is made here


def along_axes(name: str, count: int, values: Sequence[int] | int | None, pair: Pair, default: int | None) -> list[int]:
    """Kernel, stride, pad or dilation for each axis, from the one field or from _h and _w.

    Caffe refuses both at once, and needs both of a pair (of pad and stride, 0 where one is left out).
    """
    listed = [] if values is None else [values] if isinstance(values, int) else list(values)
    if any(value is not None for value in pair):
        require(not listed, f"gives {name} twice")
        require(count == 2, f"gives {name}_h and {name}_w for {count} axes")
        listed = [value if value is not None else 0 for value in pair]
    if not listed and default is not None:
        listed = [default]
    require(len(listed) in (1, count), f"gives {len(listed)} values of {name} for {count} axes")
    return listed * count if len(listed) == 1 else listed


@lifts("Convolution", "ConvolutionDepthwise", "Deconvolution", "DepthwiseConvolution")
def convolution(
    op: Ops,
    *xs: ir.Value,
    num_output: int | None,
    bias_term: bool,
    pad: Sequence[int],
    kernel_size: Sequence[int],
    group: int,
    stride: Sequence[int],
    pad_h: int,
    pad_w: int,
    kernel_h: int | None,
    kernel_w: int | None,
    stride_h: int | None,
    stride_w: int | None,
    axis: int,
    dilation: Sequence[int],
    blobs: Blobs,
) -> tuple[ir.Value, ...]:
    """Convolution -> Conv, Deconvolution -> ConvTranspose, for each bottom with the same weights.

    Both ends of an axis have the same pad. The weights have the same layout in both.
    """
    channels, count = _image(dims(xs[0]), axis)
    kind, transposed = blobs.layer.type, blobs.layer.type == "Deconvolution"
    if "epthwise" in kind and group == 1:  # the forks' own types: a kernel for each channel, unless told otherwise
        group = channels
    pairs = (kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w)
    sizes = _windows(count, kernel_size, stride, pad, dilation, pairs)
    weight, *bias = blobs.take(*_shapes(num_output, channels, group, sizes[0], bias_term, transposed=transposed))
    operator = "ConvTranspose" if transposed else "Conv"
    return tuple(_slid(op, operator, x, weight, bias, group, sizes) for x in xs)


@lifts("Im2col")
def im2col(
    op: Ops,
    x: ir.Value,
    *,
    pad: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    pad_h: int,
    pad_w: int,
    kernel_h: int | None,
    kernel_w: int | None,
    stride_h: int | None,
    stride_w: int | None,
    axis: int,
    dilation: Sequence[int],
) -> ir.Value:
    """Im2col, every window as channels -> Conv by channel whose kernels have a single 1 each."""
    channels, count = _image(dims(x), axis)
    pairs = (kernel_h, kernel_w), (stride_h, stride_w), (pad_h, pad_w)
    sizes = _windows(count, kernel_size, stride, pad, dilation, pairs)
    taps = prod(sizes[0])
    require(channels * taps * taps <= LARGEST_KERNEL, f"has windows of {taps} numbers in {channels} channels")
    one = np.tile(np.eye(taps, dtype=np.float32).reshape(taps, 1, *sizes[0]), (channels, *(1,) * (count + 1)))
    return _slid(op, "Conv", x, one, [], channels, sizes)


def _image(shape: Shape, axis: int) -> tuple[int, int]:
    """The number of channels, and of axes behind them."""
    require(len(shape) >= 3, f"takes three axes or more, not {len(shape)}")
    require(axis in (1, 1 - len(shape)), f"has its channels on axis {axis}; ONNX has them on axis 1")
    return shape[1], len(shape) - 2


def _windows(
    count: int,
    kernel: Sequence[int],
    stride: Sequence[int],
    pad: Sequence[int],
    dilation: Sequence[int],
    pairs: tuple[Pair, Pair, tuple[int, int]],
) -> Sizes:
    """Kernel, stride, pad and dilation for each axis; `pairs` are the first three as _h and _w."""
    kernels, strides, pads = pairs
    found = (
        along_axes("kernel", count, kernel, kernels, None),
        along_axes("stride", count, stride, strides, 1),
        along_axes("pad", count, pad, pads if any(pads) else (None, None), 0),
        along_axes("dilation", count, dilation, (None, None), 1),
    )
    require(all(size > 0 for sizes in (found[0], found[1], found[3]) for size in sizes), "a kernel or stride of 0")
    return found


def _shapes(
    outputs: int | None, channels: int, group: int, kernel: Sequence[int], bias: bool, *, transposed: bool
) -> list[Shape]:
    require(outputs, "has no num_output")
    assert outputs is not None
    require(group > 0 and channels % group == 0 and outputs % group == 0, f"{group} groups do not divide its channels")
    ends = (channels, outputs // group) if transposed else (outputs, channels // group)
    return [(*ends, *kernel), *([(outputs,)] if bias else [])]


def _slid(
    op: Ops,
    kind: str,
    x: ir.Value,
    weight: Array,
    bias: Sequence[Array],
    group: int,
    sizes: Sizes,
) -> ir.Value:
    """The operator itself."""
    kernel, stride, pad, dilation = sizes
    return op.node(
        kind,
        x,
        op.constant(weight, "weight"),
        *(op.constant(one, "bias") for one in bias),
        kernel_shape=kernel,
        strides=stride,
        pads=[*pad, *pad],
        dilations=dilation,
        group=group,
    )
