"""Which function lowers which ONNX operator, and how a node becomes a call of it.

A lowering is a pure function whose signature is the operator's specification: inputs positional, attributes as keywords
with ONNX's defaults. An input's annotation says what it takes: `Blob` what the network computes, `Const` what is known
at conversion time, `Value` both, with `| None` where it may be left out; anything else is refused before the call. A
keyword `out_shapes` receives the shapes that ONNX gives the outputs. An attribute that the signature does not name
refuses the node; nothing is dropped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from converters.caffe.graph import Blob
from converters.caffe.net import Shape, not_finite
from converters.errors import CUT, Unsupported, require


@dataclass(frozen=True, eq=False)
class Const:
    """An input that is known at conversion time. It can serve as a layer's weights as it is, without a copy."""

    name: str
    tensor: ir.TensorProtocol
    shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.tensor.shape.numpy()))

    @property
    def array(self) -> npt.NDArray[Any]:
        """The numbers, as a view of the model's own bytes where possible."""
        return self.tensor.numpy()

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def ints(self) -> list[int]:
        """The numbers as a flat list of ints, for shapes and axes."""
        return [int(v) for v in self.array.reshape(-1)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.array, dtype)


Value: TypeAlias = Blob | Const
Lowering = Callable[..., "Blob | tuple[Blob, ...]"]
LOWERINGS: dict[str, Lowering] = {}
F = TypeVar("F", bound=Lowering)
# Operators that only pass numbers on, so that whole ones (an ArgMax's) stay what they are as floats. Arithmetic is not
# among them: it would have to wrap and truncate.
MOVES = frozenset(
    {
        *("ArgMax", "ArgMin", "Cast", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements"),
        *("GatherND", "Identity", "Max", "Min", "Pad", "Reshape", "ReverseSequence", "Slice", "SpaceToDepth", "Split"),
        *("Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where"),
    }
)
# Operators for which an infinity among their constants is a bound, a mask or only passed on.
BOUNDLESS = MOVES | {"Add", "Attention", "Clip", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Sub"}
FLOAT_OR_TRUTH = (None, ir.DataType.FLOAT, ir.DataType.BOOL)


def lowers(*ops: str) -> Callable[[F], F]:
    """Register a function as the lowering of one or more operators."""

    def register(function: F) -> F:
        for op in ops:
            if op in LOWERINGS:
                raise ValueError(f"{op} has two lowerings")
            LOWERINGS[op] = function
        return function

    return register


def attributes(node: ir.Node) -> dict[str, Any]:
    """The node's attributes as Python values: tensors as arrays, the rest as they are."""
    values: dict[str, Any] = {}
    for name, attribute in node.attributes.items():
        require(attribute.type not in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS), "control flow (a subgraph)")
        value = attribute.value
        values[name] = value.numpy() if attribute.type == ir.AttributeType.TENSOR else value
        if attribute.type in (ir.AttributeType.FLOAT, ir.AttributeType.FLOATS):
            require(np.isfinite(value).all(), f"{name}={value}, which is not finite")
    return values


def call(node: ir.Node, inputs: list[Value | None], out_shapes: tuple[Shape, ...]) -> tuple[Blob, ...]:
    """Lower one node, or raise Unsupported."""
    function = LOWERINGS.get(node.op_type)
    if function is None:
        raise Unsupported(f"no Caffe form of {node.op_type} is known", CUT)
    dtype = node.outputs[0].dtype
    if dtype not in FLOAT_OR_TRUTH and node.op_type not in MOVES:
        raise Unsupported(f"arithmetic of type {dtype.name.lower()}", CUT)
    signature = _signature(function)
    keywords = attributes(node)
    if "out_shapes" in signature.parameters:
        keywords["out_shapes"] = out_shapes
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    try:
        bound = signature.bind(*inputs, **keywords)
    except TypeError as error:
        raise Unsupported(str(error)) from error
    for name, value in bound.arguments.items():
        parameter = signature.parameters[name]
        for one in value if parameter.kind == parameter.VAR_POSITIONAL else (value,):
            _check_kind(name, one, parameter.annotation)
            if isinstance(one, Const):
                _check_numbers(one, node.op_type in BOUNDLESS)
    result = function(*inputs, **keywords)
    return result if isinstance(result, tuple) else (result,)


@cache
def _signature(function: Lowering) -> inspect.Signature:
    """The signature of a lowering with its annotations as types."""
    return inspect.signature(function, eval_str=True)


def _check_kind(name: str, value: object, annotation: object) -> None:
    """Refuse an input that is not of the kind that the lowering says it takes: computed, constant, or left out."""
    kinds = get_args(annotation) or (annotation,)
    if not {Blob, Const} & set(kinds) or isinstance(value, kinds):
        return
    what = "input" if name == "x" else name.replace("_", " ")
    are, it = ("are", "them") if what.endswith("s") else ("is", "it")
    if value is None:
        raise Unsupported(f"the {what} {are} missing")
    if isinstance(value, Const):
        raise Unsupported(f"the {what} {are} {'a constant' if are == 'is' else 'constants'}")
    raise Unsupported(f"the {what} {are} computed at run time; Caffe needs {it} fixed")


def _check_numbers(constant: Const, boundless: bool) -> None:
    """Refuse NaN among the numbers of a constant, and infinities unless it is one that they may stand in."""
    found = not_finite(constant.array)
    require(found != "NaN", f"the constant '{constant.name}' holds NaN")
    require(boundless or not found, f"arithmetic with infinity: the constant '{constant.name}' holds it")


def need_blob(value: Value | None, what: str) -> Blob:
    """The value as a computed blob; refuse a constant there. For what the signature can't say."""
    if not isinstance(value, Blob):
        raise Unsupported(f"{what} is a constant" if value is not None else f"{what} is missing")
    return value


def need_const(value: Value | None, what: str) -> Const:
    """The value as a constant; refuse one that is computed from the input. For what the signature can't say."""
    if not isinstance(value, Const):
        raise Unsupported(
            f"{what} is computed at run time; Caffe needs it fixed" if value is not None else f"{what} is missing"
        )
    return value
