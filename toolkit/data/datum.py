"""Caffe's own records: a Datum message <-> one labelled image. Raw pixels are channels first, in the order BGR."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError

from converters.caffe.schema import message
from converters.errors import InvalidInput
from toolkit.images import MAX_PIXELS, open_rgb, pillow

if TYPE_CHECKING:
    from PIL.Image import Image

LABEL = 5  # the field's number
FIXED = {1: 8, 5: 4}  # wire types of a fixed size -> bytes


def read(stored: bytes, what: str) -> tuple[Image, int]:
    """A Datum's bytes -> its RGB image and label; `what` names it in errors."""
    found = _parsed(stored, what)
    if found.encoded:  # as OpenCV reads it, so the file's own colours
        return open_rgb(io.BytesIO(found.data), what), found.label
    shape = (found.channels, found.height, found.width)
    if found.channels not in (1, 3) or min(shape) < 1 or found.height * found.width > MAX_PIXELS:
        raise InvalidInput(f"{what}: a Datum of {shape} is not an image of 1 or 3 channels")
    if len(found.data) != found.channels * found.height * found.width:
        raise InvalidInput(f"{what}: a Datum of {shape} holds {len(found.data)} bytes, which is not an image of 8 bits")
    pixels = np.frombuffer(found.data, np.uint8).reshape(shape)[::-1].transpose(1, 2, 0)
    image = pillow().fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))))
    return image, found.label


def label(stored: memoryview, what: str) -> int:
    """The label alone, 0 where there is none. The pixels are stepped over, so that listing a set reads little of it."""
    place = 0
    while place < len(stored):
        tag, place = _varint(stored, place, what)
        field, kind = divmod(tag, 8)
        if kind == 0:
            value, place = _varint(stored, place, what)
            if field == LABEL:
                return value if value < 2**31 else -1
        elif kind == 2:
            length, place = _varint(stored, place, what)
            place += length
        elif kind in FIXED:
            place += FIXED[kind]
        else:
            raise InvalidInput(f"{what} is not a Datum of Caffe's")
    return 0


def _varint(stored: memoryview, place: int, what: str) -> tuple[int, int]:
    """Protobuf's integer at a place, and the place behind it."""
    value = 0
    for index, byte in enumerate(stored[place : place + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, place + index + 1
    raise InvalidInput(f"{what} is not a Datum of Caffe's")


def write(image: Image, label: int) -> bytes:
    """An RGB image -> a Datum's bytes."""
    pixels = np.asarray(image)
    height, width, channels = pixels.shape
    data = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1)).tobytes()
    made = message("Datum")(channels=channels, height=height, width=width, data=data, label=label)
    return bytes(made.SerializeToString())


def _parsed(stored: bytes, what: str) -> Any:
    try:
        return message("Datum").FromString(stored)
    except DecodeError as error:
        raise InvalidInput(f"{what} is neither one of our records nor a Datum of Caffe's") from error
