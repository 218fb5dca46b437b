"""Canonical ONNX -> Net: call each node's lowering, name the result, prove its shape, collect every blocker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx_ir as ir

from converters.caffe import layers
from converters.caffe.graph import Blob, Names, emit, poison, same, with_origin
from converters.caffe.net import Net, Shape
from converters.caffe.shapes import MAX_COUNT
from converters.errors import Problem, Unsupported, require
from converters.names import safe
from converters.onnx.graphs import problem, static_shape
from converters.onnx_to_caffe.names import module_names
from converters.onnx_to_caffe.ops import load_all
from converters.onnx_to_caffe.registry import Const, Value, call

load_all()


@dataclass(frozen=True)
class Lowered:
    """What comes of an ONNX graph before any pass.

    Attributes:
        net: its layers.
        problems: the blockers met.
        blobs: the blob of every ONNX value; of an input that is an output too, that of the output.
        nodes: the ONNX node behind each value.
        shapes: those to prove.
        makers: the name and type of the layer that makes each value, the last where several do.
        inputs: the blob of every input of the graph.
    """

    net: Net
    problems: tuple[Problem, ...]
    blobs: Mapping[str, str]
    nodes: Mapping[str, ir.Node]
    shapes: Mapping[str, Shape]
    makers: Mapping[str, tuple[str, str]]
    inputs: Mapping[str, str]


def lower(model: ir.Model) -> Lowered:
    """Lower every node; a stand-in takes the place of one that can't be, so that later blockers are found too."""
    graph = model.graph
    values: dict[ir.Value, Value] = {v: Const(v.name or "", _tensor(v)) for v in graph.initializers.values()}
    problems: list[Problem] = []
    mismatches: list[Problem] = []
    inputs: list[Blob] = []
    for value in graph.inputs:
        shape = static_shape(value) or ()
        if value.dtype != ir.DataType.FLOAT:
            reason = f"holds {value.dtype.name.lower() if value.dtype else 'unknown'}; Caffe's blobs are float32"
            problems.append(Problem("input", value.name or "", reason, "feed floats, or cut the network after it"))
        (blob,) = with_origin([layers.input_(safe(value.name or ""), shape)], value.name or "")
        values[value] = blob
        inputs.append(blob)
    for node in graph:
        try:
            made = _lower_node(node, values)
        except Unsupported as error:
            blockers = mismatches if isinstance(error, Mismatch) else problems
            blockers.append(problem(node, error.reason, error.hint))
            read = [values[v] for v in node.inputs if v is not None]
            made = poison(
                [_sound(static_shape(v) or ()) for v in node.outputs], [v for v in read if isinstance(v, Blob)]
            )
        values.update(zip(node.outputs, with_origin(made, _first_name(node)), strict=False))
    return _finish(model, values, inputs, problems, mismatches)


def _first_name(node: ir.Node) -> str:
    """The name of the first output that is not left out."""
    return next((value.name for value in node.outputs if value.name), "")


def _tensor(value: ir.Value) -> ir.TensorProtocol:
    if value.const_value is None:
        raise RuntimeError(f"initialiser '{value.name}' has no value")
    return value.const_value


def _lower_node(node: ir.Node, values: Mapping[ir.Value, Value]) -> tuple[Blob, ...]:
    inputs = [values[value] if value is not None else None for value in node.inputs]
    used = [value for value in node.outputs if value.uses() or value.is_graph_output()]
    out_shapes = tuple(static_shape(value) or () for value in node.outputs)
    for shape in out_shapes:
        require(all(size >= 0 for size in shape), f"has an output of shape {shape}")
        require(prod(shape) <= MAX_COUNT, f"gives a blob of {prod(shape):,} numbers, over Caffe's limit")
    try:
        made = call(node, inputs, out_shapes)
    except (ArithmeticError, LookupError, ValueError, MemoryError) as error:
        # ONNX's checks let nonsense through; that the lowerings stumble over it is no fault of theirs.
        raise Unsupported(f"its inputs and attributes do not fit together ({error})") from error
    for value, blob in zip(node.outputs, made, strict=False):
        if value in used:
            _check_output(node, value, blob)
    require(
        len(made) >= len(node.outputs) or not any(v in used for v in node.outputs[len(made) :]),
        f"only the first {len(made)} of its outputs can be made",
    )
    return made


def _sound(shape: Shape) -> Shape:
    """A shape that a stand-in can have."""
    return tuple(max(size, 1) for size in shape) if prod(shape) <= MAX_COUNT else (1,) * len(shape)


class Mismatch(Unsupported):
    """A layer gives another shape than ONNX infers: a fault of the converter, where the model has no blockers.

    Where it has some, shapes are inferred from what means nothing.
    """


def _check_output(node: ir.Node, value: ir.Value, blob: Blob) -> None:
    want = static_shape(value) or ()
    require(0 not in want, f"makes nothing: an output of shape {want}")
    if blob.shape != want:
        raise Mismatch(f"comes out as {blob.shape} in Caffe but as {want} in ONNX (a fault of the converter)")


def _finish(
    model: ir.Model,
    values: dict[ir.Value, Value],
    inputs: list[Blob],
    problems: list[Problem],
    mismatches: Sequence[Problem],
) -> Lowered:
    """Name every value's blob, give a graph output a layer of its own where it needs one, and make the Net."""
    graph = model.graph
    names = Names()
    named: dict[str, Blob] = {}
    blob_of: dict[str, str] = {}
    shapes: dict[str, Shape] = {}
    nodes = {value.name or "": node for node in graph for value in node.outputs}
    by_blob: dict[tuple[int, int], str] = {}

    def name_it(value: ir.Value, blob: Blob, wanted: str) -> None:
        key = (id(blob.node), blob.index)
        if key not in by_blob:
            by_blob[key] = names(safe(wanted))
            named[by_blob[key]] = blob
            shapes[by_blob[key]] = blob.shape
        blob_of[value.name or ""] = by_blob[key]

    for value, blob in zip(graph.inputs, inputs, strict=True):
        name_it(value, blob, value.name or "")
    input_blobs = dict(blob_of)
    outputs: list[str] = []
    for value in graph.outputs:
        made = values.get(value)
        if not isinstance(made, Blob):
            problems.append(Problem("output", value.name or "", "is a constant: it does not depend on any input"))
            continue
        if len(made.node.shapes) > 1 or made.node.type == "Input" or (id(made.node), made.index) in by_blob:
            (made,) = with_origin([same(made)], value.name or "")
        name_it(value, made, value.name or "")
        outputs.append(blob_of[value.name or ""])
    for value, name in module_names(model):
        found = values.get(value)
        new = value.name and value.name not in blob_of
        if new and isinstance(found, Blob) and found.shape == static_shape(value):  # one that nobody reads may not
            name_it(value, found, name)
    net = emit("network", named, outputs, inputs)
    makers = {item.origin: (blob_of[item.origin], item.type) for item in net.layers if item.origin in blob_of}
    return Lowered(net, tuple(problems or mismatches), blob_of, nodes, shapes, makers, input_blobs)
