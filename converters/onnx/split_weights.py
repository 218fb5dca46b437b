"""An ONNX file -> the same model without its big weights, which stay where they lie in the mapped file.

A protobuf parser copies every byte, and whoever asks for a tensor's bytes copies them again: twice the weights are in
memory before anything is done. Here they are viewed.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from converters.wire import LENGTH, VARINT, Field, encode_bytes, encode_varint, fields, tag

BIG = 1024  # bytes; smaller tensors are cheaper to parse than to keep track of
GRAPH = 7  # of ModelProto
INITIALIZER = 5  # of GraphProto
DATA_TYPE, FLOAT_DATA, RAW_DATA = 2, 4, 9  # of TensorProto
FLOAT = 1  # a data type


@dataclass(frozen=True)
class Mapped:
    """The serialised model, and for the initialisers that have no data there, by number, where it lies."""

    proto: bytes
    data: Mapping[int, memoryview]


def view(path: Path) -> memoryview:
    """The bytes of a file, read when they are looked at."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def split(file: memoryview) -> Mapped:
    """Take the data of big initialisers out of a serialised model; converters.wire.Malformed where it is none."""
    data: dict[int, memoryview] = {}
    model, graph, count = bytearray(), bytearray(), 0
    for field in fields(file, 0, len(file)):
        if field[:2] != (GRAPH, LENGTH):
            model += _whole(file, field)
            continue
        for inner in fields(file, *field[2:]):  # a graph that comes in two parts is one graph, as for any parser
            if inner[:2] != (INITIALIZER, LENGTH):
                graph += _whole(file, inner)
                continue
            tensor, content = _tensor(file, inner)
            if content is not None:
                data[count] = content
            graph += tensor
            count += 1
    return Mapped(bytes(model) + encode_bytes(GRAPH, bytes(graph)), data)


def _whole(file: memoryview, field: Field) -> bytes:
    """A field as it stands in the file."""
    number, wire, start, stop = field
    if wire == LENGTH:
        return encode_bytes(number, bytes(file[start:stop]))
    return tag(number, wire) + (encode_varint(start) if wire == VARINT else bytes(file[start:stop]))


def _tensor(file: memoryview, field: Field) -> tuple[bytes, memoryview | None]:
    """An initialiser without its data where that is big and in one piece, and the data."""
    if field[3] - field[2] < BIG:
        return _whole(file, field), None
    inside = list(fields(file, *field[2:]))
    raw = [inner for inner in inside if inner[:2] == (RAW_DATA, LENGTH)]
    floats = [inner for inner in inside if inner[0] == FLOAT_DATA]
    is_float = (DATA_TYPE, VARINT, FLOAT) in [inner[:3] for inner in inside]
    packed = floats if is_float and len(floats) == 1 and floats[0][1] == LENGTH else []
    found = raw or packed  # packed floats are the same bytes as raw ones
    if not found:
        return _whole(file, field), None
    kept = b"".join(_whole(file, inner) for inner in inside if inner not in found)
    return encode_bytes(INITIALIZER, kept), file[slice(*found[-1][2:])]
