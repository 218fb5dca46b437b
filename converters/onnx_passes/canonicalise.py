"""The ordered list of steps from a model as exported to the canonical model that lowerings read.

The big weights travel beside the proto, not in it: onnx's version converter and onnxruntime's folding then cost
milliseconds whatever the model's size, and neither can fuse weights behind our back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
import onnx.defs
import onnx.version_converter
import onnx_ir as ir
from onnx.shape_inference import InferenceError
from onnx.version_converter import ConvertError

from converters.errors import ConversionError, InvalidInput, Problem
from converters.onnx import graphs
from converters.onnx_passes import clean, fold, precision, prelu, resize, scan, weights
from converters.onnx_passes.empty import empty_to_constant
from converters.onnx_passes.focus import lift_focus
from converters.onnx_passes.functions import INLINED, inline
from converters.onnx_passes.hardmax import flatten_hardmax
from converters.onnx_passes.interface import choose_outputs, pin_inputs
from converters.onnx_passes.linear import linear_to_matrix
from converters.onnx_passes.normalisations import spell_out
from converters.onnx_passes.ort import FoldingFailed, simplify
from converters.onnx_passes.plain import plain
from converters.onnx_passes.recurrent import batch_second
from converters.onnx_passes.siblings import join_slices
from converters.onnx_passes.source import Source
from converters.onnx_passes.spec import verify

OPSET = 21  # onnx's converter carries 6 to 20 up to here; what newer opsets changed since does not touch float32
OLDEST = 6


def canonicalise(
    source: Source,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    supported: frozenset[str] = frozenset(),
) -> ir.Model:
    """Return the canonical form of a model; the source is left as it is.

    `supported` are the op types that can be lowered: where the model can't even be folded, they tell whom to blame.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(weights.without_weights(source.proto))
    store = weights.take_out(source, proto)
    pin_inputs(proto, input_shapes or {})
    choose_outputs(proto, outputs)
    notes = clean.node_notes(proto)
    precision.to_float32(proto)
    spell_out(proto)
    batch_second(proto)
    folded = _fold(proto, source, supported)
    model = ir.serde.deserialize_model(folded)
    graphs.put_back(model.graph, store)
    clean.restore_notes(model, notes)
    empty_to_constant(model)
    fold.fold_constants(model)
    linear_to_matrix(model)
    clean.drop_no_ops(model)
    lift_focus(model)
    join_slices(model)
    verify(model)
    return model


def _fold(proto: onnx.ModelProto, source: Source, supported: frozenset[str]) -> onnx.ModelProto:
    opset = next((item.version for item in proto.opset_import if item.domain in ("", "ai.onnx")), None)
    if opset is None:
        raise InvalidInput(f"{source.path}: the model names no ONNX opset")
    if opset < OLDEST:
        raise InvalidInput(f"{source.path}: opset {opset} is older than {OLDEST}; export again with a newer opset")
    if opset > (newest := onnx.defs.onnx_opset_version()):
        raise InvalidInput(
            f"{source.path}: opset {opset} is newer than {newest}, the last that onnx {onnx.__version__} has"
        )
    try:
        inline(proto)
        flatten_hardmax(proto, opset)
        if opset < prelu.FIRST_BROADCAST:
            prelu.slopes_along_channels(proto)
        if (done := plain(proto, opset, OPSET)) is not None:
            return done
        if opset < OPSET:
            old = opset < resize.FIRST_WITH_MODES and resize.has_resize(proto)
            proto = simplify(proto) if old else proto
            proto = onnx.version_converter.convert_version(proto, OPSET)
            if old:
                resize.spell_out_coordinates(proto)
        folded = simplify(proto)
        # onnxruntime inlines functions after it has folded, and what a Scan does is new to it.
        unrolled = opset >= scan.FIRST_WITHOUT_BATCH and scan.unroll_scans(folded)
        again = unrolled or any(node.op_type == "Shape" for node in folded.graph.node)
        return simplify(folded) if again else folded
    except (FoldingFailed, ConvertError, InferenceError, RuntimeError, ValueError) as error:
        problems = [
            Problem(node.op_type, node.name or node.output[0], "no Caffe form is known for this operator")
            for node in source.proto.graph.node
            if node.domain not in ("", "ai.onnx") or node.op_type not in supported | fold.SHAPE_ARITHMETIC | INLINED
        ]
        if problems:
            raise ConversionError(problems) from error
        raise InvalidInput(f"{source.path}: the model is not valid ONNX: {error}") from error
