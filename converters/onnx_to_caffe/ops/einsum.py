"""Einsum of one or more operands: transposes, sums and matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape
from converters.errors import require
from converters.onnx_to_caffe.ops.matmul import as_const, matrix_product
from converters.onnx_to_caffe.parts.transposed import transpose
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob

Labelled = tuple[Value, str]
ELLIPSIS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # the labels of the axes that '...' stands for; ONNX allows small letters alone


def parse(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, with '...' written out as capital letters."""
    text, arrow, right = equation.replace(" ", "").partition("->")
    terms = text.split(",")
    require(len(terms) == len(ranks), f"the equation '{equation}' has {len(terms)} operands")
    require(not any(c in ELLIPSIS for c in text), f"the equation '{equation}' has capital letters")
    plain = [term.replace("...", "") for term in terms]
    hidden = max(
        rank - len(term) if "..." in terms[i] else 0 for i, (term, rank) in enumerate(zip(plain, ranks, strict=True))
    )
    labels = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term.replace("...", ""))
        labels.append(term.replace("...", ELLIPSIS[hidden - count : hidden]))
        require(len(labels[-1]) == rank, f"'{term}' for an operand of {rank} axes")
        require(len(set(labels[-1])) == rank, f"'{term}' takes a diagonal")
    if arrow:
        return labels, right.replace("...", ELLIPSIS[:hidden])
    every = "".join(labels)
    return labels, ELLIPSIS[:hidden] + "".join(sorted(c for c in set(every) if every.count(c) == 1 and c.islower()))


def arranged(value: Value, labels: str, groups: Sequence[str], sizes: dict[str, int]) -> Value:
    """An operand with its axes in the order of the groups, each group made one axis."""
    order = [labels.index(c) for group in groups for c in group]
    shape = tuple(prod(sizes[c] for c in group) for group in groups)
    if isinstance(value, Const):
        return as_const(np.asarray(value, np.float32).transpose(order).reshape(shape))
    return layers.reshape(transpose(value, order), shape)


def sum_out(value: Value, labels: str, kept: set[str], sizes: dict[str, int]) -> Labelled:
    """Sum over the axes that no other operand and no result has."""
    left = "".join(c for c in labels if c in kept)
    if left == labels:
        return value, labels
    if isinstance(value, Const):
        axes = tuple(i for i, c in enumerate(labels) if c not in kept)
        return as_const(np.asarray(value, np.float32).sum(axes)), left
    gone = "".join(c for c in labels if c not in kept)
    flat = arranged(value, labels, (left, gone), sizes)
    ones = (1, flat.shape[1])
    summed = layers.inner_product(need_blob(flat, "an operand"), Lazy(ones, lambda: np.ones(ones, np.float32)))
    return layers.reshape(summed, tuple(sizes[c] for c in left)), left


def pair(a: Labelled, b: Labelled, kept: set[str], sizes: dict[str, int]) -> Labelled:
    """Two operands -> one, as a batched matrix product; `kept` are the labels that are needed later."""
    (x, left), (y, right) = sum_out(*a, kept | set(b[1]), sizes), sum_out(*b, kept | set(a[1]), sizes)
    batch = "".join(c for c in left if c in right and c in kept)
    summed = "".join(c for c in left if c in right and c not in kept)
    rows = "".join(c for c in left if c not in right)
    columns = "".join(c for c in right if c not in left)
    made = matrix_product(
        arranged(x, left, (batch, rows, summed), sizes), arranged(y, right, (batch, summed, columns), sizes)
    )
    labels = batch + rows + columns
    return layers.reshape(made, tuple(sizes[c] for c in labels)), labels


@lowers("Einsum")
def einsum(*inputs: Value, equation: str) -> Blob:
    """Einsum, taken from left to right; an axis that is used twice in one operand (a diagonal) is refused."""
    terms, result = parse(equation, [value.rank for value in inputs])
    sizes: dict[str, int] = {}
    for value, labels in zip(inputs, terms, strict=True):
        for c, size in zip(labels, value.shape, strict=True):
            require(sizes.setdefault(c, size) == size, f"axis '{c}' is broadcast from {sizes[c]} to {size}")
    current: Labelled = (inputs[0], terms[0])
    for i in range(1, len(inputs)):
        later = set(result).union(*terms[i + 1 :])
        current = pair(current, (inputs[i], terms[i]), later, sizes)
    value, labels = sum_out(*current, set(result), sizes)
    shape: Shape = tuple(sizes[c] for c in result)
    blob = need_blob(value, "the operand")
    return layers.reshape(transpose(blob, [labels.index(c) for c in result]), shape)
