"""A record gives back what went in, or is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from converters.errors import InvalidInput
from toolkit.data import record

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def made(encoding: str = "png", name: str = "ant/1.png", label: int = 7) -> record.Record:
    return record.encode(Image.fromarray(PIXELS), name, label, encoding, 95)


@pytest.mark.parametrize("encoding", ["png", "raw"])
def test_a_lossless_record_gives_its_pixels_back(encoding: str) -> None:
    found = record.unpack(record.pack(made(encoding)), "it")
    np.testing.assert_array_equal(np.asarray(found.image()), PIXELS)
    assert (found.label, found.name, found.encoding) == (7, "ant/1.png", encoding)


def test_a_jpeg_record_is_near() -> None:
    smooth = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    found = record.unpack(record.pack(record.encode(smooth, "a", 0, "jpeg", 95)), "it").image()
    assert np.abs(np.asarray(found, int) - np.asarray(smooth, int)).max() <= 4


def test_a_name_that_is_no_utf8_survives() -> None:
    assert record.unpack(record.pack(made(name="a\udcff/ü.png")), "it").name == "a\udcff/ü.png"


def test_every_changed_byte_is_noticed() -> None:
    stored = record.pack(made("raw"))
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 0x10
        with pytest.raises(InvalidInput):
            record.unpack(bytes(changed), "it").image()


@pytest.mark.parametrize("keep", [0, 10, record.HEADER_SIZE, -1])
def test_a_cut_record_is_refused(keep: int) -> None:
    with pytest.raises(InvalidInput, match="it is"):
        record.unpack(record.pack(made())[:keep], "it")


def test_an_image_of_another_size_than_the_header_says_is_refused() -> None:
    found = record.Record("a.png", 0, "png", 9, 6, made().data)
    with pytest.raises(InvalidInput, match="9x6, not 6x9"):
        record.unpack(record.pack(found), "it").image()


def test_a_huge_size_is_refused_before_memory_is_taken() -> None:
    stored = bytearray(record.pack(made("raw")))
    struct.pack_into("<II", stored, 12, 2**31, 2**31)
    with pytest.raises(InvalidInput, match="sizes or its checksum"):
        record.unpack(bytes(stored), "it")


@given(st.binary(max_size=120))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        record.unpack(record.MAGIC + data, "it").image()
