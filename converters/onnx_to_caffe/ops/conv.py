"""Conv -> Convolution. Caffe pads both ends of an axis alike."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.kernels import grown_dilated, uneven
from converters.caffe.net import Weights
from converters.errors import require
from converters.onnx_to_caffe.parts.unfold import picks, product_of_columns
from converters.onnx_to_caffe.parts.windows import Axis, axes
from converters.onnx_to_caffe.registry import Value, lowers


def convolve(x: Blob, weight: Weights, bias: Weights | None, windows: Sequence[Axis], group: int) -> Blob:
    """Convolution over any windows. Where an axis' pads can't be alike, the kernel gets zero taps on one end."""
    gaps = [uneven(axis.size, axis.begin, axis.extent, axis.stride, axis.dilation, axis.count) for axis in windows]
    front, back = [max(gap, 0) for gap in gaps], [max(-gap, 0) for gap in gaps]
    pad = [axis.begin + f for axis, f in zip(windows, front, strict=True)]
    weight, dilation = grown_dilated(weight, front, back, [axis.dilation for axis in windows])
    stride = [axis.stride for axis in windows]
    return layers.convolution(x, weight, bias, stride=stride, pad=pad, dilation=dilation, group=group)


@lowers("Conv")
def conv(
    x: Blob,
    w: Value,
    b: Value | None = None,
    *,
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Blob:
    """Conv -> Convolution; pads that differ between ends become zero taps of the kernel."""
    require(w.rank == x.rank, f"a weight of {w.rank} axes for an input of {x.rank}")
    require(group > 0, f"{group} groups")
    channels, images = x.shape[1], w.shape[1] * group
    require(images == channels, f"weights for {images} channels on an input of {channels}")
    check_bias(b, w.shape[0])
    kernel = w.shape[2:]
    require(not kernel_shape or tuple(kernel_shape) == kernel, f"kernel_shape {list(kernel_shape)} of {w.shape}")
    windows = axes(x.shape[2:], kernel, strides, pads, dilations, auto_pad)
    if isinstance(w, Blob):
        columns = convolve(x, picks(x.shape[1], kernel), None, windows, x.shape[1])
        return biased(product_of_columns(columns, w, group), b)
    if isinstance(b, Blob):
        return biased(convolve(x, w, None, windows, group), b)
    return convolve(x, w, b, windows, group)


def check_bias(b: Value | None, channels: int) -> None:
    """Demand one number a channel: onnx's own checks let any bias through."""
    require(b is None or b.shape == (channels,), f"a bias of {b.shape if b else ()} for {channels} channels")


def biased(y: Blob, b: Value | None) -> Blob:
    """y + b per channel."""
    if b is None:
        return y
    return layers.bias_by(y, b, axis=1) if isinstance(b, Blob) else layers.bias(y, b)
