"""What is known while a quantised graph is walked through: which float value each integer value stands for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.external_data_helper import load_external_data_for_tensor

from converters.errors import Unsupported, require
from converters.onnx import protos
from converters.onnx.source import external_file
from converters.onnx_passes.proto.interface import reads
from converters.onnx_passes.quantised.grid import KINDS, SIX, Grid

FLOAT = onnx.TensorProto.FLOAT
SUFFIX = "_quantized"  # what onnxruntime puts behind the name of a value whose integers it makes
POSITIVE = {"Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Abs", "Exp", "Sqrt"}
# As positive as all that they read, or the first of it.
KEEP_SIGN = {"Add", "Mul", "Max", "Min", "Concat", "Sum", "Mean"}
KEEP_SIGN_OF_FIRST = {
    *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum"),
    *("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Identity", "Dropout"),
    *("DepthToSpace", "SpaceToDepth", "Expand", "Tile"),
}


@dataclass
class Walk:
    """The walk's state.

    Attributes:
        proto: the model; its nodes are replaced by `nodes` in the end.
        path: the model's file, beside which external data lies.
        fed: values that depend on the model's inputs.
        real: the float value that an integer value stands for, and `grids` how.
        alias: float values that are another one now.
        positive: float values that are never negative.
        ranges: the grid that each float value was rounded to first.
        kept: values at which a ReLU is written out.
        dequantised: the float form of each constant that was made.
    """

    proto: onnx.ModelProto
    path: Path
    constants: dict[str, onnx.TensorProto]
    names: set[str]
    makers: dict[str, onnx.NodeProto]
    fed: set[str]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    real: dict[str, str] = field(default_factory=dict)
    grids: dict[str, Grid | None] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)
    positive: set[str] = field(default_factory=set)
    ranges: dict[str, Grid] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    dequantised: dict[tuple[str, ...], str] = field(default_factory=dict)
    inputs: dict[str, Grid] = field(default_factory=dict)
    pairs: int = 0


def begin(proto: onnx.ModelProto, path: Path) -> Walk:
    """The state before the first node; the nodes are sorted."""
    graph = proto.graph
    constants = protos.constants(graph)
    readers = {name for node in graph.node for name in reads(node)}
    makers = {name: node for node in graph.node for name in node.output if name}
    inputs = {value.name for value in graph.input if value.name not in constants}
    return Walk(proto, path, constants, {*readers, *makers, *inputs, *constants}, makers, inputs)


def resolved(walk: Walk, name: str) -> str:
    """A float value's name now."""
    return walk.alias.get(name, name)


def free(walk: Walk, name: str) -> str:
    """A name that no value has."""
    made, number = name, 1
    while made in walk.names:
        made, number = f"{name}_{number}", number + 1
    walk.names.add(made)
    return made


def float_name(walk: Walk, integer: str) -> str:
    """What to call the float value behind an integer one: as before it was quantised, where that can be told."""
    plain = integer.removesuffix(SUFFIX)
    maker = walk.makers.get(plain)
    own = maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] == integer
    if plain != integer and (own or plain not in walk.names):
        walk.names.add(plain)
        return plain
    return free(walk, f"{plain}/float")


def array(walk: Walk, name: str, what: str) -> npt.NDArray[Any]:
    """The numbers of a small constant."""
    require(name in walk.constants, f"its {what} is computed by the network")
    tensor = walk.constants[name]
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        external_file(tensor, walk.path.resolve().parent, walk.path)
        copy = onnx.TensorProto.FromString(tensor.SerializeToString())
        load_external_data_for_tensor(copy, str(walk.path.resolve().parent))
        tensor = copy
    return protos.array(tensor)


def grid_of(walk: Walk, scale: str, zero: str, kind: int = 0) -> Grid:
    """The grid of an activation, from the names of its scale and zero point."""
    kind = walk.constants[zero].data_type if zero in walk.constants else kind or onnx.TensorProto.UINT8
    require(kind in KINDS, "it rounds to a type of integers that is not known")
    scales = array(walk, scale, "scale")
    zeros = array(walk, zero, "zero point") if zero else np.zeros(1, np.int64)
    require(scales.size == 1 and zeros.size == 1, "an activation with a scale for each channel")
    return Grid(float(scales.reshape(-1)[0]), int(zeros.reshape(-1)[0]), *KINDS[kind])


def emit(
    walk: Walk, kind: str, inputs: list[str], output: str, given: onnx.NodeProto | None = None, **more: Any
) -> str:
    """Append a float node, with the attributes and the notes of `given`; its output, which must be a free name."""
    node = protos.node(kind, inputs, [output], (given.name if given else "") or output, **more)
    if given is not None:
        node.attribute.extend(item for item in given.attribute if item.name not in more)
        node.metadata_props.extend(given.metadata_props)
    return add(walk, node)


