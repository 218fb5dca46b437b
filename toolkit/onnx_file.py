"""An ONNX file -> its proto, the weights that lie beside it left there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.errors import InvalidInput


def read_onnx(path: Path) -> Any:
    """The `onnx.ModelProto` of a file; InvalidInput where it can't be read. External weights are not opened."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError) as error:
        raise InvalidInput(f"{path} is not an ONNX file that can be read: {error}") from error
