"""Where OpenCV fuses a layer into the one before it wrongly, measured on 4.14: silently wrong, or an assertion.

It folds what follows a layer into its weights or hands it over as an activation, without looking at every shape. Any
layer that it does not fuse, such as a Reshape, keeps the two apart.
"""

from __future__ import annotations

from math import prod

from converters.caffe.affine import rounds
from converters.caffe.graph import Node
from converters.caffe.traits import of


def scales(node: Node) -> bool:
    """Whether the layer multiplies and adds constants: what OpenCV folds into weights."""
    if node.type == "Power":
        return float(node.values["power"]) == 1
    return node.type in ("BatchNorm", "Scale") and len(node.bottoms) == 1


def weighted_source(node: Node) -> Node:
    """The layer whose weights OpenCV would fold this one into: the first above that is not itself folded."""
    source = node.bottoms[0].node
    while source.type == "Dropout" or scales(source):
        source = source.bottoms[0].node
    return source


def _normalises(node: Node) -> bool:
    """Whether a BatchNorm is among the layers above that OpenCV folds together."""
    source = node.bottoms[0].node
    while source.type == "Dropout" or scales(source):
        if source.type == "BatchNorm":
            return True
        source = source.bottoms[0].node
    return False


def elements(node: Node) -> int:
    """How many factors the layer has: one a channel, one in all, or any number."""
    return prod(node.blobs[0].shape) if node.blobs else 1


def per_channel(node: Node) -> bool:
    """Whether a Scale has one factor a channel, or one in all."""
    if node.type != "Scale" or not node.blobs[0].shape:
        return True
    return node.values["axis"] == 1 and len(node.blobs[0].shape) == 1


def fused_wrongly(node: Node) -> str:
    """Why OpenCV would compute the layer wrongly where it stands, or ''."""
    reason = _into_weights(node) or _as_activation(node) or _into_power(node) or _into_shift(node)
    return f"OpenCV would fuse {node.type} wrongly into the {reason}" if reason else ""


def _into_weights(node: Node) -> str:
    """Any factors are taken for one a channel; in a Deconvolution with groups even those are mixed up."""
    if not scales(node) or node.type == "Power":
        return ""
    source = weighted_source(node)
    if not per_channel(node) and (of(source.type).convolves or _normalises(node)):
        return f"{source.type if of(source.type).convolves else 'BatchNorm'} before it, as if it were per channel"
    grouped = source.type == "Deconvolution" and source.values["group"] > 1
    return "grouped Deconvolution before it" if grouped and elements(node) > 1 else ""


def _as_activation(node: Node) -> str:
    """Channels are looked for where they are in images: on axis 1 of four."""
    source = node.bottoms[0].node
    if source.type == "MVN" and (node.type == "BatchNorm" or (node.type == "Power" and scales(node))):
        return "MVN before it"
    if not of(node.type).by_channel:
        return ""
    if source.type == "Eltwise" and node.bottoms[0].rank < 4:
        return "Eltwise before it, whose blobs are not images"
    rows = source.type == "InnerProduct" and node.bottoms[0].rank > 2
    return "InnerProduct before it, which has more rows than one an image" if rows else ""


def _into_power(node: Node) -> str:
    """(shift + scale * x) ** power takes a factor that follows it for its own `scale`, inside the power."""
    source = node.bottoms[0].node
    raised = source.type == "Power" and not scales(source)
    return "Power before it" if raised and scales(node) and elements(node) == 1 else ""


def _into_shift(node: Node) -> str:
    """A large shift rounds, and one that is folded into another layer, or that another is folded into, does not."""
    source = node.bottoms[0].node
    folds = of(source.type).linear or source.type == "MVN" or scales(source)
    rounding = any(item.type == "Power" and rounds(*_line(item)) for item in (node, source) if scales(item))
    return f"{source.type} before it, without rounding" if scales(node) and folds and rounding else ""


def _line(node: Node) -> tuple[float, float]:
    return float(node.values["scale"]), float(node.values["shift"])