def add(walk: Walk, node: onnx.NodeProto) -> str:
    """Append a node, and note what is known of its outputs."""
    walk.nodes.append(node)
    if any(name in walk.fed for name in reads(node)):
        walk.fed.update(filter(None, node.output))
    if _is_positive(walk, node):
        walk.positive.update(filter(None, node.output))
    return str(node.output[0])


def _is_positive(walk: Walk, node: onnx.NodeProto) -> bool:
    kind, inputs = node.op_type, list(node.input)
    if kind == "Clip":
        given = protos.attributes(node)
        low = given.get("min", -1.0)
        if len(inputs) > 1 and inputs[1] in walk.constants:
            low = float(array(walk, inputs[1], "minimum").reshape(-1)[0])
        return bool(low >= 0) or inputs[0] in walk.positive
    if kind in KEEP_SIGN:
        return all(name in walk.positive for name in inputs)
    return kind in POSITIVE or (kind in KEEP_SIGN_OF_FIRST and inputs[0] in walk.positive)


def enter(walk: Walk, value: str, integer: str, grid: Grid, fresh: bool = False) -> None:
    """A float value is rounded to integers: they stand for it, or for its ReLU where negative numbers become 0.

    `fresh`: nothing else reads the value.
    """
    fed_by_user = {item.name for item in walk.proto.graph.input}
    if grid.starts_at_zero and value not in walk.positive and value not in fed_by_user:
        value = _relu(walk, value, grid, fresh)
    walk.real[integer], walk.grids[integer] = value, grid
    walk.fed.add(integer)
    walk.ranges.setdefault(value, grid)
    walk.pairs += 1


def _relu(walk: Walk, value: str, grid: Grid, fresh: bool) -> str:
    """Write out the ReLU, or ReLU6, that a quantiser left to the range's end."""
    before, after = value, ""
    if fresh and value in {item.name for item in walk.proto.graph.output}:  # as it is after the ReLU
        before, after = free(walk, f"{value}/before"), value
        walk.nodes[-1].output[0] = before
        walk.fed.add(before)
    after = after or free(walk, f"{value}/relu")
    walk.kept.append(after)
    if not grid.ends_at_six:
        return emit(walk, "Relu", [before], after)
    walk.positive.add(after)
    if (protos.opset(walk.proto) or 0) < 11:
        return emit(walk, "Clip", [before], after, min=0.0, max=SIX)
    ends = [constant(walk, f"{after}/{name}", np.float32(number)) for name, number in (("low", 0), ("high", SIX))]
    return emit(walk, "Clip", [before, *ends], after)


def constant(walk: Walk, name: str, numbers: npt.ArrayLike) -> str:
    """Add an initialiser of this name, or one like it."""
    made = protos.constant(walk.proto.graph, free(walk, name), numbers)
    walk.constants[made] = walk.proto.graph.initializer[-1]
    return made


def carried(walk: Walk, integer: str, grid: Callable[[], Grid]) -> str:
    """The float value that an integer value stands for; refused where it is read by another grid than it was made by.

    An input of the model that is of integers becomes one of the numbers that they stand for.
    """
    if integer not in walk.real:
        value = next((item for item in walk.proto.graph.input if item.name == integer), None)
        if value is None:
            raise Unsupported(f"reads '{integer}', integers that the network computes in a way that is not known")
        walk.real[integer], walk.grids[integer] = integer, grid()
        walk.inputs[integer] = walk.ranges[integer] = grid()
        value.type.tensor_type.elem_type = FLOAT
    made = walk.grids[integer]
    require(made is None or made.agrees(grid()), f"reads '{integer}' with another scale or zero point than it was made")
    return walk.real[integer]


def in_floats(walk: Walk, integers: str, scale: Collection[str], zero: str, axis: int | None = None) -> str:
    """The numbers that a constant stands for: the product of the `scale`s times what is over the zero point.

    `axis`: the one that scales and zero points with a number for each channel go along; None for the last.
    """
    key = (integers, *scale, zero)
    if key in walk.dequantised:
        return walk.dequantised[key]
    stem = integers.removesuffix(SUFFIX)

    def along(name: str) -> str:
        tensor = walk.constants.get(name)
        if axis is None or tensor is None or int(np.prod(tensor.dims)) == 1:
            return name
        require(integers in walk.constants, f"the weights '{integers}' are computed")
        sizes = [1] * len(walk.constants[integers].dims)
        sizes[axis] = -1
        shape = constant(walk, f"{name}/shape", np.asarray(sizes, np.int64))
        return emit(walk, "Reshape", [name, shape], free(walk, f"{name}/along"))

    value = emit(walk, "Cast", [integers], free(walk, f"{stem}/cast"), to=FLOAT)
    if zero:
        whole = emit(walk, "Cast", [along(zero)], free(walk, f"{stem}/zero"), to=FLOAT)
        value = emit(walk, "Sub", [value, whole], free(walk, f"{stem}/over_zero"))
    for name in scale:
        value = emit(walk, "Mul", [value, along(name)], free(walk, f"{stem}/scaled"))
    walk.dequantised[key] = value
    return value
