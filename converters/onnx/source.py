"""An ONNX file, opened with suspicion: parsed, but with its weights neither read nor trusted yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Thread

import onnx
from google.protobuf.message import DecodeError

from converters.errors import InvalidInput
from converters.onnx.split_weights import split, view
from converters.wire import Malformed

MAX_BYTES = 2**31 - 1


class Digest(Thread):
    """The hash of a file, computed on the side: it takes as long as writing the weights, and is needed at the end."""

    def __init__(self, file: memoryview) -> None:
        super().__init__(daemon=True)
        self.file, self.found = file, ""
        self.start()

    def run(self) -> None:
        """Compute the hash; the thread calls this."""
        self.found = sha256(self.file).hexdigest()

    def result(self) -> str:
        """The hash, as soon as it is there."""
        self.join()
        return self.found


@dataclass(frozen=True)
class Source:
    """A model as read: the proto, the folder that its external data must lie in, and the hash of the file.

    The proto's big initialisers have no data: `data` holds it by their number, as views of the file.
    """

    proto: onnx.ModelProto
    data: Mapping[int, memoryview]
    folder: Path
    path: Path
    digest: Digest

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file."""
        return self.digest.result()


def load(path: Path) -> Source:
    """Read an ONNX file; InvalidInput where it is missing, cut off, no ONNX model, or reaches outside its folder."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InvalidInput(f"{path}: {size:,} bytes; an ONNX file holds at most 2 GiB (use external data)")
        file = view(path)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    try:
        mapped = split(file)
        proto = onnx.ModelProto.FromString(mapped.proto)
    except (Malformed, DecodeError) as error:
        raise InvalidInput(f"{path}: not an ONNX model, or cut off ({error})") from error
    if not proto.graph.node or not proto.opset_import:
        raise InvalidInput(f"{path}: not an ONNX model: it has no nodes or no opset")
    folder = path.resolve().parent
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            external_file(tensor, folder, path)
    return Source(proto, mapped.data, folder, path, Digest(file))


def external_file(tensor: onnx.TensorProto, folder: Path, path: Path) -> tuple[str, int, int | None]:
    """Return (location, offset, length) of external data that lies inside the model's folder, else InvalidInput."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    try:
        target = (folder / location).resolve()
        found = target.is_file()
    except (OSError, ValueError) as error:  # too long a name, a NUL in it
        what = f"the weights '{tensor.name}' name a file that can't exist"
        raise InvalidInput(f"{path}: {what} ({location[:40]!r})") from error
    if not location or not target.is_relative_to(folder):
        raise InvalidInput(f"{path}: the weights '{tensor.name}' point outside the model's folder ({location!r})")
    if not found:
        raise InvalidInput(f"{path}: the weights file '{location}' beside the model is missing")
    try:
        offset, length = int(entries.get("offset", 0)), int(entries["length"]) if "length" in entries else None
    except ValueError as error:
        raise InvalidInput(f"{path}: the weights '{tensor.name}' have a broken offset or length") from error
    size = os.stat(target).st_size
    if offset < 0 or offset + (length or 0) > size:
        raise InvalidInput(f"{path}: the weights '{tensor.name}' reach past the end of '{location}'")
    return location, offset, length
