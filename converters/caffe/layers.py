"""Constructors of Caffe layers: Blobs in, Blobs out. The vocabulary of lowerings and of dialect rewrites.

Parameters that equal Caffe's default are left out, and a square kernel takes the single field: what old engines read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.caffe.graph import Blob, layer
from converters.caffe.net import Shape, Weights
from converters.caffe.schema import defaults
from converters.caffe.values import BY_SIDE, EACH_AXIS
from converters.errors import require

Pair = Sequence[int]
SMALLEST, LARGEST = 2.0**-126, 2.0**128  # float32's normal numbers: engines may take smaller ones for 0


def _only(message: str, param: dict[str, Any], *fields: str) -> dict[str, Any]:
    """Drop those of the named fields that equal what Caffe takes without them."""
    known = defaults(message)
    return {key: value for key, value in param.items() if key not in fields or value != known[key]}


def _spatial(name: str, values: Pair) -> dict[str, Any]:
    """One field where all axes agree, _h and _w where two differ; OpenCV wants three or more all written out."""
    values = [int(v) for v in values]
    if all(v == EACH_AXIS[name] for v in values):
        return {}
    if len(values) <= 2 and len(set(values)) == 1:
        return {name: values[0]}
    if len(values) == 2:
        return dict(zip(BY_SIDE[name], values, strict=True))
    return {name: values}


def input_(name: str, shape: Shape) -> Blob:
    """An input of the network."""
    return layer("Input", name=name, input_param={"shape": [{"dim": list(shape)}]}).tops[0]


def convolution(
    x: Blob,
    weight: Weights,
    bias: Weights | None = None,
    *,
    stride: Pair = (1, 1),
    pad: Pair = (0, 0),
    dilation: Pair = (1, 1),
    group: int = 1,
    transposed: bool = False,
) -> Blob:
    """Convolution, weight (M, C/group, *kernel); transposed: Deconvolution, weight (C, M/group, *kernel).

    Both ends of an axis get the same pad. Dilation has no _h and _w fields. `bias_term` is written here and below
    whatever Caffe takes without it: importers of chips have other defaults.
    """
    num_output = weight.shape[1] * group if transposed else weight.shape[0]
    spread: dict[str, Any] = {}
    if set(dilation) != {1}:
        alike = len(dilation) <= 2 and len(set(dilation)) == 1
        spread = {"dilation": [dilation[0]] if alike else list(dilation)}
    param = {
        "num_output": int(num_output),
        "bias_term": bias is not None,
        **_spatial("kernel_size", weight.shape[2:]),
        **_spatial("pad", pad),
        **_spatial("stride", stride),
        "group": int(group),
        **spread,
    }
    blobs = (weight,) if bias is None else (weight, bias)
    kind = "Deconvolution" if transposed else "Convolution"
    param = _only("convolution_param", param, "group")
    return layer(kind, x, blobs=blobs, convolution_param=param).tops[0]


def depthwise(x: Blob, weight: Weights, **options: Any) -> Blob:
    """One kernel a channel; weight (C, 1, *kernel)."""
    return convolution(x, weight, group=x.shape[1], **options)


def pooling(
    x: Blob, method: str, kernel: Pair, *, stride: Pair = (1, 1), pad: Pair = (0, 0), floor: bool = False
) -> Blob:
    """MAX or AVE pooling. Caffe rounds sizes up unless `floor`; AVE divides by the window with its padding."""
    param = {"pool": method, **_spatial("kernel_size", kernel), **_spatial("stride", stride)}
    param |= _spatial("pad", pad)
    if floor:
        param["round_mode"] = "FLOOR"
    return layer("Pooling", x, pooling_param=param).tops[0]


def global_pooling(x: Blob, method: str) -> Blob:
    """Pool each channel plane to one number."""
    return layer("Pooling", x, pooling_param={"pool": method, "global_pooling": True}).tops[0]


def inner_product(x: Blob, weight: Weights, bias: Weights | None = None, *, axis: int = 1) -> Blob:
    """x flattened from `axis` on, times weight (N, K) transposed, plus bias (N)."""
    param = {"num_output": int(weight.shape[0]), "bias_term": bias is not None, "axis": axis}
    blobs = (weight,) if bias is None else (weight, bias)
    param = _only("inner_product_param", param, "axis")
    return layer("InnerProduct", x, blobs=blobs, inner_product_param=param).tops[0]


def batch_norm(x: Blob, mean: Weights, var: Weights, eps: float) -> Blob:
    """(x - mean) / sqrt(var + eps) per channel; no gamma or beta, which are a Scale's."""
    one = np.ones(1, np.float32)
    return layer("BatchNorm", x, blobs=(mean, var, one), batch_norm_param={"eps": float(eps)}).tops[0]


