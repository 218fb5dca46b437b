"""Layers that slide a window over the axes after the channels. Pooling rounds up unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.net import Shape
from converters.caffe.schema import MAX_COUNT
from converters.caffe.shapes.rule import Rule
from converters.caffe.values import Values, spatial
from converters.errors import require


def _windows(values: Values, x: Shape) -> list[tuple[int, int, int, int, int]]:
    """Size, stride, pad, dilation and kernel along each axis after the channels."""
    count = len(x) - 2
    require(count >= 1, f"Convolution takes at least 3 axes, not {len(x)}")
    fields = (spatial(values, name, count) for name in ("stride", "pad", "dilation", "kernel_size"))
    return list(zip(x[2:], *fields, strict=True))


def _convolution(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x, outputs, group = bottoms[0], values["num_output"], values["group"]
    require(group > 0, f"{group} groups")
    require(x[1] % group == 0 and outputs % group == 0, f"group {group} does not divide the channels")
    return _each(bottoms, (x[0], outputs, *slid(values, x)))


def slid(values: Values, x: Shape) -> list[int]:
    """How many windows there are along each axis after the channels: sizes are rounded down."""
    return [(size + 2 * p - (d * (k - 1) + 1)) // s + 1 for size, s, p, d, k in _windows(values, x)]


def _each(bottoms: Sequence[Shape], top: Shape) -> Sequence[Shape]:
    """A convolution takes several blobs of one shape as well, all with the same weights."""
    require(len(set(bottoms)) == 1, f"bottoms of several shapes: {', '.join(map(str, bottoms))}")
    return [top] * len(bottoms)


def _deconvolution(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    windows = _windows(values, bottoms[0])
    whole = [s * (size - 1) + d * (k - 1) + 1 for size, s, _, d, k in windows]
    require(max(whole) <= MAX_COUNT, f"Deconvolution of an image of {whole}, over Caffe's limit")
    sizes = (size - 2 * p for size, (_, _, p, _, _) in zip(whole, windows, strict=True))
    return _each(bottoms, (bottoms[0][0], values["num_output"], *sizes))


def pooled_size(size: int, kernel: int, stride: int, pad: int, floor: bool, padded: bool) -> int:
    """Output size of Caffe's pooling along one axis; `padded`: whether any axis of the layer has padding.

    A padded pooling drops a last window that would start outside the image and its leading pad.
    """
    span = size + 2 * pad - kernel
    out = (span // stride if floor else -(-span // stride)) + 1
    return out - 1 if padded and (out - 1) * stride >= size + pad else out


def _pooling(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x = bottoms[0]
    if values["global_pooling"]:
        return [(*x[:2], 1, 1)]
    kernel, stride, pad = (spatial(values, name, 2) for name in ("kernel_size", "stride", "pad"))
    require(all(p < k for p, k in zip(pad, kernel, strict=True)), f"Pooling takes pads {pad} below the kernel {kernel}")
    require(
        all(s + 2 * p >= k for s, p, k in zip(x[2:], pad, kernel, strict=True)),
        f"the pooling kernel {kernel} is larger than the padded image",
    )
    floor = values["round_mode"] == "FLOOR" or not values["ceil_mode"]
    sizes = [pooled_size(*axis, floor=floor, padded=any(pad)) for axis in zip(x[2:], kernel, stride, pad, strict=True)]
    return [(*x[:2], *sizes)] * tops


RULES: dict[str, Rule] = {
    "Convolution": _convolution,
    "ConvolutionDepthwise": _convolution,
    "Deconvolution": _deconvolution,
    "DepthwiseConvolution": _convolution,
    "Pooling": _pooling,
}
