"""Conv and ConvTranspose -> Convolution and Deconvolution. Caffe pads both ends of an axis alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Weights
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


def explicit_pads(
    auto_pad: str, pads: Sequence[int], size: Sequence[int], kernel: Sequence[int], stride: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return (begins, ends) for any auto_pad; `kernel` is the extent with dilation."""
    count = len(kernel)
    if auto_pad == "NOTSET":
        pads = list(pads) or [0] * (2 * count)
        return list(pads[:count]), list(pads[count:])
    if auto_pad == "VALID":
        return [0] * count, [0] * count
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    return (small, large) if auto_pad == "SAME_UPPER" else (large, small)


def _grown(weight: Weights, front: Sequence[int], back: Sequence[int]) -> Lazy:
    """The kernel with zero taps before and after each axis, which stand for pad on one end alone."""
    shape = (*weight.shape[:2], *(k + f + b for k, f, b in zip(weight.shape[2:], front, back, strict=True)))
    widths = [(0, 0), (0, 0), *zip(front, back, strict=True)]
    return Lazy(shape, lambda: np.pad(np.asarray(weight, np.float32), widths))


def _spread(weight: Weights, dilation: Sequence[int]) -> Lazy:
    """The kernel with its dilation written out as zero taps."""
    shape = (*weight.shape[:2], *(d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)))
    steps = (slice(None), slice(None), *(slice(None, None, d) for d in dilation))

    def compute() -> np.ndarray:
        out = np.zeros(shape, np.float32)
        out[steps] = np.asarray(weight, np.float32)
        return out

    return Lazy(shape, compute)


@lowers("Conv")
def conv(
    x: Value,
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
    x, w = need_blob(x, "the input"), need_const(w, "the weight")
    bias = need_const(b, "the bias") if b is not None else None
    count = w.rank - 2
    require(not kernel_shape or tuple(kernel_shape) == w.shape[2:], f"kernel_shape {list(kernel_shape)} of {w.shape}")
    strides, dilations = list(strides) or [1] * count, list(dilations) or [1] * count
    extent = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilations, strict=True)]
    begin, end = explicit_pads(auto_pad, pads, x.shape[2:], extent, strides)
    weight: Weights = w
    x, weight, pad, dilations = _even_pads(x, weight, begin, end, dilations)
    return layers.convolution(x, weight, bias, stride=strides, pad=pad, dilation=dilations, group=group)


def _even_pads(
    x: Blob, weight: Weights, begin: list[int], end: list[int], dilation: list[int]
) -> tuple[Blob, Weights, list[int], list[int]]:
    """Make the pads of every axis alike: crop where they are negative, grow the kernel where they differ."""
    for i in range(len(begin)):
        size = x.shape[2 + i]
        if begin[i] < 0 or end[i] < 0:
            x = layers.narrow(x, 2 + i, max(-begin[i], 0), size - max(-end[i], 0))
    begin, end = [max(p, 0) for p in begin], [max(p, 0) for p in end]
    if begin == end:
        return x, weight, begin, dilation
    differ = [abs(e - b) for b, e in zip(begin, end, strict=True)]
    if any(gap % d for gap, d in zip(differ, dilation, strict=True)):
        weight, dilation = _spread(weight, dilation), [1] * len(dilation)
    front = [max(e - b, 0) // d for b, e, d in zip(begin, end, dilation, strict=True)]
    back = [max(b - e, 0) // d for b, e, d in zip(begin, end, dilation, strict=True)]
    return x, _grown(weight, front, back), [max(p) for p in zip(begin, end, strict=True)], dilation


@lowers("ConvTranspose")
def conv_transpose(
    x: Value,
    w: Value,
    b: Value | None = None,
    *,
    out_shapes: Sequence[tuple[int, ...]],
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
    output_padding: Sequence[int] = (),
    output_shape: Sequence[int] = (),
) -> Blob:
    """ConvTranspose -> Deconvolution; uneven pads and output_padding become zero taps of the kernel."""
    x, w = need_blob(x, "the input"), need_const(w, "the weight")
    bias = need_const(b, "the bias") if b is not None else None
    count = w.rank - 2
    strides, dilations = list(strides) or [1] * count, list(dilations) or [1] * count
    extra = list(output_padding) or [0] * count
    extent = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilations, strict=True)]
    if output_shape or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = list(output_shape)[-count:] or [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
        total = [
            max(s * (n - 1) + o + k - want, 0)
            for n, s, o, k, want in zip(x.shape[2:], strides, extra, extent, wanted, strict=True)
        ]
        half = [t // 2 for t in total]
        rest = [t - h for t, h in zip(total, half, strict=True)]
        begin, end = (half, rest) if auto_pad == "SAME_UPPER" else (rest, half)
    else:
        begin, end = explicit_pads(auto_pad, pads, x.shape[2:], extent, strides)
    end = [e - o for e, o in zip(end, extra, strict=True)]
    weight: Weights = w
    if begin != end:
        weight, dilations = (_spread(w, dilations), [1] * count) if set(dilations) != {1} else (w, dilations)
        pad = [max(*p, 0) for p in zip(begin, end, strict=True)]
        front = [p - b for p, b in zip(pad, begin, strict=True)]
        back = [p - e for p, e in zip(pad, end, strict=True)]
        weight = _grown(weight, front, back)
    else:
        pad = [max(p, 0) for p in begin]
        if min(begin, default=0) < 0:
            weight = _grown(_spread(w, dilations), [-min(p, 0) for p in begin], [-min(p, 0) for p in end])
            dilations = [1] * count
    return layers.convolution(
        x, weight, bias, stride=strides, pad=pad, dilation=dilations, group=group, transposed=True
    )


