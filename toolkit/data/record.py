"""One labelled image <-> the bytes of a record: a plain header, the image's name, the encoded image. No pickle."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from converters.errors import InvalidInput
from toolkit.images import MAX_PIXELS, open_rgb, pillow

if TYPE_CHECKING:
    from PIL.Image import Image

MAGIC = b"CBTi"
VERSION = 1
ENCODINGS = ("jpeg", "png", "raw")  # stored by their place: new ones go to the end
# magic, version, encoding, bytes of the name, label, height, width, bytes of the image; then CRC-32 of all but itself
FIELDS, CHECKSUM = struct.Struct("<4sBBHiIII"), struct.Struct("<I")
HEADER_SIZE = FIELDS.size + CHECKSUM.size


@dataclass(frozen=True)
class Record:
    """An image as it is stored: JPEG, PNG, or rows of RGB bytes."""

    name: str
    label: int
    encoding: str
    height: int
    width: int
    data: bytes

    def image(self) -> Image:
        """The RGB image, decoded; InvalidInput where it is not what the header says."""
        if self.encoding == "raw":
            found: Image = pillow().frombytes("RGB", (self.width, self.height), self.data)
            return found
        found = open_rgb(io.BytesIO(self.data), self.name)
        if found.size != (self.width, self.height):
            raise InvalidInput(f"{self.name} is {found.width}x{found.height}, not {self.width}x{self.height}")
        return found


def encode(image: Image, name: str, label: int, encoding: str, quality: int) -> Record:
    """An RGB image -> its record; `quality` is JPEG's."""
    stream = io.BytesIO()
    if encoding == "jpeg":
        image.save(stream, "JPEG", quality=quality)
    elif encoding == "png":
        image.save(stream, "PNG")
    data = image.tobytes() if encoding == "raw" else stream.getvalue()
    return Record(name, label, encoding, image.height, image.width, data)


def pack(record: Record) -> bytes:
    """A record -> its bytes."""
    body = _name_bytes(record.name) + record.data
    lengths = (len(body) - len(record.data), record.label, record.height, record.width, len(record.data))
    fields = FIELDS.pack(MAGIC, VERSION, ENCODINGS.index(record.encoding), *lengths)
    return fields + CHECKSUM.pack(zlib.crc32(body, zlib.crc32(fields))) + body


def unpack(stored: bytes, what: str) -> Record:
    """Bytes -> the record, every length and the checksum checked; `what` names it in errors."""
    if len(stored) < HEADER_SIZE:
        raise InvalidInput(f"{what} is not an image record: {len(stored)} bytes are fewer than its header has")
    magic, version, encoding, named, label, height, width, length = FIELDS.unpack_from(stored)
    (checksum,) = CHECKSUM.unpack_from(stored, FIELDS.size)
    body = stored[HEADER_SIZE:]
    sound = checksum == zlib.crc32(body, zlib.crc32(stored[: FIELDS.size]))
    if magic != MAGIC or version != VERSION or encoding >= len(ENCODINGS):
        raise InvalidInput(f"{what} is not an image record of version {VERSION}")
    if not 0 < height * width <= MAX_PIXELS or len(body) != named + length or not sound:
        raise InvalidInput(f"{what} is a broken image record: its sizes or its checksum do not fit")
    if ENCODINGS[encoding] == "raw" and length != 3 * height * width:
        raise InvalidInput(f"{what} is a broken image record: {length} bytes are not an RGB image of {width}x{height}")
    name = body[:named].decode("utf-8", "surrogateescape")
    return Record(name, label, ENCODINGS[encoding], height, width, body[named:])


def _name_bytes(name: str) -> bytes:
    found = name.encode("utf-8", "surrogateescape")  # a file's name need not be UTF-8
    if len(found) > 0xFFFF:
        raise InvalidInput(f"the name {name[:60]}... has {len(found)} bytes, more than a record's header can say")
    return found
