"""nn.Module -> ONNX through torch's current exporter, on to a clean onnx_ir model with names from module paths.

    model = export(module, image_size=224)
    save(model, "net.onnx")

torch itself is imported when `export` is called, not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from toolkit.export.errors import ExportError
from toolkit.export.opsets import DEFAULT_OPSET, OPSETS

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import nn

__all__ = ["DEFAULT_OPSET", "OPSETS", "ExportError", "export", "save"]


def export(
    module: nn.Module,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    image_size: int | None = None,
    dynamic_batch: bool = False,
    opset: int = DEFAULT_OPSET,
    keep_bn: bool = False,
    names: Mapping[str, str | Sequence[str]] | None = None,
) -> ir.Model:
    """Export `module` in eval mode.

    Args:
        module: what to export; its mode is restored afterwards.
        input_shapes: the shape of every input by the name of forward's argument.
        image_size: instead of shapes, for a module with one image input: [1, 3, image_size, image_size]. Without
            either, the module's own `image_size` is taken, or 224.
        dynamic_batch: leave dimension 0 of inputs and outputs open, as `batch`.
        opset: one of OPSETS.
        keep_bn: keep every BatchNormalization node; without it those behind convolutions are folded into them.
        names: module path -> layer name; by default what `module.layer_names()` returns, if it has that method.

    Raises:
        ExportError: torch can't trace the module, or has no ONNX form for one of its operations.
        ConversionError: operations have no form in an older opset.
    """
    from toolkit.export.pipeline import run

    return run(
        module,
        input_shapes=input_shapes,
        image_size=image_size,
        dynamic_batch=dynamic_batch,
        opset=opset,
        keep_bn=keep_bn,
        names=names,
    )


def save(model: ir.Model, path: str | os.PathLike[str], *, external_data: bool | None = None) -> list[str]:
    """Write `model` whole or not at all; return the files written.

    Weights go into `path`.data where asked, and by themselves when the file would pass protobuf's limit of 2 GiB.
    """
    from toolkit.export.files import write

    return write(model, path, external_data)
