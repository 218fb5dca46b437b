"""What a lift writes with: `op.Relu(x)` is an ONNX node, arrays and numbers among the inputs become constants.

Where an operator changed between opsets (axes that became inputs, Softmax's meaning), a method here knows the forms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.onnx.graphs import value_of

Input: TypeAlias = "ir.Value | npt.NDArray[Any] | float | None"

SMALL = 64  # bytes of a constant that is not worth sharing


def dims(x: ir.Value) -> Shape:
    """The sizes of a blob, which a lift knows of every bottom."""
    assert x.shape is not None
    return tuple(x.shape.numpy())


class Ops:
    """Makes nodes and constants for one opset, in the order in which they are asked for."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[ir.Node] = []
        self.constants: list[ir.Value] = []
        self._shared: dict[tuple[Any, ...], ir.Value] = {}

    def __getattr__(self, kind: str) -> Callable[..., ir.Value]:
        if not kind[:1].isupper():
            raise AttributeError(kind)
        return partial(self.node, kind)

    def node(self, kind: str, *inputs: Input, **attributes: Any) -> ir.Value:
        """A node of one of ONNX's operators: its output. Attributes that are None are left out."""
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(self, kind: str, outputs: int, *inputs: Input, **attributes: Any) -> tuple[ir.Value, ...]:
        """A node with this many outputs."""
        values = [x if x is None or isinstance(x, ir.Value) else self.constant(x) for x in inputs]
        given = {name: value for name, value in attributes.items() if value is not None}
        made = ir.node(kind, values, given, num_outputs=outputs)
        self.nodes.append(made)
        return tuple(made.outputs)

    def constant(self, array: Any, hint: str = "constant") -> ir.Value:
        """A constant: float32 unless it holds integers. The same memory is the same constant, whoever reads it."""
        numbers = np.asarray(array)
        numbers = numbers if numbers.dtype.kind in "iub" else numbers.astype(np.float32, copy=False)
        key: tuple[Any, ...] = (len(self.constants),)
        if numbers.nbytes > SMALL:
            memory = numbers.__array_interface__["data"][0]
            key = (memory, numbers.shape, numbers.strides, numbers.dtype.str)
        if key not in self._shared:
            self._shared[key] = value_of(hint, ir.Tensor(numbers, name=hint))
            self.constants.append(self._shared[key])
        return self._shared[key]

    def ints(self, values: Sequence[int]) -> ir.Value:
        """int64 numbers: shapes, axes, sizes."""
        return self.constant(np.asarray(values, np.int64), "sizes")

    def reduce(self, kind: str, x: ir.Value, axes: Sequence[int], keepdims: bool = True) -> ir.Value:
        """ReduceMean and its like: axes are an input from opset 18 on (of ReduceSum from 13 on)."""
        if self.opset >= (13 if kind == "ReduceSum" else 18):
            return self.node(kind, x, self.ints(axes), keepdims=int(keepdims))
        return self.node(kind, x, axes=list(axes), keepdims=int(keepdims))

    def unsqueeze(self, x: ir.Value, axes: Sequence[int]) -> ir.Value:
        """New axes of size 1 at these places of the result; x itself without any."""
        if not axes:
            return x
        if self.opset >= 13:
            return self.Unsqueeze(x, self.ints(axes))
        return self.Unsqueeze(x, axes=list(axes))

    def squeeze(self, x: ir.Value, axes: Sequence[int]) -> ir.Value:
        """x without these axes, which have size 1."""
        if self.opset >= 13:
            return self.Squeeze(x, self.ints(axes))
        return self.Squeeze(x, axes=list(axes))

    def split(self, x: ir.Value, axis: int, sizes: Sequence[int]) -> tuple[ir.Value, ...]:
        """x cut along an axis into parts of these sizes."""
        if len(sizes) == 1:
            return (x,)
        if self.opset >= 13:
            return self.several("Split", len(sizes), x, self.ints(sizes), axis=axis)
        return self.several("Split", len(sizes), x, axis=axis, split=list(sizes))

    def slice(self, x: ir.Value, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int]) -> ir.Value:
        """x[start:end] along each of the axes."""
        return self.Slice(x, self.ints(starts), self.ints(ends), self.ints(axes))

    def reversed(self, x: ir.Value, axis: int) -> ir.Value:
        """x with one axis from back to front."""
        low = np.iinfo(np.int64).min + 1
        return self.Slice(x, self.ints([-1]), self.ints([low]), self.ints([axis]), self.ints([-1]))

    def reshape(self, x: ir.Value, shape: Sequence[int]) -> ir.Value:
        """x in another shape: 0 keeps the size at that place, -1 is what is left."""
        return self.Reshape(x, self.ints(shape))

    def softmax(self, x: ir.Value, axis: int, rank: int) -> ir.Value:
        """Softmax along one axis; before opset 13 the operator knows the last axis alone."""
        if self.opset >= 13 or axis == rank - 1:
            return self.Softmax(x, axis=axis)
        order = [*(i for i in range(rank) if i != axis), axis]
        back = [order.index(i) for i in range(rank)]
        return self.Transpose(self.Softmax(self.Transpose(x, perm=order), axis=rank - 1), perm=back)

    def pad(self, x: ir.Value, begin: Sequence[int], end: Sequence[int], value: float = 0.0) -> ir.Value:
        """x with a constant around it, along every axis."""
        return self.Pad(x, self.ints([*begin, *end]), np.float32(value))

    def floats(self, x: ir.Value) -> ir.Value:
        """Integers or truth values as float32."""
        return self.Cast(x, to=ir.DataType.FLOAT.value)

    def integers(self, x: ir.Value) -> ir.Value:
        """Floats as int64, rounded towards zero."""
        return self.Cast(x, to=ir.DataType.INT64.value)
