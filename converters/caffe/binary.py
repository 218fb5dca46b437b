"""caffemodel <-> weights by layer: packed floats move as whole byte ranges, never one Python object a number.

The file holds for every layer its name, type and blobs, and nothing else: every engine takes the structure from the
prototxt, and extension parameters clash between forks.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from converters.caffe.net import Array, Net, Shape, Weights, as_float32
from converters.errors import ConversionError, InvalidInput, Problem

LIMIT = 2**31 - 1  # protobuf reads no larger message, and Caffe neither


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _bytes(field: int, data: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(data)) + data


def _blob_head(shape: Shape) -> bytes:
    """BlobProto up to its data. A 0-axis blob is written 1x1x1x1: an empty shape crashes OpenCV, `dim: 1` BVLC."""
    if not shape:
        return b"".join(_tag(field, 0) + b"\x01" for field in (1, 2, 3, 4))
    return _bytes(7, _bytes(1, b"".join(map(_varint, shape))))


@dataclass(frozen=True)
class _Record:
    """One layer of the file: the bytes before each blob's data, and the blobs."""

    head: bytes
    blobs: tuple[tuple[bytes, Weights], ...]

    @property
    def size(self) -> int:
        return len(self.head) + sum(len(head) + 4 * prod(blob.shape) for head, blob in self.blobs)


def _record(name: str, kind: str, blobs: tuple[Weights, ...]) -> _Record:
    body = _bytes(1, name.encode()) + _bytes(2, kind.encode())
    parts = []
    for blob in blobs:
        data_bytes = 4 * prod(blob.shape)
        head = _blob_head(tuple(blob.shape)) + _tag(5, 2) + _varint(data_bytes)
        parts.append((_tag(7, 2) + _varint(len(head) + data_bytes) + head, blob))
    size = len(body) + sum(len(head) + 4 * prod(blob.shape) for head, blob in parts)
    return _Record(_tag(100, 2) + _varint(size) + body, tuple(parts))


def write(net: Net, file: BinaryIO) -> None:
    """Write the caffemodel of a net to an open file, one pass over the weights."""
    start = _bytes(1, net.name.encode())
    records = [_record(layer.name, layer.type, layer.blobs) for layer in net.layers]
    total = len(start) + sum(record.size for record in records)
    if total > LIMIT:
        reason = f"the caffemodel would have {total:,} bytes; Caffe reads at most {LIMIT:,}"
        raise ConversionError([Problem("caffemodel", net.name, reason, "split the network into two files")])
    file.write(start)
    for record in records:
        file.write(record.head)
        for head, blob in record.blobs:
            file.write(head)
            file.write(as_float32(blob).astype("<f4", copy=False).data if prod(blob.shape) else b"")


class _Reader:
    """A cursor over wire-format bytes; every step is bounds-checked, since the file may be hostile."""

    def __init__(self, data: memoryview, path: Path) -> None:
        self.data, self.path = data, path

    def fail(self, what: str) -> InvalidInput:
        return InvalidInput(f"{self.path}: not a caffemodel that can be read: {what}")

    def varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self.data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise self.fail("a number is cut off")

    def fields(self, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (field, wire type, start, end) for each field; for varints start holds the value."""
        while at < end:
            key, at = self.varint(at, end)
            field, wire = key >> 3, key & 7
            if wire == 0:
                value, at = self.varint(at, end)
                yield field, wire, value, at
                continue
            if wire == 2:
                size, at = self.varint(at, end)
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
            else:
                raise self.fail(f"wire type {wire}")
            if size > end - at:
                raise self.fail("a field reaches past the end of the file")
            yield field, wire, at, at + size
            at += size

    def blob(self, at: int, end: int) -> Array:
        legacy: dict[int, int] = {}
        dims: list[int] | None = None
        chunks: list[npt.NDArray[np.float32]] = []
        for field, wire, start, stop in self.fields(at, end):
            if field in (1, 2, 3, 4) and wire == 0:
                legacy[field] = start
            elif field == 7 and wire == 2:
                dims = self.dims(start, stop)
            elif field in (5, 8) and wire in (1, 2, 5):
                kind = "<f4" if field == 5 else "<f8"
                if (stop - start) % int(kind[-1]):
                    raise self.fail("weights are not whole numbers of floats")
                chunks.append(np.frombuffer(self.data[start:stop], kind).astype(np.float32, copy=False))
        data = chunks[0] if len(chunks) == 1 else np.concatenate([np.zeros(0, np.float32), *chunks])
        if legacy:
            dims = [legacy.get(field, 1) for field in (1, 2, 3, 4)]
        shape = tuple(dims) if dims is not None else (() if data.size == 1 else (data.size,))
        if prod(shape) != data.size:
            raise self.fail(f"a blob of shape {shape} has {data.size} numbers")
        return data.reshape(shape)

    def dims(self, at: int, end: int) -> list[int]:
        dims: list[int] = []
        for field, wire, start, stop in self.fields(at, end):
            if field == 1 and wire == 0:
                dims.append(start)
            while field == 1 and wire == 2 and start < stop:
                value, start = self.varint(start, stop)
                dims.append(value)
        return dims


def read(path: Path) -> dict[str, tuple[Array, ...]]:
    """Return the blobs of every layer by name, as views of the mapped file."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return {}
        reader = _Reader(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), path)
    weights: dict[str, tuple[Array, ...]] = {}
    for field, wire, start, stop in reader.fields(0, len(reader.data)):
        if field != 100 or wire != 2:
            continue
        name, blobs = "", []
        for inner, kind, first, last in reader.fields(start, stop):
            if inner == 1 and kind == 2:
                name = bytes(reader.data[first:last]).decode("utf-8", "surrogateescape")
            elif inner == 7 and kind == 2:
                blobs.append(reader.blob(first, last))
        weights[name] = tuple(blobs)
    return weights
