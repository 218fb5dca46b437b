"""Pin what goes in and choose what comes out: static input shapes, and the values at which the network is cut."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import prod

import onnx

from converters.errors import ConversionError, Problem, Remedy, ToolkitError, listed
from converters.onnx import protos
from converters.onnx_passes.sizes import BLOB, LISTED


def pin_inputs(
    proto: onnx.ModelProto, wanted: Mapping[str, Sequence[int]], weights: Container[str | None] = ()
) -> None:
    """Give every real input a static shape: as asked, else its own; a dynamic first axis (the batch) is 1.

    `weights` are inputs that stand for the big ones: nobody feeds those.
    """
    inputs = [value.name for value in proto.graph.input if value.name not in weights]
    for name in wanted:
        if name not in inputs:
            raise ToolkitError(f"the model has no input '{name}' to give a shape (it has: {listed(name, inputs)})")
    problems = []
    for value in proto.graph.input:
        tensor = value.type.tensor_type
        if value.type.WhichOneof("value") != "tensor_type":
            problems.append(Problem("input", value.name, "is not a tensor (a sequence, map or optional)"))
            continue
        given = wanted.get(value.name)
        dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in tensor.shape.dim]
        if given is None and (not tensor.HasField("shape") or any(d <= 0 for d in dims[1:])):
            shown = ",".join(dim.dim_param or str(dim.dim_value or "?") for dim in tensor.shape.dim)
            example = _example(tensor)
            hint = Remedy(f"give it a shape, {example} for example", "input_shapes", f"{value.name}:{example}")
            problems.append(Problem("input", value.name, f"has dynamic dimensions ({shown})", hint))
            continue
        if given is None and dims and tensor.shape.dim[0].HasField("dim_value") and dims[0] == 0:
            problems.append(Problem("input", value.name, "has a size of 0, so it holds nothing"))
            continue
        if given is not None and tensor.HasField("shape"):
            _check_fits(value.name, given, dims)
        shape = list(given) if given is not None else [dims[0] if dims[0] > 0 else 1, *dims[1:]] if dims else []
        if prod(shape) > BLOB:
            problems.append(Problem("input", value.name, f"has {prod(shape):,} numbers; a Caffe blob holds {BLOB:,}"))
            continue
        if max(shape, default=0) > LISTED:
            reason = f"has an axis of {max(shape):,}; {LISTED:,} are the most"
            problems.append(Problem("input", value.name, reason))
            continue
        value.CopyFrom(protos.value_info(value.name, tensor.elem_type, shape))
    if problems:
        raise ConversionError(problems)


def free_batches(proto: onnx.ModelProto) -> tuple[str, ...]:
    """The inputs whose first size may be any number in the model."""
    shapes = {value.name: value.type.tensor_type.shape.dim for value in proto.graph.input}
    return tuple(name for name, dims in shapes.items() if dims and dims[0].dim_value <= 0)


def _example(tensor: onnx.TypeProto.Tensor) -> str:
    """A shape that fits what is known: one sample, images of 224 x 224, sequences of 16."""
    if not tensor.HasField("shape"):
        return "1,3,224,224"
    dims = tensor.shape.dim
    usual = [1, 3, 224, 224] if len(dims) == 4 else [1, *[16] * len(dims)]
    likely = [1 if "batch" in dim.dim_param.lower() else usual[axis] for axis, dim in enumerate(dims)]
    return ",".join(str(dim.dim_value if dim.dim_value > 0 else guess) for dim, guess in zip(dims, likely, strict=True))


def _check_fits(name: str, given: Sequence[int], dims: Sequence[int]) -> None:
    fits = len(given) == len(dims) and all(g > 0 and (d <= 0 or d == g) for g, d in zip(given, dims, strict=False))
    if not fits and any(dims):
        shown = ",".join(str(d) if d > 0 else "?" for d in dims)
        asked = ",".join(map(str, given))
        raise ToolkitError(f"the shape {asked} does not fit the input '{name}', which is {shown} in the model")


def choose_outputs(proto: onnx.ModelProto, names: Sequence[str] | None) -> None:
    """Cut the network at the named values (None keeps its own outputs), and drop the nodes that none of them needs."""
    if names:
        _cut(proto, names)
    _drop_dead(proto)


def _cut(proto: onnx.ModelProto, names: Sequence[str]) -> None:
    made = {output for node in proto.graph.node for output in node.output if output}
    for name in names:
        if name not in made:
            node = next((node for node in proto.graph.node if node.name == name), None)
            if node is not None:
                values = " and ".join(f"'{output}'" for output in node.output if output)
                raise ToolkitError(f"'{name}' is the name of a node; an output is a value, and it makes {values}")
            near = get_close_matches(name, sorted(made), 3)
            raise ToolkitError(
                f"no node makes '{name}', which was asked for as an output"
                + (f"; near: {', '.join(near)}" if near else "")
            )
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names))


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """Every value that a node needs, those that its subgraphs take from outside included."""
    yield from node.input
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs
        for inner in (inner for graph in graphs for inner in graph.node):
            yield from reads(inner)
        for graph in graphs:
            yield from (value.name for value in graph.output)


def _drop_dead(proto: onnx.ModelProto) -> None:
    needed = {value.name for value in proto.graph.output}
    kept = []
    for node in reversed(proto.graph.node):
        if needed.intersection(node.output):
            needed.update(reads(node))
            kept.append(node)
    if len(kept) < len(proto.graph.node):
        del proto.graph.node[:]
        proto.graph.node.extend(reversed(kept))
