"""GlobalAveragePool, GlobalMaxPool and GlobalLpPool -> one Pooling over all spatial axes laid out as one plane."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.ops.pool import magnitudes, root
from converters.onnx_to_caffe.registry import lowers


def _plane(x: Blob, method: str) -> Blob:
    """Pool everything behind the channels; Caffe's Pooling takes exactly four axes."""
    require(x.rank > 2, f"a global pooling of a blob with {x.rank} axes")
    shape = x.shape if x.rank == 4 else (*x.shape[:2], prod(x.shape[2:]), 1)
    y = layers.global_pooling(layers.reshape(x, shape), method)
    return layers.reshape(y, (*x.shape[:2], *(1,) * (x.rank - 2)))


@lowers("GlobalAveragePool")
def global_average_pool(x: Blob) -> Blob:
    """GlobalAveragePool -> Pooling AVE over the whole plane."""
    return _plane(x, "AVE")


@lowers("GlobalMaxPool")
def global_max_pool(x: Blob) -> Blob:
    """GlobalMaxPool -> Pooling MAX over the whole plane."""
    return _plane(x, "MAX")


@lowers("GlobalLpPool")
def global_lp_pool(x: Blob, *, p: int = 2) -> Blob:
    """GlobalLpPool -> the p-th root of the plane's sum of |x|^p, the sum being the mean times its count."""
    return root(_plane(magnitudes(x, p), "AVE"), prod(x.shape[2:]), p)
