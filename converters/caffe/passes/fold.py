"""Fold per-channel affine layers (BatchNorm, Scale, Bias, linear Power) into the layers before or after them.

By data flow alone, and only where nobody else reads the value between. Vectors are computed in float64 and the big
weights when they are written, so folding costs neither accuracy nor a second copy of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, emit, rebuild
from converters.caffe.net import Lazy, Net, Weights
from converters.caffe.shapes import spatial

Vector = npt.NDArray[np.float64]
LINEAR = {"Convolution", "Deconvolution", "InnerProduct"}


@dataclass(frozen=True)
class Affine:
    """x -> factor * x + shift per channel (axis 1); the vectors are made when the weights are written."""

    channels: int
    factor: Callable[[], Vector]
    shift: Callable[[], Vector]
    moves: bool  # whether the shift may differ from zero

    def after(self, first: Affine) -> Affine:
        """This one applied to the result of `first`."""
        return Affine(
            self.channels,
            lambda: self.factor() * first.factor(),
            lambda: self.factor() * first.shift() + self.shift(),
            self.moves or first.moves,
        )


def _f64(weights: Weights) -> Vector:
    return np.asarray(weights, np.float64)


def affine(node: Node) -> Affine | None:
    """Read a layer as a per-channel affine map, or None where it is none."""
    if len(node.bottoms) != 1 or node.bottoms[0].rank < 2:
        return None
    c = node.bottoms[0].shape[1]
    ones, zeros = (lambda: np.ones(c)), (lambda: np.zeros(c))
    if node.type == "BatchNorm":
        return _batch_norm(node, c)
    if node.type == "Scale" and _per_channel(node, "scale_param"):
        factor, *rest = node.blobs
        return Affine(c, lambda: _f64(factor), (lambda: _f64(rest[0])) if rest else zeros, bool(rest))
    if node.type == "Bias" and _per_channel(node, "bias_param"):
        shift = node.blobs[0]
        return Affine(c, ones, lambda: _f64(shift), True)
    if node.type == "Power":
        param = node.param("power_param")
        if param.get("power", 1) == 1:
            scale, move = param.get("scale", 1), param.get("shift", 0)
            return Affine(c, lambda: np.full(c, scale), lambda: np.full(c, move), move != 0)
    return None


def _per_channel(node: Node, group: str) -> bool:
    param: Mapping[str, Any] = node.param(group)
    return param.get("axis", 1) == 1 and bool(node.blobs) and len(node.blobs[0].shape) == 1


def _batch_norm(node: Node, c: int) -> Affine | None:
    param = node.param("batch_norm_param")
    if not param.get("use_global_stats", True):
        return None
    mean, var, count = node.blobs
    eps = param.get("eps", 1e-5)

    def factor() -> Vector:
        total = float(_f64(count).reshape(-1)[0])
        return np.asarray(1 / np.sqrt(_f64(var) * (1 / total if total else 0) + eps), np.float64)

    def shift() -> Vector:
        total = float(_f64(count).reshape(-1)[0])
        return -_f64(mean) * (1 / total if total else 0) * factor()

    return Affine(c, factor, shift, True)


def _outputs_axis(node: Node) -> bool:
    """Whether the layer's output channels are axis 1 of its top."""
    return node.type != "InnerProduct" or len(node.shapes[0]) == 2


