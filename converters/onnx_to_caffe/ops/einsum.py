"""Einsum of two operands: transposes around one batched matrix product."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.ops.matmul import as_const, matrix_product
from converters.onnx_to_caffe.parts.transposed import transpose
from converters.onnx_to_caffe.registry import Const, Value, lowers

HINT = "write it with MatMul, Transpose and ReduceSum"


@lowers("Einsum")
def einsum(*operands: Value, equation: str) -> Blob:
    """Einsum of axes that are named once in an operand, those that are summed over in both; others are refused."""
    other = f"'{equation}' is not a batched product of two matrices"
    require(len(operands) == 2, other, HINT)
    (a, b), (terms, arrow, result) = operands, equation.replace(" ", "").partition("->")
    left, _, right = terms.partition(",")
    result = result if arrow else "".join(sorted(set(left) ^ set(right)))
    plain = (left + right).isalpha() and all(len(set(text)) == len(text) for text in (left, right, result))
    require(plain and set(left) ^ set(right) <= set(result) <= set(left + right), other, HINT)
    require((len(left), len(right)) == (a.rank, b.rank), f"'{equation}' for operands of {a.rank} and {b.rank} axes")
    sizes = dict(zip(left + right, a.shape + b.shape, strict=True))
    require(tuple(sizes[c] for c in left) == a.shape, "an axis of size 1 that is broadcast", HINT)
    batch, summed = ([c for c in left if c in right and (c in result) is kept] for kept in (True, False))
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]

    def arranged(value: Value, labels: str, *groups: list[str]) -> Value:
        order = [labels.index(c) for group in groups for c in group]
        shape = tuple(prod(sizes[c] for c in group) for group in groups)
        if isinstance(value, Const):
            return as_const(np.asarray(value, np.float32).transpose(order).reshape(shape))
        return layers.reshape(transpose(value, order), shape)

    y = matrix_product(arranged(a, left, batch, rows, summed), arranged(b, right, batch, summed, columns))
    made = [*batch, *rows, *columns]
    return transpose(layers.reshape(y, tuple(sizes[c] for c in made)), [made.index(c) for c in result])
