"""The steps of an export, in their order."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
from torch import nn

from converters.errors import ToolkitError
from toolkit.export.batchnorm import fold_batchnorms
from toolkit.export.change_opset import convert
from toolkit.export.errors import ExportError
from toolkit.export.names import Names, name_everything
from toolkit.export.opsets import check_opset
from toolkit.export.tidy import tidy
from toolkit.export.torch_metadata import translate
from toolkit.export.trace import argument_names, trace

IMAGE_SIZE = 224


def run(
    module: nn.Module,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None,
    image_size: int | None,
    dynamic_batch: bool,
    opset: int,
    keep_bn: bool,
    names: Names | None,
) -> ir.Model:
    """See `toolkit.export.export`."""
    check_opset(opset)
    model, outputs = trace(module, _shapes(module, input_shapes, image_size), dynamic_batch)
    parameters = frozenset(module.state_dict())
    inputs = [str(value.name) for value in model.graph.inputs]
    translate(model)
    tidy(model, parameters)
    if not keep_bn:
        parameters |= fold_batchnorms(model)
        passes.RemoveUnusedNodesPass()(model)
    passes.OutputFixPass()(model)

    name = partial(
        name_everything,
        leaves=frozenset(path for path, part in module.named_modules() if not any(part.children())),
        parameters=parameters,
        inputs=inputs,
        outputs=outputs,
        names=_layer_names(module) if names is None else names,
    )
    name(model)  # before the opset is changed, so that a refusal names the user's modules
    model = convert(model, opset)
    name(model)
    _check(model)
    return model


def _shapes(
    module: nn.Module, shapes: Mapping[str, Sequence[int]] | None, image_size: int | None
) -> Mapping[str, Sequence[int]]:
    if shapes is not None:
        if image_size is not None:
            raise ToolkitError("give either input shapes or an image size, not both")
        return shapes
    arguments = argument_names(module)
    if len(arguments) != 1:
        raise ToolkitError(f"give a shape for every input of the model: {', '.join(arguments) or 'it has none'}")
    size = image_size or int(getattr(module, "image_size", IMAGE_SIZE))
    return {arguments[0]: (1, 3, size, size)}


def _layer_names(module: nn.Module) -> Names:
    method = getattr(module, "layer_names", None)
    return method() if inspect.ismethod(method) else {}


def _check(model: ir.Model) -> None:
    """What leaves this package passes onnx's own checker, shapes and types included."""
    try:
        passes.CheckerPass(full_check=True)(model)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph fails onnx's checker: {str(error).splitlines()[0]}") from error