def batch_statistics(x: Blob, eps: float) -> Blob:
    """(x - mean) / sqrt(var + eps) with the mean and population variance over all axes but 1 of this very input."""
    c = x.shape[1]
    blobs = (np.zeros(c, np.float32), np.ones(c, np.float32), np.ones(1, np.float32))
    return layer("BatchNorm", x, blobs=blobs, batch_norm_param={"use_global_stats": False, "eps": float(eps)}).tops[0]


def scale(x: Blob, factor: Weights, bias: Weights | None = None, *, axis: int = 1) -> Blob:
    """x * factor (+ bias), where the factor's shape runs along x's axes from `axis` on."""
    param = {"axis": axis, "num_axes": len(factor.shape), "bias_term": bias is not None}
    blobs = (factor,) if bias is None else (factor, bias)
    param = _only("scale_param", param, "axis", "num_axes")
    return layer("Scale", x, blobs=blobs, scale_param=param).tops[0]


def scale_by(x: Blob, factor: Blob, *, axis: int = 0) -> Blob:
    """x times another blob whose shape runs along x's axes from `axis` on."""
    return layer("Scale", x, factor, scale_param=_only("scale_param", {"axis": axis}, "axis")).tops[0]


def bias(x: Blob, shift: Weights, *, axis: int = 1) -> Blob:
    """x + shift, where the shift's shape runs along x's axes from `axis` on."""
    param = _only("bias_param", {"axis": axis, "num_axes": len(shift.shape)}, "axis", "num_axes")
    return layer("Bias", x, blobs=(shift,), bias_param=param).tops[0]


def bias_by(x: Blob, shift: Blob, *, axis: int = 0) -> Blob:
    """x plus another blob whose shape runs along x's axes from `axis` on."""
    return layer("Bias", x, shift, bias_param=_only("bias_param", {"axis": axis}, "axis")).tops[0]


def eltwise(operation: str, *bottoms: Blob, coeff: Sequence[float] = ()) -> Blob:
    """PROD, SUM (with coefficients) or MAX of blobs of one shape; Caffe never broadcasts here."""
    param: dict[str, Any] = {"operation": operation}
    if any(c != 1 for c in coeff):
        param["coeff"] = [float(c) for c in coeff]
    return layer("Eltwise", *bottoms, eltwise_param=param).tops[0]


def add(a: Blob, b: Blob) -> Blob:
    """a + b, equal shapes."""
    return eltwise("SUM", a, b)


def sub(a: Blob, b: Blob) -> Blob:
    """a - b, equal shapes."""
    return eltwise("SUM", a, b, coeff=(1, -1))


def mul(a: Blob, b: Blob) -> Blob:
    """a * b, equal shapes."""
    return eltwise("PROD", a, b)


def power(x: Blob, *, power: float = 1, scale: float = 1, shift: float = 0) -> Blob:
    """(shift + scale * x) ** power; a scale that engines take for 0 or that is infinite is refused."""
    require(scale == 0 or SMALLEST <= abs(scale) < LARGEST, f"a factor of {scale:g}, which float32 does not hold")
    param = {"power": float(power), "scale": float(scale), "shift": float(shift)}
    param = _only("power_param", param, "power", "scale", "shift")
    return layer("Power", x, power_param=param).tops[0]


