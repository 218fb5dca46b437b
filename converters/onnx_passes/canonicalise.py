"""A model as exported -> the canonical model that lowerings read.

The big weights travel beside the proto, not in it: onnx's version converter and onnxruntime's folding then cost
milliseconds whatever the model's size, and neither can fuse weights behind our back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
import onnx.defs
import onnx.shape_inference
import onnx_ir as ir
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError
from onnx.version_converter import ConvertError

from converters.errors import CUT, ConversionError, InvalidInput, Problem
from converters.onnx import graphs, notes, protos
from converters.onnx.source import Source
from converters.onnx_passes.float32 import refuse_quantised
from converters.onnx_passes.ort import FoldingFailed, NoKernel
from converters.onnx_passes.passes import FOLD, PREPARE, SHAPE, ProtoPass
from converters.onnx_passes.proto.inline_functions import INLINED
from converters.onnx_passes.proto.inline_local import inline_local
from converters.onnx_passes.proto.interface import choose_outputs, pin_inputs
from converters.onnx_passes.proto.skip_folding import skip_folding
from converters.onnx_passes.proto.weights_aside import take_out
from converters.onnx_passes.sound import check_operators, check_sound, sort_nodes
from converters.onnx_passes.spec import OLDEST, foreign, verify

# Ops of shape arithmetic: gone after folding wherever the shapes are static.
SHAPE_ARITHMETIC = frozenset(
    (
        *("Shape", "Size", "Gather", "Concat", "Unsqueeze", "Squeeze", "Cast", "Constant", "ConstantOfShape", "Range"),
        *("Expand", "Where", "Equal", "Less", "Greater", "Not", "And", "Or", "Floor", "Ceil", "Mod"),
        *("Add", "Sub", "Mul", "Div", "Min", "Max", "NonZero", "Tile", "ReduceProd", "ReduceMax", "Identity"),
        *("Reshape", "Slice"),
    )
)


def canonicalise(
    source: Source,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    supported: frozenset[str] = frozenset(),
) -> ir.Model:
    """Return the canonical form of a model; the source is left as it is.

    `supported` are the op types that can be lowered: where the model can't even be folded, they tell whom to blame.
    """
    check_sound(source.proto, source.path)
    refuse_quantised(source)
    proto = protos.without_weights(source.proto)
    opset = _opset(proto, source)
    store = take_out(source, proto)
    sort_nodes(proto.graph, source.path)
    pin_inputs(proto, input_shapes or {}, store)
    choose_outputs(proto, outputs)
    protos.forget_shapes(proto.graph)
    said = notes.of_nodes(proto)
    model = ir.serde.deserialize_model(_folded(proto, source, opset, supported))
    graphs.put_back(model.graph, store)
    notes.put_back(model, said)
    for shape in SHAPE:
        shape(model)
    verify(model)
    return model


def _folded(proto: onnx.ModelProto, source: Source, opset: int, supported: frozenset[str]) -> onnx.ModelProto:
    """The model in the canonical opset, without shape arithmetic, the shape of every value known."""
    if (inlined := inline_local(proto)) is not None:
        check_operators(inlined, source.path)  # attributes that a call gives have reached the operators
        proto = inlined
    asked = {output for node in proto.graph.node for output in node.output}
    try:
        proto = _run(PREPARE, proto, opset)
        return skip_folding(proto) or _run(FOLD, proto, opset)
    except NoKernel as error:
        raise ConversionError(_without_kernel(error, proto)) from error
    except (FoldingFailed, ConvertError, InferenceError, ValidationError, RuntimeError, ValueError) as error:
        problems = [
            protos.problem(node, "no Caffe form is known for this operator", CUT)
            for node in proto.graph.node
            if asked.intersection(node.output)
            and (not protos.is_op(node) or node.op_type not in supported | SHAPE_ARITHMETIC | INLINED)
        ]
        if problems:
            raise ConversionError(problems) from error
        raise InvalidInput(f"{source.path}: the model is not valid ONNX: {error}") from error


def _without_kernel(error: NoKernel, proto: onnx.ModelProto) -> list[Problem]:
    """The nodes of an operator that onnxruntime can't compute in their type; the reference could not either."""
    typed = onnx.shape_inference.infer_shapes(proto).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*typed.input, *typed.value_info)}
    kinds.update((tensor.name, tensor.data_type) for tensor in typed.initializer)
    found = [
        (node, kinds.get(node.input[0] if node.input else "", onnx.TensorProto.UNDEFINED))
        for node in proto.graph.node
        if node.op_type == error.op and node.name == error.name
    ]
    others = [(node, kind) for node, kind in found if kind != onnx.TensorProto.FLOAT]
    return [
        protos.problem(node, f"onnxruntime has no kernel for it in {onnx.TensorProto.DataType.Name(kind).lower()}", CUT)
        for node, kind in others or found
    ] or [Problem(error.op, error.name, "onnxruntime has no kernel for it in this type", CUT)]


def _run(passes: Sequence[ProtoPass], proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    for item in passes:
        if opset in item.opsets:
            proto = item.run(proto) or proto
    return proto


def _opset(proto: onnx.ModelProto, source: Source) -> int:
    """The model's opset, which must be one that can be read; it is named once afterwards.

    Files merged by `onnx.compose` name it twice, and onnx's version converter changes only one of the two.
    """
    own = [item for item in proto.opset_import if item.domain in protos.STANDARD]
    for item in own[1:]:
        if item.version != own[0].version:
            versions = f"{own[0].version} and {item.version}"
            raise InvalidInput(f"{source.path}: the model names two opsets, {versions}; export it again with one")
        proto.opset_import.remove(item)
    opset = protos.opset(proto)
    if opset is None:
        others = [node for node in proto.graph.node if not protos.is_op(node)]
        if others:
            raise ConversionError([protos.problem(node, *foreign(node.domain)) for node in others])
        raise InvalidInput(f"{source.path}: the model names no ONNX opset")
    if opset < OLDEST:
        raise InvalidInput(f"{source.path}: opset {opset} is older than {OLDEST}; export again with a newer opset")
    if opset > (newest := onnx.defs.onnx_opset_version()):
        raise InvalidInput(
            f"{source.path}: opset {opset} is newer than {newest}, the last that onnx {onnx.__version__} has"
        )
    return opset
