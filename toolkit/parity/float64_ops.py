"""Convolution, pooling and normalisation for onnx's reference implementation, in place of its own: slow, or wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.errors import ToolkitError

Sizes = Sequence[int]


def operators() -> list[type]:
    """The operators, as classes that onnx's reference implementation takes."""
    from onnx.reference.op_run import OpRun

    class Conv(OpRun):
        def _run(self, x: Any, w: Any, b: Any = None, **attributes: Any) -> tuple[Any]:
            return (conv(x, w, b, **_given(attributes)),)

    class MaxPool(OpRun):
        def _run(self, x: Any, **attributes: Any) -> tuple[Any]:
            return (max_pool(x, **_given(attributes)),)

    class AveragePool(OpRun):
        def _run(self, x: Any, **attributes: Any) -> tuple[Any]:
            return (average_pool(x, **_given(attributes)),)

    class BatchNormalization(OpRun):
        def _run(self, x: Any, scale: Any, b: Any, mean: Any, var: Any, **attributes: Any) -> tuple[Any]:
            if attributes.get("training_mode"):
                raise ToolkitError("a BatchNormalization in training mode")
            epsilon = attributes.get("epsilon")
            return (batch_normalization(x, scale, b, mean, var, 1e-5 if epsilon is None else epsilon),)

    return [Conv, MaxPool, AveragePool, BatchNormalization]


def batch_normalization(
    x: np.ndarray, scale: np.ndarray, b: np.ndarray, mean: np.ndarray, var: np.ndarray, epsilon: float
) -> np.ndarray:
    """By the stored statistics, which onnx's own takes for a batch's where an old file has a momentum."""
    shape = (1, -1, *(1,) * (x.ndim - 2)) if x.ndim > 1 else (-1,)
    slope = scale / np.sqrt(var + epsilon)
    return np.asarray(x * slope.reshape(shape) + (b - mean * slope).reshape(shape))


def _given(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def conv(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None = None,
    *,
    kernel_shape: Sizes = (),
    strides: Sizes = (),
    pads: Sizes = (),
    dilations: Sizes = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> np.ndarray:
    """A sum over the kernel's places: for each, the input seen from there, times that place's matrix of weights."""
    kernel = w.shape[2:]
    windows, out = _windows(x, kernel, strides, pads, dilations, auto_pad, 0.0)
    n, o, per = len(x), w.shape[0] // group, w.shape[1]
    total = np.zeros((n, group, o, math.prod(out)), x.dtype)
    for place, seen in windows:
        weights = np.moveaxis(w, (0, 1), (-2, -1))[place].reshape(group, o, per)
        total += weights @ seen.reshape(n, group, per, -1)
    made = total.reshape(n, group * o, *out)
    return made if b is None else made + b.reshape(1, -1, *(1,) * len(out))


def max_pool(
    x: np.ndarray,
    *,
    kernel_shape: Sizes,
    strides: Sizes = (),
    pads: Sizes = (),
    dilations: Sizes = (),
    ceil_mode: int = 0,
    auto_pad: str = "NOTSET",
    storage_order: int = 0,
) -> np.ndarray:
    """The largest in each window; a window may reach over the edge."""
    windows, _ = _windows(x, kernel_shape, strides, pads, dilations, auto_pad, -np.inf, ceil_mode)
    return np.asarray(np.maximum.reduce([seen for _, seen in windows]))


def average_pool(
    x: np.ndarray,
    *,
    kernel_shape: Sizes,
    strides: Sizes = (),
    pads: Sizes = (),
    dilations: Sizes = (),
    ceil_mode: int = 0,
    auto_pad: str = "NOTSET",
    count_include_pad: int = 0,
) -> np.ndarray:
    """The mean of each window, over what is inside the image, or with count_include_pad inside the padded one."""
    total = sum(seen for _, seen in _windows(x, kernel_shape, strides, pads, dilations, auto_pad, 0.0, ceil_mode)[0])
    inside = np.ones((1, 1, *x.shape[2:]))
    if count_include_pad:
        padding = _padding(x.shape[2:], kernel_shape, strides, pads, dilations, auto_pad)
        inside = np.pad(inside, [(0, 0), (0, 0), *padding], constant_values=1)
        pads, auto_pad = (0,) * 2 * len(kernel_shape), "NOTSET"
    count = sum(
        seen for _, seen in _windows(inside, kernel_shape, strides, pads, dilations, auto_pad, 0.0, ceil_mode)[0]
    )
    return np.asarray(total / count)


def _windows(
    x: np.ndarray,
    kernel: Sizes,
    strides: Sizes,
    pads: Sizes,
    dilations: Sizes,
    auto_pad: str,
    fill: float,
    ceil_mode: int = 0,
) -> tuple[list[tuple[tuple[int, ...], np.ndarray]], tuple[int, ...]]:
    """For each place of the kernel, the padded input as that place sees it, and the output's size."""
    axes = len(kernel)
    strides, dilations = tuple(strides) or (1,) * axes, tuple(dilations) or (1,) * axes
    padding = _padding(x.shape[2:], kernel, strides, pads, dilations, auto_pad)
    out = []
    for axis in range(axes):
        before, after = padding[axis]
        room = x.shape[2 + axis] + before + after - dilations[axis] * (kernel[axis] - 1) - 1
        size = -(-room // strides[axis]) + 1 if ceil_mode else room // strides[axis] + 1
        if ceil_mode and (size - 1) * strides[axis] >= x.shape[2 + axis] + before:
            size -= 1  # a window that begins in the padding after the image is none
        out.append(size)
    over = [
        max(0, (out[a] - 1) * strides[a] + dilations[a] * (kernel[a] - 1) + 1 - x.shape[2 + a] - sum(padding[a]))
        for a in range(axes)
    ]
    padded = np.pad(
        x,
        [(0, 0), (0, 0), *((b, a + more) for (b, a), more in zip(padding, over, strict=True))],
        constant_values=fill,
    )
    seen = []
    for place in np.ndindex(*kernel):
        steps = [
            slice(p * d, p * d + (size - 1) * s + 1, s)
            for p, d, size, s in zip(place, dilations, out, strides, strict=True)
        ]
        everything = [slice(None), slice(None)]
        seen.append((place, padded[tuple(everything + steps)]))
    return seen, tuple(out)


def _padding(
    image: Sizes, kernel: Sizes, strides: Sizes, pads: Sizes, dilations: Sizes, auto_pad: str
) -> list[tuple[int, int]]:
    """Before and after, for each axis."""
    axes = len(kernel)
    strides, dilations = tuple(strides) or (1,) * axes, tuple(dilations) or (1,) * axes
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for axis in range(axes):
            out = -(-image[axis] // strides[axis])
            total = max(0, (out - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1 - image[axis])
            small, large = total // 2, total - total // 2
            found.append((small, large) if auto_pad == "SAME_UPPER" else (large, small))
        return found
    given = tuple(pads) if pads and auto_pad == "NOTSET" else (0,) * 2 * axes
    return list(zip(given[:axes], given[axes:], strict=True))
