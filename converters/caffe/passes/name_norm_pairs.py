"""A BatchNorm and its Scale -> the same two, the BatchNorm named after the ONNX node, as in Caffe's networks."""

from __future__ import annotations

from dataclasses import replace

from converters.caffe.net import Net
from converters.caffe.places import Context, Result


def name_norm_pairs(net: Net, context: Context) -> Result:
    """The BatchNorm takes the name of the ONNX node, its Scale that name with /scale."""
    scale_of = {item.bottoms[0]: item for item in net.layers if item.type == "Scale" and len(item.bottoms) == 1}
    names: dict[str, str] = {}
    for item in net.layers:
        if item.type == "BatchNorm" and item.tops[0] in scale_of:
            pair = scale_of[item.tops[0]]
            names[item.name], names[pair.name] = pair.name, f"{pair.name}/scale"
    named = tuple(replace(item, name=names.get(item.name, item.name)) for item in net.layers)
    return Result(replace(net, layers=named))
