"""MaxPool, AveragePool and LpPool -> Pooling over one or two axes at a time.

Caffe rounds sizes up, pads both ends alike, has no dilation and averages over the padding as well: windows are placed
by a larger pad whose surplus windows are cut off, and a fixed Scale corrects divisors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy
from converters.errors import require
from converters.onnx_to_caffe.ops.conv import convolve
from converters.onnx_to_caffe.parts.slide import slide
from converters.onnx_to_caffe.parts.windows import Axis, axes
from converters.onnx_to_caffe.registry import lowers

Vector = npt.NDArray[np.float64]
Divisor = Callable[[Axis], Vector]


def _windows(
    x: Blob,
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    auto_pad: str,
    ceil_mode: int,
) -> list[Axis]:
    dilated = set(dilations) - {1}
    require(
        not (dilated and auto_pad.startswith("SAME")),
        f"auto_pad={auto_pad} with dilation: runtimes disagree on the pads",
        "write explicit pads",
    )
    return axes(x.shape[2:], kernel, strides, pads, dilations, auto_pad, bool(ceil_mode))


def _passes(windows: Sequence[Axis]) -> list[tuple[int, ...]]:
    """Which spatial axes to pool at once: the last two where neither is dilated, any other alone."""
    count = len(windows)
    together = count > 1 and windows[-1].dilation == windows[-2].dilation == 1
    alone = range(count - 2) if together else range(count)
    passes: list[tuple[int, ...]] = [(count - 2, count - 1)] if together else []
    passes += [(i,) for i in alone]
    return [chosen for chosen in passes if not all(windows[i].same() for i in chosen)]


def _all(size: int) -> Axis:
    return Axis(size, 1, 1, 1, 0, 0, size)


def _view(x: Blob, chosen: tuple[int, ...], windows: Sequence[Axis]) -> tuple[Blob, list[Axis]]:
    """The chosen spatial axes as axes 2 and 3 of four; one alone comes with all that is behind it as its columns."""
    first = 2 + chosen[0]
    lead = prod(x.shape[1:first])
    if len(chosen) == 2:
        return layers.reshape(x, (x.shape[0], lead, *x.shape[first:])), [windows[i] for i in chosen]
    trail = prod(x.shape[first + 1 :])
    return layers.reshape(x, (x.shape[0], lead, x.shape[first], trail)), [windows[chosen[0]], _all(trail)]


def _pooled(shape: Sequence[int], chosen: tuple[int, ...], windows: Sequence[Axis]) -> tuple[int, ...]:
    """The shape after the chosen spatial axes are pooled."""
    sizes = {2 + i: windows[i].count for i in chosen}
    return tuple(sizes.get(axis, size) for axis, size in enumerate(shape))


def _maximum(x: Blob, windows: Sequence[Axis]) -> Blob:
    for chosen in _passes(windows):
        shape = _pooled(x.shape, chosen, windows)
        view, pair = _view(x, chosen, windows)
        y = _dilated_maximum(view, pair[0]) if pair[0].dilation > 1 else slide(view, "MAX", pair)[0]
        x = layers.reshape(y, shape)
    return x


def _dilated_maximum(x: Blob, axis: Axis) -> Blob:
    """Rows that are a dilation apart become neighbours: (rows, columns) seen as (rows / d, d * columns).

    To fill up whole rows of d, the nearest row in the step of d is repeated: it is in the same window and adds nothing.
    """
    n, c, size, columns = x.shape
    d = axis.dilation
    require(size >= d, f"dilation {d} over an image of {size}: a window may hold no pixel")
    front = axis.begin % d
    back = -(front + size) % d
    parts = [layers.narrow(x, 2, d - front, d)] if front else []
    parts += [x] + ([layers.narrow(x, 2, size - d, size - d + back)] if back else [])
    rows = (front + size + back) // d
    steps = (axis.count - 1) * axis.stride + 1  # windows at every pixel; the stride picks from them
    dense = Axis(rows, axis.kernel, 1, 1, axis.begin // d, 0, -(-steps // d))
    folded = layers.reshape(layers.concat(2, *parts), (n, c, rows, d * columns))
    y, _ = slide(folded, "MAX", [dense, _all(d * columns)])
    y = layers.narrow(layers.reshape(y, (n, c, dense.count * d, columns)), 2, 0, steps)
    return slide(y, "MAX", [Axis(steps, 1, axis.stride, 1, 0, 0, axis.count), _all(columns)])[0]


def _average(x: Blob, windows: Sequence[Axis], divisor: Divisor) -> tuple[Blob, float]:
    """Window sums by `divisor` along each axis; a factor that is alike everywhere is left to the caller."""
    total = 1.0
    for chosen in _passes(windows):
        shape = _pooled(x.shape, chosen, windows)
        view, pair = _view(x, chosen, windows)
        if pair[0].dilation > 1:
            y, have = _dilated_sum(view, pair), [_one(axis) for axis in pair]
        else:
            y, fits = slide(view, "AVE", pair)
            have = [fit.divisors(axis) for fit, axis in zip(fits, pair, strict=True)]
        factors = [_ratio(h, divisor(axis)) for h, axis in zip(have, pair[: len(chosen)], strict=False)]
        y, common = _corrected(y, factors)
        total *= common
        x = layers.reshape(y, shape)
    return x, total


def _dilated_sum(x: Blob, pair: Sequence[Axis]) -> Blob:
    """Each window's sum, by a kernel of ones."""
    shape = (x.shape[1], 1, pair[0].kernel, 1)
    return convolve(x, Lazy(shape, lambda: np.ones(shape)), None, pair, x.shape[1])


