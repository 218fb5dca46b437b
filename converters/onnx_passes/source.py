"""An ONNX file, opened with suspicion: parsed, but with its external weights neither read nor trusted yet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from converters.errors import InvalidInput

MAX_BYTES = 2**31 - 1


@dataclass(frozen=True)
class Source:
    """A model as read: the proto, the folder that its external data must lie in, and the hash of the file."""

    proto: onnx.ModelProto
    folder: Path
    path: Path
    sha256: str


def load(path: Path) -> Source:
    """Read an ONNX file; InvalidInput where it is missing, cut off, no ONNX model, or reaches outside its folder."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInput(f"{path}: {size:,} bytes; an ONNX file holds at most 2 GiB (use external data)")
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    try:
        proto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise InvalidInput(f"{path}: not an ONNX model, or cut off ({error})") from error
    if not proto.graph.node or not proto.opset_import:
        raise InvalidInput(f"{path}: not an ONNX model: it has no nodes or no opset")
    folder = path.resolve().parent
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            external_file(tensor, folder, path)
    return Source(proto, folder, path, sha256(data).hexdigest())


def external_file(tensor: onnx.TensorProto, folder: Path, path: Path) -> tuple[str, int, int | None]:
    """Return (location, offset, length) of external data that lies inside the model's folder, else InvalidInput."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    target = (folder / location).resolve()
    if not location or not target.is_relative_to(folder):
        raise InvalidInput(f"{path}: the weights '{tensor.name}' point outside the model's folder ({location!r})")
    if not target.is_file():
        raise InvalidInput(f"{path}: the weights file '{location}' beside the model is missing")
    try:
        offset, length = int(entries.get("offset", 0)), int(entries["length"]) if "length" in entries else None
    except ValueError as error:
        raise InvalidInput(f"{path}: the weights '{tensor.name}' have a broken offset or length") from error
    size = os.stat(target).st_size
    if offset < 0 or offset + (length or 0) > size:
        raise InvalidInput(f"{path}: the weights '{tensor.name}' reach past the end of '{location}'")
    return location, offset, length
