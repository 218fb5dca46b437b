"""Limits on the blobs that a layer reads and makes: how many, how long, along which axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.caffe import traits
from converters.caffe.graph import Node
from converters.caffe.net import Shape
from converters.dialects.base import Check
from converters.dialects.limits.read import Maker, true, whole, whole_numbers


def _shapes(node: Node) -> list[Shape]:
    return [*(bottom.shape for bottom in node.bottoms), *node.shapes]


def max_axes(value: Any) -> Check:
    """No blob of the layer has more axes."""
    most = whole(value)

    def check(node: Node) -> str:
        rank = max(map(len, _shapes(node)), default=0)
        return f"a blob of {rank} axes; the chip has {most}" if rank > most else ""

    return check


def max_channels(value: Any) -> Check:
    """No blob of the layer has more channels (axis 1)."""
    most = whole(value)

    def check(node: Node) -> str:
        channels = max((shape[1] for shape in _shapes(node) if len(shape) > 1), default=0)
        return f"{channels} channels; the chip takes {most}" if channels > most else ""

    return check


def max_size(value: Any) -> Check:
    """No blob of the layer is longer along any axis after the channels."""
    most = whole(value)

    def check(node: Node) -> str:
        size = max((size for shape in _shapes(node) for size in shape[2:]), default=0)
        return f"an axis of {size}; the chip takes {most}" if size > most else ""

    return check


def max_batch(value: Any) -> Check:
    """No blob of the layer has more images (axis 0)."""
    most = whole(value)

    def check(node: Node) -> str:
        batch = max((shape[0] for shape in _shapes(node) if len(shape) > 1), default=0)
        return f"a batch of {batch}; the chip takes {most}" if batch > most else ""

    return check


def max_bottoms(value: Any) -> Check:
    """The layer reads no more blobs."""
    most = whole(value)

    def check(node: Node) -> str:
        return f"{len(node.bottoms)} bottoms; the chip takes {most}" if len(node.bottoms) > most else ""

    return check


def axes(value: Any) -> Check:
    """What the layer makes has one of these numbers of axes."""
    able = whole_numbers(value)

    def check(node: Node) -> str:
        other = [len(shape) for shape in node.shapes if len(shape) not in able]
        return f"{node.type} to {other[0]} axes; the chip has {_listed(able)}" if other else ""

    return check


def _listed(values: tuple[int, ...]) -> str:
    return " or ".join(map(str, values))


def keeps_batch(value: Any) -> Check:
    """The layer leaves axis 0 as it is and where it is."""
    true(value)

    def check(node: Node) -> str:
        alike = len({shape[:1] for shape in _shapes(node)}) <= 1
        turned = node.type == "Permute" and node.values["order"][0] != 0
        kept = alike and not turned and not (traits.of(node.type).routes and node.values["axis"] == 0)
        return "" if kept else f"{node.type} changes the batch; the chip keeps it"

    return check


def not_after(value: Any) -> Check:
    """The layer reads no blob that a layer of these types makes."""
    if not isinstance(value, list) or not value or not all(one in traits.TABLE for one in value):
        raise ValueError(f"must be a list of layer types, not {value!r}")

    def check(node: Node) -> str:
        found = [bottom.node.type for bottom in node.bottoms if bottom.node.type in value]
        return f"{node.type} right behind {found[0]}, which the chip can't" if found else ""

    return check


def last_axis(value: Any) -> Check:
    """The layer's `axis` is the last one."""
    true(value)

    def check(node: Node) -> str:
        rank = node.bottoms[0].rank
        axis = node.values["axis"]
        return "" if axis % rank == rank - 1 else f"{node.type} along axis {axis} of {rank}; the chip has the last one"

    return check


ANY_LAYER: Mapping[str, Maker] = {
    "max_axes": max_axes,
    "max_batch": max_batch,
    "max_bottoms": max_bottoms,
    "max_channels": max_channels,
    "max_size": max_size,
}
ONE_LAYER: Mapping[str, Maker] = {"axes": axes, "keeps_batch": keeps_batch, "not_after": not_after}
