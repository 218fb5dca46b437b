"""Resize: a fixed matrix along each axis, whatever the mode.

Measured in BVLC and OpenCV against a bilinear Deconvolution with a correction of its darkened borders: the matrices
take 0.3 to 1.1 of the time up to 112 x 112 pixels, and need no column buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, layer
from converters.caffe.net import Lazy, Shape
from converters.errors import require
from converters.onnx_to_caffe.parts.interpolation import Axis, Method, matrix, outside
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_const

Array = npt.NDArray[Any]


def apply(x: Blob, axis: int, m: Array) -> Blob:
    """x with a matrix (out, size) applied along one axis."""
    before, size, after = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    shape = (*x.shape[:axis], m.shape[0], *x.shape[axis + 1 :])
    weight = np.ascontiguousarray(m, np.float32)
    if after == 1:
        return layers.reshape(layers.inner_product(layers.reshape(x, (before, size)), weight), shape)
    y = layers.convolution(layers.reshape(x, (before, size, after, 1)), weight[:, :, None, None])
    return layers.reshape(y, shape)


def repeats(m: Array) -> int:
    """How often each input is repeated where that is all that the matrix does; else 0."""
    out, size = m.shape
    return out // size if out % size == 0 and np.array_equal(m, np.repeat(np.eye(size), out // size, 0)) else 0


def picks(m: Array) -> tuple[int, int] | None:
    """The first input and the step where the matrix takes every n-th input; else None."""
    index = m.argmax(1)
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    alone = np.count_nonzero(m) == len(index) and bool(np.all(m[np.arange(len(index)), index] == 1))
    even = step > 0 and alone and np.all(np.diff(index) == step)
    return (int(index[0]), step) if even else None


def images(x: Blob) -> Shape:
    """The shape of x as (N, C, H, W): axes between the first and the last two are channels."""
    shape = x.shape if x.rank > 3 else (*x.shape[:2], 1, x.shape[2])
    return (shape[0], prod(shape[1:-2]), *shape[-2:])


def repeat(x: Blob, rows: int, columns: int) -> Blob:
    """Every pixel as rows x columns pixels: Upsample, or where the sides differ a depthwise Deconvolution with ones."""
    view = layers.reshape(x, images(x))
    if rows == columns:
        return layer("Upsample", view, upsample_param={"scale": rows}).tops[0]
    weight = (view.shape[1], 1, rows, columns)
    ones = Lazy(weight, lambda: np.ones(weight, np.float32))
    return layers.depthwise(view, ones, stride=(rows, columns), transposed=True)


LARGEST = 2**26  # numbers of an axis' matrix, 512 MB: a video of 8,000 pixels a side


def pick(x: Blob, rows: tuple[int, int], columns: tuple[int, int], size: Shape) -> Blob:
    """Every n-th pixel of each axis from a first one on: pooling over single pixels."""
    y = layers.reshape(x, images(x))
    for axis, (first, step), count in zip((2, 3), (rows, columns), size, strict=True):
        y = layers.narrow(y, axis, first, first + (count - 1) * step + 1)
    steps = (rows[1], columns[1])
    return layers.pooling(y, "MAX", (1, 1), stride=steps) if steps != (1, 1) else y


def on_planes(x: Blob, matrices: dict[int, Array]) -> Blob | None:
    """The matrices of the last two axes applied at once, where they only repeat or pick pixels; else None."""
    last = range(max(x.rank - 2, 2), x.rank)
    if not any(axis in matrices for axis in last):
        return None
    sides = [matrices[axis] if axis in matrices else np.eye(x.shape[axis]) for axis in last]
    sides = [np.eye(1)] * (2 - len(sides)) + sides
    shape = (*x.shape[: last[0]], *(m.shape[0] for m in sides[2 - len(last) :]))
    low, high = sides
    if (r := repeats(low)) and (c := repeats(high)):
        return layers.reshape(repeat(x, r, c), shape)
    if (rows := picks(low)) and (columns := picks(high)):
        return layers.reshape(pick(x, rows, columns, (low.shape[0], high.shape[0])), shape)
    return None


def resample(x: Blob, matrices: dict[int, Array]) -> Blob:
    """Apply a matrix to each axis, those first that shrink it."""
    if (made := on_planes(x, matrices)) is not None:
        x, matrices = made, {axis: m for axis, m in matrices.items() if axis < max(x.rank - 2, 2)}
    for axis, m in sorted(matrices.items(), key=lambda item: item[1].shape[0] / item[1].shape[1]):
        x = apply(x, axis, m)
    return x


def factors(x: Blob, scales: Const | None, sizes: Const | None, axes: Sequence[int], policy: str) -> list[float]:
    """The scale of each axis: as given, or from the sizes, one for all axes where the aspect ratio is kept."""
    if scales is not None and scales.shape != (0,):
        given = [float(v) for v in scales.array.reshape(-1)]
    else:
        wanted = need_const(sizes, "the size").ints()
        given = [float(np.float32(w) / np.float32(x.shape[axis])) for w, axis in zip(wanted, axes, strict=True)]
        if policy != "stretch":
            require(policy in ("not_larger", "not_smaller"), f"keep_aspect_ratio_policy={policy}")
            given = [min(given) if policy == "not_larger" else max(given)] * len(given)
    result = [1.0] * x.rank
    for axis, scale in zip(axes, given, strict=True):
        result[axis] = scale
    return result


@lowers("Resize")
def resize(
    x: Blob,
    roi: Value | None = None,
    scales: Const | None = None,
    sizes: Const | None = None,
    *,
    out_shapes: Sequence[Shape],
    antialias: int = 0,
    axes: Sequence[int] = (),
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Blob:
    """Resize -> Upsample, pooling, or Convolution and InnerProduct by the matrices of its axes."""
    out = out_shapes[0]
    crop = coordinate_transformation_mode == "tf_crop_and_resize"
    if out == x.shape:  # onnxruntime copies then, whatever the factors
        require(not crop, "a crop to the size of the input")
        return x
    along = [axis % x.rank for axis in axes] or list(range(x.rank))
    require(not (crop and antialias), "antialias of a crop")
    method = Method(
        mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, bool(exclude_outside), bool(antialias)
    )
    scale = factors(x, scales, sizes, along, keep_aspect_ratio_policy)
    for i, factor in enumerate(scale if scales is not None and scales.shape != (0,) else ()):
        made = int(np.float32(x.shape[i]) * np.float32(factor))
        require(
            crop or out[i] == made, f"onnxruntime makes {made} of axis {i}, ONNX infers {out[i]}: the factor rounds"
        )
    ends = dict.fromkeys(range(x.rank), (0.0, 1.0))
    if crop:
        region = need_const(roi, "the roi")
        require(region.shape == (2 * len(along),), f"a roi of shape {region.shape} for {len(along)} axes")
        given = [float(v) for v in region.array]
        ends |= dict(zip(along, zip(given[: len(along)], given[len(along) :], strict=True), strict=True))
    every = [Axis(x.shape[i], out[i], scale[i], *ends[i]) for i in range(x.rank)]
    for i, axis in enumerate(every):
        kept = axis.size == axis.out and axis.scale == 1 and (axis.start, axis.end) != (0, 1)
        require(not kept, f"a crop along axis {i}, whose size stays: onnxruntime leaves out some of these")
    used = {i: axis for i, axis in enumerate(every) if not axis.untouched(method)}
    planes = range(max(x.rank - 2, 0), x.rank)  # looked at together, as matrices of their own where they stay
    for axis in (every[i] for i in {*used, *(planes if used else ())}):
        reason = f"a resize of {axis.size} to {axis.out} along one axis, whose matrix has more than {LARGEST:,} numbers"
        require(axis.size * axis.out <= LARGEST, reason)
    beyond = {i: outside(axis, method) for i, axis in used.items()}
    matrices = {i: np.where(beyond[i][:, None], 0, matrix(axis, method)) for i, axis in used.items()}
    matrices = {i: m for i, m in matrices.items() if m.shape[0] != m.shape[1] or not np.array_equal(m, np.eye(len(m)))}
    if not (extrapolation_value and any(b.any() for b in beyond.values())):
        return resample(x, matrices)
    moved = resample(layers.power(x, shift=-extrapolation_value), matrices)  # so that 0 is the extrapolation value
    return layers.power(moved, shift=extrapolation_value)
