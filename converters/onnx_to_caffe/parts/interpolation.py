"""What Resize does along one axis, as a matrix: every output is a fixed sum of inputs.

onnxruntime computes coordinates in float32. Which neighbour is nearest can hang on that rounding, so `nearest` follows
it; the weights of the other modes are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.errors import require

Array = npt.NDArray[np.float64]
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@dataclass(frozen=True)
class Method:
    """The attributes of Resize that say how to interpolate, all but those about sizes."""

    mode: str
    coordinates: str
    nearest: str
    cubic_a: float
    exclude_outside: bool
    antialias: bool


@dataclass(frozen=True)
class Axis:
    """One axis: its size before and after, the factor between them as given, and the part of it that is read."""

    size: int
    out: int
    scale: float
    start: float = 0.0
    end: float = 1.0

    def untouched(self, method: Method) -> bool:
        """Whether ONNX passes the axis through without any coordinates."""
        return self.scale == 1 and self.size == self.out and method.coordinates != "tf_crop_and_resize"


def coordinates(axis: Axis, kind: str, dtype: type[np.floating[Any]]) -> npt.NDArray[Any]:
    """Where on the input axis each output lies, computed in that type."""
    return np.asarray(_coordinates(axis, kind, dtype), dtype)


def _coordinates(axis: Axis, kind: str, dtype: type[np.floating[Any]]) -> Any:
    x = np.arange(axis.out, dtype=dtype)
    size, out, scale = dtype(axis.size), dtype(axis.out), dtype(axis.scale)
    half = dtype(0.5)
    if kind == "asymmetric":
        return x / scale
    if kind in ("half_pixel", "pytorch_half_pixel"):
        return (x + half) / scale - half if kind == "half_pixel" or axis.out > 1 else x * 0
    if kind == "tf_half_pixel_for_nn":
        return (x + half) / scale
    if kind == "align_corners":
        return x * (size - 1) / (out - 1) if axis.out > 1 else x * 0
    if kind == "half_pixel_symmetric":
        offset = size / 2 * (1 - out / (scale * size))
        return float(offset) + (np.arange(axis.out) + 0.5) / float(scale) - 0.5
    require(kind == "tf_crop_and_resize", f"coordinate_transformation_mode={kind}")
    start, end = dtype(axis.start), dtype(axis.end)
    if axis.out == 1:
        return [half * (start + end) * (size - 1)]
    return start * (size - 1) + x * (end - start) * (size - 1) / (out - 1)


def nearest(x: npt.NDArray[np.float32], mode: str) -> npt.NDArray[Any]:
    """The whole coordinate that stands for each."""
    require(mode in NEAREST, f"nearest_mode={mode}")
    if mode == "floor":
        return np.floor(x)
    if mode == "ceil":
        return np.ceil(x)
    exact = x.astype(np.float64)  # where adding a half does not round
    return np.floor(exact + 0.5) if mode == "round_prefer_ceil" else np.ceil(exact - 0.5)


def triangle(x: Array, a: float) -> Array:
    """The weight of a linear neighbour at a distance."""
    return np.asarray(np.maximum(1 - np.abs(x), 0))


def cubic(x: Array, a: float) -> Array:
    """The weight of a cubic neighbour at a distance."""
    x = np.abs(x)
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def matrix(axis: Axis, method: Method) -> Array:
    """The (out, size) matrix of one axis."""
    if method.mode == "nearest":
        index = nearest(coordinates(axis, method.coordinates, np.float32), method.nearest)
        picked = np.zeros((axis.out, axis.size))
        picked[np.arange(axis.out), np.clip(index, 0, axis.size - 1).astype(int)] = 1
        return picked
    require(method.mode in ("linear", "cubic"), f"mode={method.mode}")
    kernel, reach = (triangle, 1) if method.mode == "linear" else (cubic, 2)
    x = coordinates(axis, method.coordinates, np.float64)
    stretch = max(1 / axis.scale, 1) if method.antialias else 1.0
    first = np.floor(x - reach * stretch).astype(int) + 1
    taps = first[:, None] + np.arange(int(np.ceil(2 * reach * stretch)) + 1)
    weights = kernel((taps - x[:, None]) / stretch, method.cubic_a)
    if method.exclude_outside:
        weights = np.where((taps < 0) | (taps >= axis.size), 0, weights)
    if method.exclude_outside or method.antialias:
        weights = weights / weights.sum(1, keepdims=True)
    result = np.zeros((axis.out, axis.size))
    np.add.at(result, (np.arange(axis.out)[:, None], np.clip(taps, 0, axis.size - 1)), weights)
    return result


def outside(axis: Axis, method: Method) -> npt.NDArray[np.bool_]:
    """Which outputs of a crop lie beyond the input: they hold the extrapolation value."""
    if method.coordinates != "tf_crop_and_resize":
        return np.zeros(axis.out, bool)
    x = coordinates(axis, method.coordinates, np.float32)
    return np.asarray((x < 0) | (x > axis.size - 1))
