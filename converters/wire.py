"""protobuf's wire format as ranges of bytes, so that big fields are viewed where they lie and never copied.

Every step is bounds-checked: the file may be cut off or hostile.
"""

from __future__ import annotations

from collections.abc import Iterator

Field = tuple[int, int, int, int]  # number, wire type, start and end of the content; for a varint start is its value
VARINT, LENGTH = 0, 2
FIXED = {1: 8, 5: 4}  # wire types of a constant size


class Malformed(Exception):
    """The bytes are no protobuf message; the text says what is wrong, to be put into a sentence about the file."""


def varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed("a number is cut off")


def fields(data: memoryview, at: int, end: int) -> Iterator[Field]:
    """The fields of the message in a range, in the order of the file."""
    while at < end:
        key, at = varint(data, at, end)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(data, at, end)
            yield number, wire, value, at
            continue
        if wire == LENGTH:
            size, at = varint(data, at, end)
        elif wire in FIXED:
            size = FIXED[wire]
        else:
            raise Malformed(f"wire type {wire}")
        if size > end - at:
            raise Malformed("a field reaches past the end of the file")
        yield number, wire, at, at + size
        at += size


def encode_varint(value: int) -> bytes:
    """A number as the file holds it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire: int) -> bytes:
    """What stands before a field's content."""
    return encode_varint(number << 3 | wire)


def encode_bytes(number: int, content: bytes) -> bytes:
    """A field of bytes, text, packed numbers or a message."""
    return tag(number, LENGTH) + encode_varint(len(content)) + content
