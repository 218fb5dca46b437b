"""onnx_ir.Model -> .onnx file, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import onnx_ir as ir

from converters.errors import ToolkitError
from converters.publish import publish, scratch

# protobuf's limit is 2 GiB; the graph itself takes some of it
_INLINE_LIMIT = 2**31 - 2**24


def write(model: ir.Model, path: str | os.PathLike[str], external_data: bool | None) -> list[str]:
    """See `toolkit.export.save`."""
    target = Path(path)
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value is not None)
    data = f"{target.name}.data" if external_data or (external_data is None and size > _INLINE_LIMIT) else None
    if data is None and size > _INLINE_LIMIT:
        raise ToolkitError(f"{size / 2**30:.1f} GiB of weights do not fit into one ONNX file; allow external data")
    try:
        with scratch(target.parent) as folder:
            ir.save(model, Path(folder, target.name), external_data=data)
            written = [target.with_name(name) for name in (data, target.name) if name is not None]
            publish({Path(folder, file.name): file for file in written})
    except OSError as error:
        raise ToolkitError(f"can't write {target}: {error.strerror or error}") from error
    return [str(file) for file in written]
