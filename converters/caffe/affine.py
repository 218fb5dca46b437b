"""Per-channel affine maps: which layers are one, and what a layer before or after looks like with one inside.

Vectors are computed in float64 and the big weights when they are written, so folding costs neither accuracy nor a
second copy of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.caffe.graph import Blob, Node, remade
from converters.caffe.net import Lazy, Weights
from converters.caffe.traits import of
from converters.caffe.values import spatial
from converters.errors import require

Vector = npt.NDArray[np.float64]
ROUNDING = 512.0  # from here on a shift rounds what it is added to visibly


@dataclass(frozen=True)
class Affine:
    """x -> factor * x + shift per channel (axis 1); the vectors are made when the weights are written.

    `uniform` is (factor, shift) where all channels have the same and it is known already.
    """

    channels: int
    factor: Callable[[], Vector]
    shift: Callable[[], Vector]
    moves: bool  # whether the shift may differ from zero
    uniform: tuple[float, float] | None = None

    def after(self, first: Affine) -> Affine:
        """This one applied to the result of `first`."""
        if self.uniform and first.uniform:
            (outer, add), (inner, start) = self.uniform, first.uniform
            return constant(self.channels, outer * inner, outer * start + add)
        return Affine(
            self.channels,
            lambda: self.factor() * first.factor(),
            lambda: self.factor() * first.shift() + self.shift(),
            self.moves or first.moves,
        )

    def stretched(self, channels: int) -> Affine:
        """The same map when every channel has become several, one behind the other."""
        times = channels // self.channels
        return Affine(
            channels,
            lambda: np.repeat(self.factor(), times),
            lambda: np.repeat(self.shift(), times),
            self.moves,
            self.uniform,
        )


def constant(channels: int, factor: float, shift: float) -> Affine:
    """One map for all channels."""
    return Affine(
        channels, lambda: np.full(channels, factor), lambda: np.full(channels, shift), shift != 0, (factor, shift)
    )


def rounds(factor: float, shift: float) -> bool:
    """Whether a shift is so large that its rounding is part of the result: x + 3 * 2**22 - 3 * 2**22 is round(x)."""
    return abs(shift) > ROUNDING * max(1, abs(factor))


def _f64(weights: Weights) -> Vector:
    return np.asarray(weights, np.float64)


def affine(node: Node) -> Affine | None:
    """Read a layer as a per-channel affine map, or None where it is none."""
    if not of(node.type).affine or len(node.bottoms) != 1 or node.bottoms[0].rank < 2:
        return None
    c = node.bottoms[0].shape[1]
    ones, zeros = (lambda: np.ones(c)), (lambda: np.zeros(c))
    if node.type == "BatchNorm":
        return _batch_norm(node, c)
    if node.type == "Scale" and _per_channel(node):
        factor, *rest = node.blobs
        return Affine(c, lambda: _f64(factor), (lambda: _f64(rest[0])) if rest else zeros, bool(rest))
    if node.type == "Bias" and _per_channel(node):
        shift = node.blobs[0]
        return Affine(c, ones, lambda: _f64(shift), True)
    if node.type == "Power" and node.values["power"] == 1:
        return constant(c, node.values["scale"], node.values["shift"])
    return None


def _per_channel(node: Node) -> bool:
    return node.values["axis"] == 1 and bool(node.blobs) and len(node.blobs[0].shape) == 1


def _batch_norm(node: Node, c: int) -> Affine | None:
    if not node.values["use_global_stats"]:
        return None
    mean, var, count = node.blobs
    eps = node.values["eps"]

    def factor() -> Vector:
        total = float(_f64(count).reshape(-1)[0])
        return np.asarray(1 / np.sqrt(_f64(var) * (1 / total if total else 0) + eps), np.float64)

    def shift() -> Vector:
        total = float(_f64(count).reshape(-1)[0])
        return -_f64(mean) * (1 / total if total else 0) * factor()

    return Affine(c, factor, shift, True)


def groups(node: Node) -> int:
    """The number of groups of a convolution; an inner product is one."""
    return int(node.values["group"]) if of(node.type).convolves else 1


def _outputs_axis(node: Node) -> bool:
    """Whether the layer's output channels are axis 1 of its top."""
    return node.type != "InnerProduct" or len(node.shapes[0]) == 2


def into_producer(node: Node, change: Affine) -> Blob:
    """A convolution or inner product with a per-channel affine map of its output folded in; Unsupported for others."""
    require(of(node.type).linear, f"the {node.type} before it has no weights to hold it")
    require(_outputs_axis(node), f"the {node.type} before it has its channels on another axis")
    weight, *rest = node.blobs
    group = groups(node)

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
        node, None, Lazy(weight.shape, scaled), Lazy((change.channels,), bias) if rest or change.moves else None
    )


def _with_blobs(node: Node, source: Blob | None, weight: Weights, bias: Weights | None) -> Blob:
    """The layer with other weights, on `source` if that is given."""
    group = of(node.type).message
    param = {name: value for name, value in node.values.given.items() if name != "bias_term"}
    if bias is None:
        param["bias_term"] = False
    blobs = (weight,) if bias is None else (weight, bias)
    bottoms = node.bottoms if source is None else (source,)
    return remade(node, bottoms, params={**node.params, group: param}, blobs=blobs).tops[0]


def into_consumer(node: Node, change: Affine, source: Blob) -> Blob:
    """A convolution or inner product with a per-channel affine map of its input folded in.

    Unsupported for other layers, and where padding would see the shift.
    """
    takes = len(node.bottoms) == 1 and of(node.type).linear and node.type != "Deconvolution"
    require(takes, f"the {node.type} behind it has no weights to hold it")
    if node.type == "Convolution":
        pad = spatial(node.values, "pad", node.bottoms[0].rank - 2)
        require(not (change.moves and any(pad)), "the padding of the Convolution behind it would see the shift")
    if node.type == "InnerProduct":
        require(node.values["axis"] == 1, "the InnerProduct behind it multiplies along another axis")
        change = change.stretched(node.blobs[0].shape[1])
    weight, *rest = node.blobs
    group = groups(node)

    parts = (group, weight.shape[0] // group, weight.shape[1], prod(weight.shape[2:]))

    def scaled() -> npt.NDArray[Any]:
        factor = change.factor().astype(np.float32).reshape(group, 1, -1, 1)
        return (np.asarray(weight, np.float32).reshape(parts) * factor).reshape(weight.shape)

    def bias() -> Vector:
        array = np.asarray(weight, np.float32).reshape(parts)
        moved = np.einsum("goik,gi->go", array, change.shift().reshape(group, -1)).reshape(-1)
        return np.asarray(moved + (_f64(rest[0]) if rest else 0), np.float64)

    shift = Lazy((weight.shape[0],), bias) if rest or change.moves else None
    return _with_blobs(node, source, Lazy(weight.shape, scaled), shift)