def relu(x: Blob, slope: float = 0) -> Blob:
    """max(x, 0) + slope * min(x, 0)."""
    params: dict[str, Any] = {"relu_param": {"negative_slope": float(slope)}} if slope else {}
    return layer("ReLU", x, **params).tops[0]


def neuron(kind: str, x: Blob, **params: Any) -> Blob:
    """Any layer of one bottom and one top."""
    return layer(kind, x, **params).tops[0]


def clip(x: Blob, low: float, high: float) -> Blob:
    """max(low, min(x, high))."""
    return layer("Clip", x, clip_param={"min": float(low), "max": float(high)}).tops[0]


def prelu(x: Blob, slope: Weights) -> Blob:
    """PReLU with one slope a channel (shape (C,)) or one for all (shape ())."""
    params: dict[str, Any] = {} if slope.shape else {"prelu_param": {"channel_shared": True}}
    return layer("PReLU", x, blobs=(slope,), **params).tops[0]


def softmax(x: Blob, axis: int) -> Blob:
    """Softmax along one axis."""
    return layer("Softmax", x, softmax_param={"axis": axis}).tops[0]


def reshape(x: Blob, shape: Shape) -> Blob:
    """The same numbers in another shape; x itself where it has that shape already.

    An unchanged first size is written as 0, which says that it is the bottom's: chips and TensorRT want it so.
    """
    if x.shape == tuple(shape):
        return x
    dims = [int(d) for d in shape]
    if dims and x.shape[:1] == tuple(shape[:1]):
        dims[0] = 0
    return layer("Reshape", x, reshape_param={"shape": {"dim": dims}}).tops[0]


def flatten(x: Blob) -> Blob:
    """(N, ...) to (N, rest)."""
    return layer("Flatten", x).tops[0] if x.rank != 2 else x


def permute(x: Blob, order: Sequence[int]) -> Blob:
    """Transpose axes; x itself for the identity."""
    if list(order) == list(range(x.rank)):
        return x
    return layer("Permute", x, permute_param={"order": [int(i) for i in order]}).tops[0]


def concat(axis: int, *bottoms: Blob) -> Blob:
    """Concatenate along an axis; one bottom is itself (Caffe would alias it)."""
    return layer("Concat", *bottoms, concat_param={"axis": axis}).tops[0] if len(bottoms) > 1 else bottoms[0]


def slices(x: Blob, axis: int, points: Sequence[int]) -> tuple[Blob, ...]:
    """Cut an axis at the given points; without points it is x itself."""
    if not points:
        return (x,)
    param = {"axis": axis, "slice_point": [int(p) for p in points]}
    return layer("Slice", x, tops=len(points) + 1, slice_param=param).tops


def narrow(x: Blob, axis: int, start: int, stop: int) -> Blob:
    """x[start:stop] along an axis; what is cut off is left to silence."""
    size = x.shape[axis]
    points = [point for point in (start, stop) if 0 < point < size]
    return slices(x, axis, points)[1 if start > 0 else 0]


def shuffle_channel(x: Blob, group: int) -> Blob:
    """Channel shuffle: (N, group, C/group, H, W) with axes 1 and 2 swapped."""
    return layer("ShuffleChannel", x, shuffle_channel_param={"group": int(group)}).tops[0]


def tile(x: Blob, axis: int, tiles: int) -> Blob:
    """Repeat along one axis."""
    return layer("Tile", x, tile_param={"axis": axis, "tiles": int(tiles)}).tops[0] if tiles > 1 else x


def reduction(x: Blob, operation: str, axis: int) -> Blob:
    """SUM, ASUM, SUMSQ or MEAN over all axes from `axis` on, which are dropped."""
    return layer("Reduction", x, reduction_param={"operation": operation, "axis": axis}).tops[0]
