"""Numbers over their mean, deviation, length, sum or neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require


@lifts("BatchNorm")
def batch_norm(
    op: Ops,
    x: ir.Value,
    *,
    use_global_stats: bool | None,
    moving_average_fraction: float,
    eps: float,
    scale_bias: bool,
    blobs: Blobs,
    dialect: str,
) -> ir.Value:
    """BatchNorm -> BatchNormalization; with the batch's own statistics, ReduceMean and so on.

    The third blob divides the sums of mean and variance; 0 there makes both 0. With `scale_bias` two more blobs are
    factor and shift, which are a Scale's otherwise (see `merge`).
    """
    channels = dims(x)[1]
    row = (channels,)
    lenient = dialect in ("opencv", "ncnn", "mnn") and len(blobs) - 2 * scale_bias == 2
    mean, var, *rest = blobs.take(row, row, *([] if lenient else [(1,)]), *([row, row] if scale_bias else []))
    divisor = 1.0 if lenient else float(rest.pop(0)[0])
    gamma, beta = rest or (np.ones(row, np.float32), np.zeros(row, np.float32))
    if use_global_stats is False and dialect not in ("ncnn", "mnn"):
        return _scaled(op, _own_statistics(op, x, eps), gamma, beta, len(dims(x)))
    if divisor != 1:
        factor = np.float32(0 if divisor == 0 else 1 / divisor)
        mean, var = mean * factor, var * factor
    named = zip((gamma, beta, mean, var), ("scale", "bias", "mean", "var"), strict=True)
    return op.BatchNormalization(x, *(op.constant(one, name) for one, name in named), epsilon=eps)


def _own_statistics(op: Ops, x: ir.Value, eps: float) -> ir.Value:
    axes = [0, *range(2, len(dims(x)))]
    centred = op.Sub(x, op.reduce("ReduceMean", x, axes))
    var = op.reduce("ReduceMean", op.Mul(centred, centred), axes)
    return op.Div(centred, op.Sqrt(op.Add(var, eps)))


def _scaled(op: Ops, x: ir.Value, gamma: np.ndarray, beta: np.ndarray, rank: int) -> ir.Value:
    wide = (-1, *(1,) * (rank - 2))
    y = op.Mul(x, op.constant(gamma.reshape(wide), "scale")) if (gamma != 1).any() else x
    return op.Add(y, op.constant(beta.reshape(wide), "bias")) if beta.any() else y


@lifts("LRN")
def lrn(
    op: Ops, x: ir.Value, *, local_size: int, alpha: float, beta: float, norm_region: str, k: float, dialect: str
) -> ir.Value:
    """LRN across channels -> LRN; within a channel, where Caffe ignores k -> AveragePool of squares, Pow, Mul."""
    require(local_size % 2, f"has a local_size of {local_size}, which must be odd")
    if norm_region == "ACROSS_CHANNELS":
        bias = 1.0 if dialect in ("opencv", "ncnn", "mnn") else k
        return op.LRN(x, size=local_size, alpha=alpha, beta=beta, bias=bias)
    pad = (local_size - 1) // 2
    window = {"kernel_shape": [local_size] * 2, "pads": [pad] * 4, "count_include_pad": 1}
    means = op.AveragePool(op.Mul(x, x), **window)
    return op.Mul(x, op.Pow(op.Add(op.Mul(means, alpha), 1.0), -beta))


@lifts("MVN")
def mvn(
    op: Ops,
    x: ir.Value,
    *,
    normalize_variance: bool,
    across_channels: bool,
    eps: float,
    tops: Sequence[Shape],
    dialect: str,
) -> ir.Value:
    """MVN, (x - mean) / (deviation + eps) -> ReduceMean and so on; OpenCV has eps inside the root."""
    missing = 4 - len(dims(x))
    x = op.unsqueeze(x, range(4 - missing, 4)) if missing else x
    axes = [1, 2, 3] if across_channels else [2, 3]
    centred = op.Sub(x, op.reduce("ReduceMean", x, axes))
    if not normalize_variance:
        return centred
    var = op.reduce("ReduceMean", op.Mul(centred, centred), axes)
    if dialect == "opencv":
        return op.Div(centred, op.Sqrt(op.Add(var, eps)))
    return op.Div(centred, op.Add(op.Sqrt(var), eps))


@lifts("Normalize")
def normalize(
    op: Ops, x: ir.Value, *, across_spatial: bool, channel_shared: bool, eps: float, blobs: Blobs
) -> ir.Value:
    """Normalize, x over its length along the channels (or all axes but the batch's), times a factor."""
    shape = dims(x)
    (scale,) = blobs.take((1,) if channel_shared else (shape[1],))
    axes = [1] if not across_spatial else list(range(1, len(shape)))
    length = op.Sqrt(op.Add(op.reduce("ReduceSum", op.Mul(x, x), axes), eps))
    wide = scale.reshape((-1, *(1,) * (len(shape) - 2)))
    return op.Mul(op.Div(x, length), op.constant(wide, "scale"))


@lifts("Softmax")
def softmax(op: Ops, x: ir.Value, *, axis: int) -> ir.Value:
    """Softmax along one axis, 1 unless told otherwise."""
    rank = len(dims(x))
    require(-rank <= axis < rank, f"axis {axis} of a blob with {rank} axes")
    return op.softmax(x, axis % rank, rank)
