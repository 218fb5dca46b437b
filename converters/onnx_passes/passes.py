"""The passes of canonicalisation, in their order; each says for which opsets of the model as given it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import onnx
import onnx.version_converter
import onnx_ir as ir

from converters.onnx import protos
from converters.onnx_passes.apart import apart
from converters.onnx_passes.ir.drop_no_ops import drop_no_ops
from converters.onnx_passes.ir.empty_to_constant import empty_to_constant
from converters.onnx_passes.ir.fold_constants import fold_constants
from converters.onnx_passes.ir.linear_to_matrix import linear_to_matrix
from converters.onnx_passes.ir.slices_to_split import slices_to_split
from converters.onnx_passes.ir.space_to_depth import space_to_depth
from converters.onnx_passes.ort import simplify
from converters.onnx_passes.proto.batch_second import batch_second
from converters.onnx_passes.proto.flatten_hardmax import flatten_hardmax
from converters.onnx_passes.proto.inline_functions import inline_functions
from converters.onnx_passes.proto.slopes_along_channels import slopes_along_channels
from converters.onnx_passes.proto.spell_out_coordinates import has_resize, spell_out_coordinates
from converters.onnx_passes.proto.spell_out_normalisations import spell_out_normalisations
from converters.onnx_passes.proto.to_float32 import to_float32
from converters.onnx_passes.proto.training_norms import training_norms
from converters.onnx_passes.proto.unfold_fused import unfold_fused
from converters.onnx_passes.proto.unroll_scans import unroll_scans
from converters.onnx_passes.sizes import refuse_long_ranges
from converters.onnx_passes.spec import OLDEST, ROUNDED, canonical_opset

EVERY = range(OLDEST, 1000)


@dataclass(frozen=True)
class ProtoPass:
    """A pass on a protobuf, in place or giving another one, and the opsets for whose models it is."""

    run: Callable[[onnx.ModelProto], onnx.ModelProto | None]
    opsets: range = EVERY


def before(opset: int) -> range:
    """The opsets older than one."""
    return range(OLDEST, opset)


def since(opset: int) -> range:
    """An opset and all newer ones."""
    return range(opset, EVERY.stop)


def fold_before_conversion(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """Compute the factors of an old Resize: once it is converted, its meaning hangs on them."""
    return simplify(proto) if has_resize(proto) else None


def convert_opset(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """Carry an older model to the canonical opset, by onnx's converter."""
    target = canonical_opset(proto)
    if (protos.opset(proto) or 0) >= target:
        return None
    made = apart(lambda: onnx.version_converter.convert_version(proto, target), "onnx's version converter")
    protos.forget_shapes(made.graph)  # the converter writes what it infers by the old opset's rules
    return made


def fold_unrolled(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """Unroll Scans, whose bodies are new to onnxruntime then."""
    return simplify(proto) if unroll_scans(proto) else None


def fold_inlined(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """Fold what is left of shape arithmetic: onnxruntime inlines functions after it has folded."""
    return simplify(proto) if any(node.op_type == "Shape" for node in proto.graph.node) else None


PREPARE = (
    ProtoPass(refuse_long_ranges),
    ProtoPass(to_float32),
    ProtoPass(unfold_fused),
    ProtoPass(spell_out_normalisations),
    ProtoPass(batch_second),
    ProtoPass(inline_functions),
    ProtoPass(flatten_hardmax, before(13)),
    ProtoPass(training_norms, before(14)),
    ProtoPass(slopes_along_channels, before(7)),
)
# What follows is left out for a network that needs no folding.
FOLD = (
    ProtoPass(fold_before_conversion, before(11)),
    ProtoPass(convert_opset, before(ROUNDED)),
    ProtoPass(spell_out_coordinates, before(11)),
    ProtoPass(simplify),
    ProtoPass(fold_unrolled, since(9)),
    ProtoPass(fold_inlined),
)
# On onnx_ir, in place, with the weights back in the graph.
SHAPE: tuple[Callable[[ir.Model], None], ...] = (
    empty_to_constant,
    fold_constants,
    linear_to_matrix,
    drop_no_ops,
    space_to_depth,
    slices_to_split,
)
