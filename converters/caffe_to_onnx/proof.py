"""The shape proof: every blob's shape by Caffe's own rules is the one that ONNX infers, and the model is valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import onnx
import onnx_ir as ir
from onnx import checker, shape_inference

from converters.caffe.net import Net, Shape
from converters.caffe.shapes import prove as caffe_shapes
from converters.caffe_to_onnx.lift import Lifted
from converters.errors import Problem, Unsupported
from converters.onnx import protos

LARGE = 1024  # bytes: shape inference needs the numbers of small constants alone


@contextmanager
def _weights_aside(model: ir.Model) -> Iterator[None]:
    """The model with its large constants as inputs, so that it can be checked without a copy of them."""
    graph = model.graph
    large = [value for value in graph.initializers.values() if value.const_value and value.const_value.nbytes > LARGE]
    kept = {value: value.const_value for value in large}
    for value in large:
        del graph.initializers[value.name or ""]
        value.const_value = None
        graph.inputs.append(value)
    try:
        yield
    finally:
        for value, tensor in kept.items():
            graph.inputs.remove(value)
            value.const_value = tensor
            graph.initializers[value.name or ""] = value


OPEN = {"DetectionOutput"}  # layers whose tops have as many rows as there is to tell


def prove(lifted: Lifted, net: Net, batch: int = 0) -> list[Problem]:
    """What speaks against the model, each a layer: a fault of the importer, found before anything is written.

    With `batch`, the same model with this batch in place of its inputs' first size: what speaks against that is a
    layer that holds on to a batch, Caffe's or the importer's.
    """
    layers = {top: layer for layer in net.layers for top in layer.tops}
    shapes: Mapping[str, Shape] = lifted.shapes
    with _weights_aside(lifted.model):
        proto = ir.to_proto(lifted.model)
    if batch:
        other = with_batch(net, batch)
        try:
            shapes = caffe_shapes(other, {})
        except Unsupported as error:
            return [Problem("net", net.name, f"does not take another batch than its own: {error.reason}")]
        _feed(proto, other.inputs)
    protos.forget_shapes(proto.graph)
    try:
        inferred = shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
        checker.check_model(inferred)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:400]
        return [Problem("model", net.name, f"is not valid ONNX for a batch of {batch or 'its own size'}: {reason}")]
    found = shapes_in(inferred)
    problems = []
    for blob, value in lifted.values.items():
        layer = layers[blob]
        if value in found and not _agree(found[value], shapes[blob], layer.type in OPEN):
            reason = f"'{blob}' is {shapes[blob]} in Caffe but {found[value]} in ONNX"
            problems.append(Problem(layer.type, layer.name, reason))
    return problems


def with_batch(net: Net, batch: int) -> Net:
    """The net with another first size of every input."""
    layers = []
    for layer in net.layers:
        if layer.type == "Input":
            shapes = [{"dim": [batch, *shape["dim"][1:]]} for shape in layer.params["input_param"]["shape"]]
            layer = replace(layer, params={"input_param": {"shape": shapes}})
        layers.append(layer)
    return replace(net, layers=tuple(layers))


def _feed(proto: onnx.ModelProto, inputs: Mapping[str, Shape]) -> None:
    for value in proto.graph.input:
        for dim, size in zip(value.type.tensor_type.shape.dim, inputs.get(value.name, ()), strict=False):
            dim.dim_value = size


def _agree(found: tuple[int | None, ...] | None, want: Shape, open_rows: bool) -> bool:
    if found is None or len(found) != len(want):
        return False
    return all(a == b or (a is None and open_rows) for a, b in zip(found, want, strict=True))


def shapes_in(proto: onnx.ModelProto) -> dict[str, tuple[int | None, ...] | None]:
    """The shape of every computed value: None where it is not known at all, a size of None where that is not."""
    found: dict[str, tuple[int | None, ...] | None] = {out: None for node in proto.graph.node for out in node.output}
    for value in (*proto.graph.value_info, *proto.graph.output):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            found[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    return found
