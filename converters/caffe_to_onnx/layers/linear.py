"""Matrix products, and rows looked up in a table."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, count, lifts
from converters.errors import require


@lifts("InnerProduct")
def inner_product(
    op: Ops,
    x: ir.Value,
    *,
    num_output: int | None,
    bias_term: bool,
    axis: int,
    transpose: bool,
    blobs: Blobs,
    dialect: str,
) -> ir.Value:
    """InnerProduct -> Flatten where the bottom has more than two axes, and Gemm."""
    shape = dims(x)
    require(num_output, "has no num_output")
    assert num_output is not None
    place = axis % len(shape)
    inner = count(shape[place:])
    transposed = transpose and dialect not in ("opencv", "ncnn")
    sizes = (inner, num_output) if transposed else (num_output, inner)
    weight, *bias = blobs.take(sizes, *([(num_output,)] if bias_term else []))
    flat = x if len(shape) == 2 and place == 1 else op.Flatten(x, axis=place)
    constants = [op.constant(weight, "weight"), *(op.constant(one, "bias") for one in bias)]
    y = op.Gemm(flat, *constants, transB=int(not transposed))
    return y if place == 1 else op.reshape(y, (*((-1, *shape[1:place]) if place else ()), num_output))


@lifts("Embed")
def embed(
    op: Ops, x: ir.Value, *, num_output: int | None, input_dim: int | None, bias_term: bool, blobs: Blobs
) -> ir.Value:
    """Embed, a row for each number -> Gather."""
    require(num_output and input_dim, "has no num_output or no input_dim")
    assert num_output is not None
    assert input_dim is not None
    table, *bias = blobs.take((input_dim, num_output), *([(num_output,)] if bias_term else []))
    y = op.Gather(op.constant(table, "weight"), op.integers(x), axis=0)
    return op.Add(y, op.constant(bias[0], "bias")) if bias else y


@lifts("BatchReindex")
def batch_reindex(op: Ops, x: ir.Value, index: ir.Value) -> ir.Value:
    """BatchReindex, samples in another order -> Gather along the batch."""
    return op.Gather(x, op.integers(index), axis=0)
