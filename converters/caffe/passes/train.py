"""Style `train`: one layer a module, with fillers and learning-rate multipliers, so that Caffe can fine-tune it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod, sqrt
from typing import Any

from converters.caffe.net import Layer, Net, Weights
from converters.caffe.passes.in_place import in_place
from converters.caffe.shapes import prove

FROZEN = {"lr_mult": 0.0, "decay_mult": 0.0}
WEIGHT = {"lr_mult": 1.0, "decay_mult": 1.0}
NO_DECAY = {"lr_mult": 1.0, "decay_mult": 0.0}
IN_PLACE = frozenset({"BatchNorm", "Scale", "ReLU", "PReLU", "Dropout"})


def for_training(net: Net) -> tuple[Net, dict[str, str]]:
    """Give every layer with weights its fillers and multipliers; normalisations and activations run in place."""
    net, left_out = _without_final_views(net)
    net, holds = in_place(_named_pairs(net), on_inputs=True, kinds=IN_PLACE)
    holds.update((output, holds[source]) for output, source in left_out.items())
    return replace(net, layers=tuple(_trainable(item) for item in net.layers)), holds


def _without_final_views(net: Net) -> tuple[Net, dict[str, str]]:
    """Drop a Flatten or Reshape that only takes trailing 1s off an output: Caffe's losses read N x C x 1 x 1.

    Returns the net and, for each output that went, the blob that takes its place.
    """
    shapes = prove(net, {})
    reads = [bottom for item in net.layers for bottom in item.bottoms]
    left_out: dict[str, str] = {}
    for item in net.layers:
        if item.type not in ("Flatten", "Reshape") or item.tops[0] not in net.outputs:
            continue
        source = item.bottoms[0]
        if reads.count(source) == 1 and source not in net.outputs and shapes[source] == (*shapes[item.tops[0]], 1, 1):
            left_out[item.tops[0]] = source
    kept = tuple(item for item in net.layers if not set(item.tops) & set(left_out))
    return Net(net.name, kept, tuple(left_out.get(name, name) for name in net.outputs)), left_out


def _named_pairs(net: Net) -> Net:
    """The BatchNorm takes the name of the ONNX node, its Scale that name with /scale."""
    scale_of = {item.bottoms[0]: item for item in net.layers if item.type == "Scale" and len(item.bottoms) == 1}
    names: dict[str, str] = {}
    for item in net.layers:
        if item.type == "BatchNorm" and item.tops[0] in scale_of:
            pair = scale_of[item.tops[0]]
            names[item.name], names[pair.name] = pair.name, f"{pair.name}/scale"
    return replace(net, layers=tuple(replace(item, name=names.get(item.name, item.name)) for item in net.layers))


def _filler(kind: str, **values: float) -> dict[str, Any]:
    return {"type": kind, **values}


def _weight_filler(weight: Weights) -> dict[str, Any]:
    """He's initialisation; Caffe's own filler of that name takes no blob of more than four axes."""
    if len(weight.shape) <= 4:
        return _filler("msra")
    return _filler("gaussian", std=sqrt(2 / prod(weight.shape[1:])))


def _trainable(item: Layer) -> Layer:
    params: Mapping[str, Any] = item.params
    if item.type in ("Convolution", "Deconvolution"):
        old = params["convolution_param"]
        bias = old.get("bias_term", True)
        axes = len(item.blobs[0].shape) - 2
        each = axes if axes > 2 else 1  # OpenCV wants three axes or more all written out
        full = {"bias_term": bias, "group": 1, "weight_filler": _weight_filler(item.blobs[0]), "dilation": [1] * each}
        if "pad_h" not in old:
            full["pad"] = [0] * each
        if "stride_h" not in old:
            full["stride"] = [1] * each
        params = {"param": [WEIGHT, NO_DECAY][: 1 + bias], "convolution_param": {**full, **old}}
    elif item.type == "InnerProduct":
        old = params["inner_product_param"]
        bias = old.get("bias_term", True)
        params = {
            "param": [WEIGHT, NO_DECAY][: 1 + bias],
            "inner_product_param": {**old, "weight_filler": _filler("msra")},
        }
    elif item.type == "BatchNorm":
        kept = {
            key: value for key, value in params["batch_norm_param"].items() if (key, round(value, 12)) != ("eps", 1e-5)
        }
        params = {"param": [FROZEN] * 3, **({"batch_norm_param": kept} if kept else {})}
    elif item.type == "Scale" and item.blobs:
        fillers: dict[str, Any] = {"filler": _filler("constant", value=1.0)}
        if len(item.blobs) > 1:
            fillers |= {"bias_term": True, "bias_filler": _filler("constant", value=0.0)}
        params = {"param": [NO_DECAY] * len(item.blobs), "scale_param": {**params.get("scale_param", {}), **fillers}}
    elif item.type == "Pooling":
        old = params["pooling_param"]
        written = {name: value for name, value in (("stride", 1), ("pad", 0)) if f"{name}_h" not in old}
        params = {"pooling_param": {**written, **old}}
    return replace(item, params=params)
