"""Layers with weights -> the same with fillers and learning-rate multipliers, so that Caffe can fine-tune them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod, sqrt
from typing import Any

from converters.caffe.net import Layer, Net, Weights
from converters.caffe.places import Context, Result
from converters.caffe.traits import of

NO_DECAY = {"lr_mult": 1.0, "decay_mult": 0.0}
MULTIPLIERS = {  # by what a learned blob is
    "weight": {"lr_mult": 1.0, "decay_mult": 1.0},
    "bias": NO_DECAY,
    "factor": NO_DECAY,
    "shift": NO_DECAY,
    "statistic": {"lr_mult": 0.0, "decay_mult": 0.0},
}


def training_fields(net: Net, context: Context) -> Result:
    """Give every layer with weights its fillers and multipliers."""
    return Result(replace(net, layers=tuple(map(_trainable, net.layers))))


def _filler(kind: str, **values: float) -> dict[str, Any]:
    return {"type": kind, **values}


def _weight_filler(weight: Weights) -> dict[str, Any]:
    """He's initialisation; Caffe's own filler of that name takes no blob of more than four axes."""
    if len(weight.shape) <= 4:
        return _filler("msra")
    return _filler("gaussian", std=sqrt(2 / prod(weight.shape[1:])))


def _multipliers(item: Layer) -> list[dict[str, float]]:
    """The learning rate and weight decay of each of the layer's blobs."""
    return [MULTIPLIERS[role] for role in of(item.type).blobs[: len(item.blobs)]]


def _trainable(item: Layer) -> Layer:
    params: Mapping[str, Any] = item.params
    if of(item.type).convolves:
        old, bias = item.values.given, item.values["bias_term"]
        axes = len(item.blobs[0].shape) - 2
        each = axes if axes > 2 else 1  # OpenCV wants three axes or more all written out
        full = {"bias_term": bias, "group": 1, "weight_filler": _weight_filler(item.blobs[0]), "dilation": [1] * each}
        if "pad_h" not in old:
            full["pad"] = [0] * each
        if "stride_h" not in old:
            full["stride"] = [1] * each
        params = {"param": _multipliers(item), "convolution_param": {**full, **old}}
    elif item.type == "InnerProduct":
        filled = {**item.values.given, "weight_filler": _filler("msra")}
        params = {"param": _multipliers(item), "inner_product_param": filled}
    elif item.type == "BatchNorm":
        usual = item.values.defaults["eps"]
        kept = {k: v for k, v in item.values.given.items() if k != "eps" or round(v, 12) != usual}
        params = {"param": _multipliers(item), **({"batch_norm_param": kept} if kept else {})}
    elif item.type == "Scale" and item.blobs:
        fillers: dict[str, Any] = {"filler": _filler("constant", value=1.0)}
        if len(item.blobs) > 1:
            fillers |= {"bias_term": True, "bias_filler": _filler("constant", value=0.0)}
        params = {"param": _multipliers(item), "scale_param": {**item.values.given, **fillers}}
    elif item.type == "Pooling":
        old = item.values.given
        written = {name: value for name, value in (("stride", 1), ("pad", 0)) if f"{name}_h" not in old}
        params = {"pooling_param": {**written, **old}}
    return replace(item, params=params)