def _ratio(have: Vector, want: Vector) -> Vector:
    """have / want, and 0 for a window without a pixel."""
    return np.divide(have, want, out=np.zeros_like(have), where=want > 0)


def _corrected(y: Blob, factors: Sequence[Vector]) -> tuple[Blob, float]:
    """y times a factor for each window, or the one factor that all windows share."""
    if all(np.ptp(factor) == 0 for factor in factors):
        return y, float(prod(factor[0] for factor in factors))
    mask = factors[0] if len(factors) == 1 else np.outer(*factors)
    return layers.scale(y, mask.astype(np.float32), axis=2), 1.0


def _inside(axis: Axis) -> Vector:
    """How many pixels of the image each window reads."""
    return np.array([sum(0 <= tap < axis.size for tap in axis.taps(i)) for i in range(axis.count)], np.float64)


def _padded(axis: Axis) -> Vector:
    """How many pixels each window reads, with those of the padding, without those past it."""
    return np.array([sum(tap < axis.size + axis.end for tap in axis.taps(i)) for i in range(axis.count)], np.float64)


def _one(axis: Axis) -> Vector:
    return np.ones(axis.count)


@lowers("MaxPool")
def max_pool(
    x: Blob,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    storage_order: int = 0,
) -> Blob:
    """MaxPool -> Pooling MAX, where padding never wins; a maximum over many axes is taken axis by axis."""
    return _maximum(x, _windows(x, kernel_shape, strides, pads, dilations, auto_pad, ceil_mode))


@lowers("AveragePool")
def average_pool(
    x: Blob,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> Blob:
    """AveragePool -> Pooling AVE, with a fixed Scale where Caffe's divisors are not ONNX's."""
    windows = _windows(x, kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)
    over = any(axis.extent > axis.begin + axis.size + axis.end for axis in windows)
    require(
        ceil_mode or not (count_include_pad and over),
        "a window larger than the padded image, with count_include_pad: onnxruntime divides by the whole window before "
        "opset 19, and since then by what is inside",
        "make the kernel as small as the image",
    )
    y, factor = _average(x, windows, _padded if count_include_pad else _inside)
    return layers.power(y, scale=factor) if factor != 1 else y


@lowers("LpPool")
def lp_pool(
    x: Blob,
    *,
    kernel_shape: Sequence[int],
    p: int = 2,
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
) -> Blob:
    """LpPool -> the p-th root of window sums of |x|^p."""
    windows = _windows(x, kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)
    return root(*_average(magnitudes(x, p), windows, _one), p)


def magnitudes(x: Blob, p: int) -> Blob:
    """|x| ** p."""
    require(p >= 1, f"p={p}")
    if p == 2:
        return layers.power(x, power=2)
    x = layers.neuron("AbsVal", x)
    return layers.power(x, power=p) if p > 1 else x


def root(x: Blob, factor: float, p: int) -> Blob:
    """(factor * x) ** (1 / p)."""
    return layers.power(x, power=1 / p, scale=factor) if (p, factor) != (1, 1) else x
