"""Raw exporter output -> clean graph: one node for each operation of the model, constants as initialisers.

torch's own optimiser is left off since it folds BatchNorm whether wanted or not. onnxscript (beta) is used here alone.
"""

from __future__ import annotations

import onnx_ir as ir
import onnx_ir.passes.common as passes
from onnxscript.optimizer import fold_constants

from toolkit.export import rewrites
from toolkit.export.opsets import NATIVE_OPSET


def tidy(model: ir.Model, parameters: frozenset[str]) -> None:
    """Clean `model` in place; `parameters` are the keys of the module's state dict."""
    if model.functions:
        passes.InlinePass()(model)
    rewrites.sequences_to_split(model)
    # a linear layer's transposed weight is folded too, however large: a Transpose of a constant helps nobody
    fold_constants(model, input_size_limit=2**40, output_size_limit=2**40)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    passes.IdentityEliminationPass()(model)
    rewrites.drop_zero_biases(model, parameters)
    rewrites.freeze_reshapes(model)
    rewrites.reshapes_to_flatten(model)
    rewrites.means_to_global_pools(model)
    rewrites.drop_whole_slices(model)
    passes.RemoveUnusedNodesPass()(model)
    passes.ShapeInferencePass()(model)
    rewrites.name_batch(model)
    model.opset_imports.clear()
    model.opset_imports[""] = NATIVE_OPSET
