"""x times a function of x, as exporters spell activations that have a layer: Swish, HardSwish, Mish, GELU."""

from __future__ import annotations

from math import sqrt
from typing import Any

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.onnx_to_caffe.parts.linear import affine, close, linear


def gated(x: Blob, gate: Blob) -> Blob | None:
    """The layer that equals x * gate, or None where none does."""
    for recognise in (_swish, _hard_swish, _clipped_swish, _mish, _gelu):
        found = recognise(x, gate)
        if found is not None:
            return found
    return None


def swish(x: Blob, beta: float) -> Blob:
    """x * sigmoid(beta * x)."""
    params: dict[str, Any] = {} if beta == 1 else {"swish_param": {"beta": float(beta)}}
    return layers.neuron("Swish", x, **params)


def _swish(x: Blob, gate: Blob) -> Blob | None:
    if gate.node.type != "Sigmoid":
        return None
    read = gate.node.bottoms[0]
    if read == x:
        return swish(x, 1)
    source, beta, shift = linear(read)
    return swish(x, beta) if source == x and shift == 0 else None


def _hard_swish(x: Blob, gate: Blob) -> Blob | None:
    """x * hardsigmoid(x) with slope 1/6 and height 1/2 at 0."""
    values = gate.node.values
    if gate.node.type != "HardSigmoid" or gate.node.bottoms[0] != x:
        return None
    usual = close(values["alpha"], 1 / 6) and close(values["beta"], 0.5)
    return layers.neuron("HardSwish", x) if usual else None


def _clipped_swish(x: Blob, gate: Blob) -> Blob | None:
    """x * clip(x + 3, 0, 6), which is 6 times HardSwish; the division by 6 follows."""
    bounds = gate.node.values
    if gate.node.type != "Clip" or (bounds["min"], bounds["max"]) != (0, 6):
        return None
    usual = linear(gate.node.bottoms[0]) == (x, 1, 3)
    return affine(layers.neuron("HardSwish", x), scale=6) if usual else None


def _mish(x: Blob, gate: Blob) -> Blob | None:
    """x * tanh(softplus(x))."""
    if gate.node.type != "TanH" or gate.node.bottoms[0].node.type != "BNLL":
        return None
    return layers.neuron("Mish", x) if gate.node.bottoms[0].node.bottoms[0] == x else None


def _gelu(x: Blob, gate: Blob) -> Blob | None:
    """k * x times s * (1 + erf(x / sqrt 2)), which is 2 * k * s times GELU."""
    erf, scale, shift = linear(gate)
    if erf.node.type != "Erf" or not close(scale, shift):
        return None
    inner, slope, offset = linear(erf.node.bottoms[0])
    source, factor, moved = linear(x)
    if source != inner:
        source, factor, moved = x, 1.0, 0.0
    if source != inner or offset or moved:
        return None
    ratio = slope * sqrt(2)  # what GELU is taken of, in units of the source
    if close(ratio, 1):
        return affine(layers.neuron("Gelu", source), scale=2 * scale * factor)
    return affine(layers.neuron("Gelu", x), scale=2 * scale) if close(ratio, factor) else None
