"""An ONNX file -> its proto, as the file has it or as the float32 network that the converter reads in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.errors import InvalidInput

OWN, FLOAT32 = "own", "float32"
PRECISION = "precision"  # the option of a target that chooses between the two


def structure(path: Path) -> Any:
    """The `onnx.ModelProto` of a file without its big weights, which are not read; InvalidInput where it is none."""
    import onnx
    from google.protobuf.message import DecodeError

    from converters.onnx.split_weights import split, view
    from converters.wire import Malformed

    try:
        return onnx.ModelProto.FromString(split(view(path)).proto)
    except (Malformed, DecodeError, OSError) as error:
        raise InvalidInput(f"{path} is not an ONNX file: {error}") from error


def reduced(path: Path) -> str:
    """What a file holds instead of float32, in words: "half precision", or an empty text."""
    from converters.onnx_passes.float32 import reduced as look

    return look(structure(path))


def read_onnx(path: Path, precision: str = OWN) -> Any:
    """The `onnx.ModelProto` of a file; InvalidInput where it can't be read. Every node stands behind those it reads.

    External weights are not opened. In FLOAT32 a model of another precision is the network that its weights stand for,
    and those are in the proto.
    """
    import onnx
    from google.protobuf.message import DecodeError

    from converters.onnx_passes.sound import sort_nodes

    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError) as error:
        raise InvalidInput(f"{path} is not an ONNX file that can be read: {error}") from error
    sort_nodes(model.graph, path)
    if precision == FLOAT32:
        from converters.onnx_passes.float32 import in_float32

        in_float32(model, path)
    return model
