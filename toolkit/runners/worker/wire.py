"""Messages between a runner and its worker process: a JSON header and the raw bytes of arrays, never pickle.

On the wire: a mark, the header's length, the header, then each array's bytes in C order; names, types and shapes of
the arrays are in the header. Needs numpy and Python 3.7 alone, since a worker may run under another interpreter.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

HEAD = struct.Struct("<4sI")
MARK = b"CBW1"
PLAIN = "biuf"  # kinds of numbers; an object array would need pickle


class Closed(Exception):
    """The other side is gone."""


def send(stream: BinaryIO, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write one message."""
    table = []
    for name, array in arrays.items():
        if array.dtype.kind not in PLAIN:
            raise ValueError(f"'{name}' holds {array.dtype}, which is not a plain number")
        table.append([name, array.dtype.str, list(array.shape)])
    text = json.dumps({**header, "arrays": table}).encode()
    stream.write(HEAD.pack(MARK, len(text)) + text)
    for array in arrays.values():
        stream.write(_bytes(np.ascontiguousarray(array)))
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read one message."""
    mark, length = HEAD.unpack(_exactly(stream, bytearray(HEAD.size)))
    if mark != MARK:
        raise Closed("the other side does not speak this protocol")
    header = json.loads(bytes(_exactly(stream, bytearray(length))))
    arrays = {}
    for name, dtype, shape in header.pop("arrays"):
        array = np.empty(shape, np.dtype(dtype))
        _exactly(stream, _bytes(array))
        arrays[name] = array
    return header, arrays


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _exactly(stream: BinaryIO, buffer: Any) -> Any:
    """Fill the buffer: a pipe hands out what it has, which may be less."""
    view, done = memoryview(buffer), 0
    while done < len(view):
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise Closed("the other side closed the pipe")
        done += count
    return buffer
