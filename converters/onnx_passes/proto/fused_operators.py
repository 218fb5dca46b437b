"""The operators that onnxruntime's optimiser makes, each as ONNX's own operators.

`FUSED` says what each stands for: a function whose signature is the operator's specification, inputs positional,
attributes as keywords with their defaults. An attribute that the signature does not name refuses the node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx

from converters.errors import require
from converters.onnx import protos

TORCH = "_output_0"  # what torch puts behind the name of a node to call its value
# The opsets since which ONNX has these operators, and since which it gives these numbers as inputs.
ERF, LAYER_NORM, CLIP_INPUTS, AXES_INPUT = 9, 17, 11, 18
# The activations that are fused, and the attributes that their parameters are, in the order of `activation_params`.
ACTIVATIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Relu", "Tanh", "Sigmoid", "Softplus", "Softsign"), ()),
    **dict.fromkeys(("LeakyRelu", "Elu", "ThresholdedRelu"), ("alpha",)),
    "HardSigmoid": ("alpha", "beta"),
    "Selu": ("alpha", "gamma"),
    "Clip": ("min", "max"),
}
Made: TypeAlias = "str | tuple[str, ...]"  # the value that stands for the node's output, or for each; "": for none


class RankUnknown(Exception):
    """How many axes a value has is not known yet."""


@dataclass
class Place:
    """Where one node is written out: what is known of its graph, and the nodes that stand for it."""

    graph: onnx.GraphProto
    opset: int
    node: onnx.NodeProto
    ranks: Mapping[str, int]
    taken: set[str]
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def op(self, kind: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        """Append an operator and return the value that it makes; '' at the end of its inputs is left out."""
        given = list(inputs)
        while not given[-1]:
            given.pop()
        made = self._free(called or f"{self.node.output[0]}/{kind.lower()}")
        self.nodes.append(protos.node(kind, given, [made], made.removesuffix(TORCH), **attributes))
        return made

    def constant(self, value: npt.NDArray[Any]) -> str:
        """A constant."""
        return protos.constant(self.graph, self._free(f"{self.node.output[0]}/constant"), value)

    def number(self, value: float) -> str:
        """A constant of one number."""
        return self.constant(np.asarray(value, np.float32))

    def rank(self, x: str) -> int:
        """How many axes a value has."""
        if x not in self.ranks:
            raise RankUnknown
        return self.ranks[x]

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _of_module(at: Place) -> str:
    """What torch would have called the first value: onnxruntime keeps the name of the node that made it."""
    name = at.node.name.removeprefix("fused ")
    return f"{name}{TORCH}" if name.startswith("/") else ""


def _activated(at: Place, x: str, activation: str, params: Mapping[str, float]) -> str:
    require(activation in ACTIVATIONS, f"its activation '{activation}' is none that is known")
    fit = set(params) == set(ACTIVATIONS[activation])
    require(fit, f"its activation {activation} has {', '.join(params) or 'nothing'} as parameters")
    if activation == "Clip" and at.opset >= CLIP_INPUTS:
        return at.op("Clip", x, at.number(params["min"]), at.number(params["max"]))
    return at.op(activation, x, **dict[str, Any](params))


def conv(
    at: Place,
    x: str,
    w: str,
    b: str = "",
    z: str = "",
    *,
    activation: str = "",
    activation_params: Sequence[float] = (),
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Made:
    """FusedConv: a Conv, what is added to it, and an activation."""
    names = ACTIVATIONS.get(activation, ())
    count = len(activation_params)
    require(count == len(names), f"its activation '{activation}' has {count} parameters")
    window = {"kernel_shape": kernel_shape, "strides": strides, "pads": pads, "dilations": dilations}
    given = {name: sizes for name, sizes in window.items() if sizes}
    y = at.op("Conv", x, w, b, called=_of_module(at), group=group, auto_pad=auto_pad, **given)
    y = at.op("Add", y, z) if z else y
    return _activated(at, y, activation, dict(zip(names, activation_params, strict=True)))


def gemm(
    at: Place,
    a: str,
    b: str,
    c: str = "",
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    activation: str = "",
    activation_alpha: float | None = None,
    activation_beta: float | None = None,
    activation_gamma: float | None = None,
) -> Made:
    """FusedGemm: a Gemm and an activation."""
    y = at.op("Gemm", a, b, c, called=_of_module(at), alpha=alpha, beta=beta, transA=transA, transB=transB)
    params = {"alpha": activation_alpha, "beta": activation_beta, "gamma": activation_gamma}
    return _activated(at, y, activation, {name: value for name, value in params.items() if value is not None})


def matmul(
    at: Place,
    a: str,
    b: str,
    *,
    alpha: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
) -> Made:
    """FusedMatMul: a MatMul of transposed operands, scaled."""
    if transA or transBatchA:  # onnxruntime multiplies a vector by it as if it were not transposed
        require(at.rank(b) > 1, "its first operand is transposed, and the second is a vector")
    product = at.op("MatMul", _transposed(at, a, transA, transBatchA), _transposed(at, b, transB, transBatchB))
    return product if alpha == 1 else at.op("Mul", product, at.number(alpha))


def _transposed(at: Place, x: str, swap: int, batch: int) -> str:
    """An operand, with the last two axes swapped; `batch`: the first axis belongs behind those of the batch."""
    require({swap, batch} <= {0, 1}, "an operand is transposed in a way that is not known")
    if not swap and not batch:
        return x
    axes = list(range(at.rank(x)))
    require(not batch or len(axes) > 2, "an operand has no axes of a batch to transpose")
    order = [*axes[1:-1], axes[0], axes[-1]] if batch else axes
    if swap and len(axes) > 1:
        order[-2:] = order[:-3:-1]
    return at.op("Transpose", x, perm=order)


def gelu(at: Place, x: str) -> str:
    """Gelu: x times the share of the normal distribution below x."""
    require(at.opset >= ERF, f"Erf is not in opset {at.opset}")
    error = at.op("Erf", at.op("Div", x, at.number(math.sqrt(2))))
    return at.op("Mul", at.op("Mul", x, at.op("Add", error, at.number(1))), at.number(0.5))


def bias_gelu(at: Place, x: str, bias: str) -> Made:
    """BiasGelu: Gelu of a sum."""
    return gelu(at, at.op("Add", x, bias))


def fast_gelu(at: Place, x: str, bias: str = "") -> Made:
    """FastGelu: Gelu by its approximation with tanh."""
    x = at.op("Add", x, bias) if bias else x
    cubed = at.op("Mul", at.op("Pow", x, at.number(3)), at.number(0.044715))
    inner = at.op("Mul", at.op("Add", x, cubed), at.number(math.sqrt(2 / math.pi)))
    share = at.op("Add", at.op("Tanh", inner), at.number(1))
    return at.op("Mul", at.op("Mul", x, share), at.number(0.5))


def quick_gelu(at: Place, x: str, *, alpha: float = 1.702) -> Made:
    """QuickGelu: x * sigmoid(alpha * x); SiLU where alpha is 1."""
    steep = x if alpha == 1 else at.op("Mul", x, at.number(alpha))
    return at.op("Mul", x, at.op("Sigmoid", steep))


def layer_norm(
    at: Place, x: str, scale: str, bias: str = "", *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> str:
    """LayerNormalization, in any opset."""
    require(stash_type == 1, "it computes in another precision than float32")
    if at.opset >= LAYER_NORM:
        return at.op("LayerNormalization", x, scale, bias, axis=axis, epsilon=epsilon)
    axes = _behind(at, x, axis)
    return _normal(at, at.op("Sub", x, _mean(at, x, axes)), axes, epsilon, scale, bias)


def rms_norm(at: Place, x: str, scale: str, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> str:
    """SimplifiedLayerNormalization: x over the root of the mean of its squares."""
    require(stash_type == 1, "it computes in another precision than float32")
    return _normal(at, x, _behind(at, x, axis), epsilon, scale)


def _behind(at: Place, x: str, axis: int) -> list[int]:
    """An axis and all behind it."""
    if axis < 0:
        return list(range(axis, 0))
    require(axis < at.rank(x), f"it has no axis {axis}")
    return list(range(axis, at.rank(x)))


def _normal(at: Place, x: str, axes: list[int], epsilon: float, scale: str, bias: str = "") -> str:
    root = at.op("Sqrt", at.op("Add", _mean(at, at.op("Mul", x, x), axes), at.number(epsilon)))
    y = at.op("Mul", at.op("Div", x, root), scale)
    return at.op("Add", y, bias) if bias else y


def _mean(at: Place, x: str, axes: list[int]) -> str:
    if at.opset < AXES_INPUT:
        return at.op("ReduceMean", x, axes=axes, keepdims=1)
    return at.op("ReduceMean", x, at.constant(np.asarray(axes, np.int64)), keepdims=1)


def skip_layer_norm(
    at: Place, x: str, skip: str, gamma: str, beta: str = "", bias: str = "", *, epsilon: float = 1e-12
) -> Made:
    """SkipLayerNormalization: LayerNormalization of a sum, which is its fourth output."""
    total = _total(at, x, skip, bias)
    return layer_norm(at, total, gamma, beta, epsilon=epsilon), "", "", total


def skip_rms_norm(at: Place, x: str, skip: str, gamma: str, bias: str = "", *, epsilon: float = 1e-12) -> Made:
    """SkipSimplifiedLayerNormalization: the same of SimplifiedLayerNormalization."""
    total = _total(at, x, skip, bias)
    return rms_norm(at, total, gamma, epsilon=epsilon), "", "", total


def _total(at: Place, x: str, skip: str, bias: str) -> str:
    total = at.op("Add", x, skip)
    return at.op("Add", total, bias) if bias else total


# By domain: the normalisations are under ONNX's own, also in opsets that do not have them.
FUSED: dict[str, dict[str, Callable[..., Made]]] = {
    "com.microsoft": {
        "FusedConv": conv,
        "FusedGemm": gemm,
        "FusedMatMul": matmul,
        "Gelu": gelu,
        "BiasGelu": bias_gelu,
        "FastGelu": fast_gelu,
        "QuickGelu": quick_gelu,
        "SkipLayerNormalization": skip_layer_norm,
        "SkipSimplifiedLayerNormalization": skip_rms_norm,
    },
    "": {"LayerNormalization": layer_norm, "SimplifiedLayerNormalization": rms_norm},
}
