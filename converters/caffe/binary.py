"""caffemodel <-> weights by layer: packed floats move as whole byte ranges, never one Python object a number.

What we write holds for every layer its name, type and blobs, and nothing else: every engine takes the structure from
the prototxt, and extension parameters clash between forks. What we read may be of any version (V0, V1, V2).
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from converters.caffe import traits
from converters.caffe.net import Array, Layer, Net, Shape, Weights, as_float32, not_finite
from converters.errors import ConversionError, InvalidInput, Problem
from converters.wire import LENGTH, VARINT, Malformed, encode_bytes, encode_varint, fields, tag, varint

LIMIT = 2**31 - 1  # protobuf reads no larger message, and Caffe neither


def _blob_head(shape: Shape) -> bytes:
    """BlobProto up to its data. A 0-axis blob is written 1x1x1x1: an empty shape crashes OpenCV, `dim: 1` BVLC."""
    if not shape:
        return b"".join(tag(field, 0) + b"\x01" for field in (1, 2, 3, 4))
    return encode_bytes(7, encode_bytes(1, b"".join(map(encode_varint, shape))))


@dataclass(frozen=True)
class _Record:
    """One layer of the file: the bytes before each blob's data, and the blobs."""

    head: bytes
    blobs: tuple[tuple[bytes, Weights], ...]

    @property
    def size(self) -> int:
        return len(self.head) + sum(len(head) + 4 * prod(blob.shape) for head, blob in self.blobs)


def _record(name: str, kind: str, blobs: tuple[Weights, ...]) -> _Record:
    body = encode_bytes(1, name.encode()) + encode_bytes(2, kind.encode())
    parts = []
    for blob in blobs:
        data_bytes = 4 * prod(blob.shape)
        head = _blob_head(tuple(blob.shape)) + tag(5, 2) + encode_varint(data_bytes)
        parts.append((tag(7, 2) + encode_varint(len(head) + data_bytes) + head, blob))
    size = len(body) + sum(len(head) + 4 * prod(blob.shape) for head, blob in parts)
    return _Record(tag(100, 2) + encode_varint(size) + body, tuple(parts))


class _Hashed:
    """An open file that hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self.sha256.update(data)
        self.file.write(data)


def write(net: Net, file: BinaryIO) -> str:
    """Write the caffemodel of a net to an open file, one pass over the weights; returns its sha256 in hex.

    Raises ConversionError for a file that Caffe would not read, and for weights that came out as no numbers.
    """
    start = encode_bytes(1, net.name.encode())
    records = [_record(layer.name, layer.type, layer.blobs) for layer in net.layers]
    total = len(start) + sum(record.size for record in records)
    if total > LIMIT:
        reason = f"the caffemodel would have {total:,} bytes; Caffe reads at most {LIMIT:,}"
        raise ConversionError([Problem("caffemodel", net.name, reason, "split the network into two files")])
    hashed = _Hashed(file)
    hashed.write(start)
    for record, layer in zip(records, net.layers, strict=True):
        hashed.write(record.head)
        for index, (head, blob) in enumerate(record.blobs):
            with np.errstate(all="ignore"):  # what overflows is told in the next line
                array = as_float32(blob)
            _check_numbers(layer, index, array)
            hashed.write(head)
            hashed.write(array.astype("<f4", copy=False).data if array.size else b"")
    return hashed.sha256.hexdigest()


def _check_numbers(layer: Layer, index: int, array: Array) -> None:
    """Refuse weights that are NaN, or infinite where they are no mask that is added."""
    row = traits.of(layer.type)
    added = row.source or row.blobs[index : index + 1] in (("bias",), ("shift",))
    found = not_finite(array)
    if found == "NaN" or (found and not added):
        what = row.blobs[index] if index < len(row.blobs) else f"blob {index}"
        reason = f"its {what} comes out as {found}: folding overflows float32, or the model's own numbers do"
        raise ConversionError([Problem(layer.type, layer.name, reason)])


# NetParameter's lists of layers -> in a layer: the fields of its name and its blobs, and of the V0 layer within.
VERSIONS = {100: (1, 7, 0), 2: (4, 6, 1)}
V0 = (1, 50, 0)
RAW_KINDS = {0: "<f8", 1: "<f4", 2: "<f2"}  # NVIDIA's Caffe: raw_data (12) with raw_data_type (10)


def _blob(data: memoryview, at: int, end: int) -> Array:
    legacy: dict[int, int] = {}
    dims: list[int] | None = None
    chunks: list[tuple[str, int, int]] = []
    raw = RAW_KINDS[1]
    for field, wire, start, stop in fields(data, at, end):
        if field in (1, 2, 3, 4) and wire == VARINT:
            legacy[field] = start
        elif field == 7 and wire == LENGTH:
            dims = _dims(data, start, stop)
        elif field in (5, 8) and wire != VARINT:
            chunks.append(("<f4" if field == 5 else "<f8", start, stop))
        elif field == 10 and wire == VARINT:
            raw = RAW_KINDS.get(start, raw)
        elif field == 12 and wire == LENGTH:
            chunks.append(("raw", start, stop))
    arrays = [_numbers(data[start:stop], raw if kind == "raw" else kind) for kind, start, stop in chunks]
    numbers = arrays[0] if len(arrays) == 1 else np.concatenate([np.zeros(0, np.float32), *arrays])
    if legacy:
        dims = [legacy.get(field, 1) for field in (1, 2, 3, 4)]
    shape = tuple(dims) if dims is not None else (() if numbers.size == 1 else (numbers.size,))
    if prod(shape) != numbers.size:
        raise Malformed(f"a blob of shape {shape} has {numbers.size} numbers")
    return numbers.reshape(shape)


def _numbers(content: memoryview, kind: str) -> npt.NDArray[np.float32]:
    if len(content) % int(kind[-1]):
        raise Malformed("weights are not whole numbers of floats")
    return np.frombuffer(content, kind).astype(np.float32, copy=False)


def _dims(data: memoryview, at: int, end: int) -> list[int]:
    dims: list[int] = []
    for field, wire, start, stop in fields(data, at, end):
        if field == 1 and wire == VARINT:
            dims.append(start)
        while field == 1 and wire == LENGTH and start < stop:
            value, start = varint(data, start, stop)
            dims.append(value)
    return dims


def read(path: Path) -> dict[str, tuple[Array, ...]]:
    """Return the blobs of every layer by name, as views of the mapped file."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return {}
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        return dict(_layers(data))
    except Malformed as error:
        raise InvalidInput(f"{path}: not a caffemodel that can be read: {error}") from error


def _layers(data: memoryview) -> Iterator[tuple[str, tuple[Array, ...]]]:
    version = 0
    for field, wire, start, stop in fields(data, 0, len(data)):
        if field not in VERSIONS or wire != LENGTH:
            continue
        if version not in (0, field):
            raise Malformed("it has layers of two versions")
        version = field
        yield _layer(data, start, stop, VERSIONS[field])


def _layer(data: memoryview, at: int, end: int, numbers: tuple[int, int, int]) -> tuple[str, tuple[Array, ...]]:
    """Name and blobs of one layer, whose fields have these numbers."""
    name, blobs = "", []
    for field, wire, start, stop in fields(data, at, end):
        if wire != LENGTH:
            continue
        if field == numbers[0]:
            name = bytes(data[start:stop]).decode("utf-8", "surrogateescape")
        elif field == numbers[1]:
            blobs.append(_blob(data, start, stop))
        elif numbers[2] and field == numbers[2]:
            return _layer(data, start, stop, V0)
    return name, tuple(blobs)
