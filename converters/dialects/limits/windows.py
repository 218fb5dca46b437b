"""Limits on kernels, strides, pads and dilations, and on what pooling does at the border."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

from converters.caffe import traits
from converters.caffe.graph import Node
from converters.caffe.values import spatial
from converters.dialects.base import Check
from converters.dialects.limits.read import Maker, true, whole, whole_numbers

CLIP_RULES = ("none", "by axis")


def along_axes(node: Node, name: str) -> list[int]:
    """Kernel, stride, pad or dilation along each axis; a global pooling's kernel is the whole image."""
    if node.type == "Pooling" and node.values["global_pooling"]:
        return list(node.bottoms[0].shape[2:]) if name == "kernel_size" else []
    return [int(value) for value in spatial(node.values, name, node.bottoms[0].rank - 2)]


def _at_most(name: str, value: Any) -> Check:
    most = whole(value, 0 if name == "pad" else 1)

    def check(node: Node) -> str:
        found = max(along_axes(node, name), default=0)
        return f"{node.type} with {name} {found}; the chip takes {most}" if found > most else ""

    return check


def _one_of(name: str, value: Any) -> Check:
    able = whole_numbers(value)

    def check(node: Node) -> str:
        other = [size for size in along_axes(node, name) if size not in able]
        shown = ", ".join(map(str, able))
        return f"{node.type} with a {name.removesuffix('_size')} of {other[0]}; the chip takes {shown}" if other else ""

    return check


def _alike(name: str, value: Any) -> Check:
    true(value)

    def check(node: Node) -> str:
        found = along_axes(node, name)
        shown = "x".join(map(str, found))
        return f"{node.type} with {name} {shown}; the chip has one for all axes" if len(set(found)) > 1 else ""

    return check


def max_taps(value: Any) -> Check:
    """The kernel has no more taps: height times width. A global pooling's kernel is the whole image."""
    most = whole(value)

    def check(node: Node) -> str:
        taps = prod(along_axes(node, "kernel_size"))
        return f"{node.type} with a kernel of {taps} taps; the chip takes {most}" if taps > most else ""

    return check


def max_weights(value: Any) -> Check:
    """One output channel of a convolution has no more weights: height times width times the channels it reads."""
    most = whole(value)

    def check(node: Node) -> str:
        count = prod(node.blobs[0].shape[1:])
        return f"{node.type} with {count} weights an output channel; the chip takes {most}" if count > most else ""

    return check


def max_group(value: Any) -> Check:
    """A convolution has no more groups."""
    most = whole(value)

    def check(node: Node) -> str:
        group = node.values["group"]
        return f"{node.type} in {group} groups; the chip takes {most}" if group > most else ""

    return check


def clip_rule(value: Any) -> Check:
    """Rounding up, a last window may start beyond the image. Caffe drops it on every axis where any has padding.

    "none" is an engine that never drops it, "by axis" one that drops it on the axes with padding alone.
    """
    if value not in CLIP_RULES:
        raise ValueError(f"can be {' or '.join(map(repr, CLIP_RULES))}, not {value!r}")

    def check(node: Node) -> str:
        pads = along_axes(node, "pad")
        if not any(pads) or node.values["round_mode"] == "FLOOR" or not node.values["ceil_mode"]:
            return ""
        windows = zip(
            node.bottoms[0].shape[2:], *(along_axes(node, n) for n in ("kernel_size", "stride")), pads, strict=True
        )
        wrong = [-(-(size + 2 * p - k) // s) * s >= size + p for size, k, s, p in windows if value == "none" or not p]
        return "Pooling has a last window beyond the image; the chip would keep it" if any(wrong) else ""

    return check


def pad_counts(value: Any) -> Check:
    """Averages divide by the window with its padding in Caffe; `false` is an engine that leaves the padding out.

    "inside" is one that is right only where every window lies within the padded image.
    """
    if value is not False and value != "inside":
        raise ValueError(f"can only be false or 'inside', not {value!r}; leave it out where padding counts as in Caffe")

    def check(node: Node) -> str:
        if node.values["pool"] != "AVE" or not any(along_axes(node, "pad")):
            return ""
        if value == "inside":
            return (
                "an average over more than the padded image; the chip divides otherwise" if _goes_beyond(node) else ""
            )
        return "an average over padding; the chip does not count it"

    return check


def _goes_beyond(node: Node) -> bool:
    """Whether a last window is longer than what is left of the padded image."""
    sizes = zip(node.bottoms[0].shape[2:], node.shapes[0][2:], strict=True)
    windows = zip(*(along_axes(node, name) for name in ("kernel_size", "stride", "pad")), strict=True)
    return any((out - 1) * s + k > size + 2 * p for (size, out), (k, s, p) in zip(sizes, windows, strict=True))


ALL: Mapping[str, Maker] = {
    "kernels": partial(_one_of, "kernel_size"),
    "strides": partial(_one_of, "stride"),
    "max_kernel": partial(_at_most, "kernel_size"),
    "max_stride": partial(_at_most, "stride"),
    "max_pad": partial(_at_most, "pad"),
    "max_taps": max_taps,
    "square": partial(_alike, "kernel_size"),
}
CONVOLUTION: Mapping[str, Maker] = {
    "dilations": partial(_one_of, "dilation"),
    "max_dilation": partial(_at_most, "dilation"),
    "max_group": max_group,
    "max_weights": max_weights,
    "same_dilation": partial(_alike, "dilation"),
}
POOLING: Mapping[str, Maker] = {"clip_rule": clip_rule, "pad_counts": pad_counts}


def of(kind: str) -> Mapping[str, Maker]:
    """The limits on windows that a type of layer may have."""
    row = traits.of(kind)
    return {**ALL, **(CONVOLUTION if row.convolves else POOLING)} if row.windows else {}