def into_producer(node: Node, change: Affine) -> Blob | None:
    """A convolution or inner product with a per-channel affine map of its output folded in."""
    if node.type not in LINEAR or not _outputs_axis(node):
        return None
    weight, *rest = node.blobs
    group = node.param("convolution_param").get("group", 1)

    def scaled() -> npt.NDArray[Any]:
        array, factor = np.asarray(weight, np.float32), change.factor().astype(np.float32)
        if node.type == "Deconvolution":
            per_group = factor.reshape(group, 1, -1)
            split = array.reshape(group, array.shape[0] // group, array.shape[1], -1)
            return (split * per_group[..., None]).reshape(array.shape)
        return array * factor.reshape(-1, *(1,) * (array.ndim - 1))

    def bias() -> Vector:
        old = _f64(rest[0]) if rest else np.zeros(change.channels)
        return old * change.factor() + change.shift()

    return _with_blobs(
        node, Lazy(weight.shape, scaled), Lazy((change.channels,), bias) if rest or change.moves else None
    )


def _with_blobs(node: Node, weight: Weights, bias: Weights | None) -> Blob:
    group = "inner_product_param" if node.type == "InnerProduct" else "convolution_param"
    param = dict(node.param(group))
    param.pop("bias_term", None)
    if bias is None:
        param["bias_term"] = False
    blobs = (weight,) if bias is None else (weight, bias)
    return Node(node.type, node.bottoms, {**node.params, group: param}, blobs, node.shapes, node.origin).tops[0]


def into_consumer(node: Node, change: Affine, source: Blob) -> Blob | None:
    """A convolution with a per-channel affine map of its input folded in; None where padding would see the shift."""
    if node.type != "Convolution" or len(node.bottoms) != 1:
        return None
    param = node.param("convolution_param")
    if change.moves and any(spatial(param, "pad", len(node.bottoms[0].shape) - 2, 0)):
        return None
    weight, *rest = node.blobs
    group = param.get("group", 1)

    def by_input(vector: Vector, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The vector of input channels, laid out along the weight's axes 0 (by its group) and 1."""
        rows = np.repeat(vector.reshape(group, -1), array.shape[0] // group, axis=0)
        return rows.reshape(*rows.shape, *(1,) * (array.ndim - 2))

    def scaled() -> npt.NDArray[Any]:
        array = np.asarray(weight, np.float32)
        return array * by_input(change.factor(), array).astype(np.float32)

    def bias() -> Vector:
        array = _f64(weight)
        moved = (array * by_input(change.shift(), array)).reshape(array.shape[0], -1).sum(1)
        return np.asarray(moved + (_f64(rest[0]) if rest else 0), np.float64)

    shift = Lazy((weight.shape[0],), bias) if rest or change.moves else None
    folded = _with_blobs(node, Lazy(weight.shape, scaled), shift)
    folded.node.bottoms = (source,)
    return folded


def fold(net: Net) -> Net:
    """Fold every affine layer that can be; a chain of them that can't becomes one Scale."""
    readers: dict[str, int] = dict.fromkeys(net.outputs, 1)
    for item in net.layers:
        for bottom in item.bottoms:
            readers[bottom] = readers.get(bottom, 0) + 1
    named: dict[str, Blob] = {}
    pending: dict[Blob, tuple[Affine, Blob]] = {}  # an affine layer's top -> its map and its input
    inputs: list[Blob] = []
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        made = node.tops
        alone = len(item.bottoms) == 1 and readers[item.bottoms[0]] == 1
        change = affine(node)
        if change is not None:
            made = (_place(node, change, alone, pending),)
        elif alone and node.bottoms[0] in pending:
            before, source = pending[node.bottoms[0]]
            folded = into_consumer(node, before, source)
            made = (folded,) if folded is not None else made
        named.update(zip(item.tops, made, strict=True))
        if item.type == "Input":
            inputs.extend(made)
    return emit(net.name, named, net.outputs, inputs)


def _place(node: Node, change: Affine, alone: bool, pending: dict[Blob, tuple[Affine, Blob]]) -> Blob:
    """Fold an affine layer into what makes its input, else merge it with an affine layer there, else keep it."""
    source = node.bottoms[0]
    if alone and (folded := into_producer(source.node, change)) is not None:
        return folded
    blob = node.tops[0]
    if alone and source in pending:
        before, source = pending[source]
        change = change.after(before)
        c = (change.channels,)
        shift = Lazy(c, change.shift) if change.moves else None
        blob = layers.scale(source, Lazy(c, change.factor), shift)
        blob.node.origin = node.origin
    pending[blob] = (change, source)
    return blob
