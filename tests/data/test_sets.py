"""Folders, our LMDB and Caffe's are read alike; a broken or hostile database is one clear error, never a crash."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from converters.caffe.schema import message
from converters.errors import InvalidInput
from toolkit.data import datum, record
from toolkit.data.encoding import Form
from toolkit.data.packing import pack
from toolkit.data.probe import META, key_of
from toolkit.data.sets import open_images

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)


def database(path: Path, pairs: dict[bytes, bytes]) -> Path:
    with lmdb.open(str(path), map_size=2**24) as environment, environment.begin(write=True) as transaction:
        for key, value in pairs.items():
            transaction.put(key, value)
    return path


def encoded_datum(label: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG")
    return bytes(message("Datum")(encoded=True, data=stream.getvalue(), label=label).SerializeToString())


def test_caffes_own_lmdb_is_read(tmp_path: Path) -> None:
    gray = message("Datum")(channels=1, height=5, width=7, data=PIXELS[:, :, 0].tobytes(), label=3)
    pairs = {
        b"00000000_a.png": datum.write(Image.fromarray(PIXELS), 2),
        b"00000001_b.png": encoded_datum(0),
        b"00000002_c.png": gray.SerializeToString(),
    }
    found = open_images(database(tmp_path / "caffe.lmdb", pairs))
    assert (len(found), found.classes) == (3, ("0", "1", "2", "3"))
    for index, label in ((0, 2), (1, 0)):
        one = found.read(index)
        np.testing.assert_array_equal(np.asarray(one.image), PIXELS)
        assert (one.label, one.name) == (label, list(pairs)[index].decode())
    np.testing.assert_array_equal(np.asarray(found.read(2).image), PIXELS[:, :, :1].repeat(3, 2))


def test_a_raw_datum_is_bgr_channels_first() -> None:
    made = message("Datum").FromString(datum.write(Image.fromarray(PIXELS), 1))
    assert (made.channels, made.height, made.width, made.label) == (3, 5, 7, 1)
    assert made.data[:7] == PIXELS[0, :, 2].tobytes()


@pytest.mark.parametrize("label", [0, 1, 300, 2**31 - 1, -1])
@pytest.mark.parametrize("data", [b"", bytes(1000)])
def test_a_label_is_found_behind_its_pixels(label: int, data: bytes) -> None:
    made = message("Datum")(channels=3, height=9, data=data, float_data=[1.5, 2], label=label, encoded=True)
    assert datum.label(memoryview(made.SerializeToString()), "it") == label


@pytest.mark.parametrize(
    "fields, why",
    [
        ({"channels": 3, "height": 5, "width": 7, "data": bytes(104)}, "104 bytes"),
        ({"channels": 2, "height": 5, "width": 7, "data": bytes(70)}, "1 or 3 channels"),
        ({"channels": 3, "height": 2**20, "width": 2**20}, "1 or 3 channels"),
        ({"channels": 3, "height": -5, "width": -7}, "1 or 3 channels"),
        ({"channels": 1, "height": 1, "width": 2, "float_data": [1.0, 2.0]}, "not an image of 8 bits"),
        ({"encoded": True, "data": b"no image"}, "not an image"),
    ],
)
def test_a_datum_that_is_no_image_is_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        datum.read(message("Datum")(**fields).SerializeToString(), "it")


def test_labels_are_matched_by_the_names_of_classes(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "a.lmdb", Form(32))
    for path in (photos, tmp_path / "a.lmdb"):
        found = open_images(path, ("dog", "cat", "bee", "ant"))
        assert [found.read(index).label for index in (0, 7, 14)] == [3, 2, 1]
        with pytest.raises(InvalidInput, match="class 'cat', not one of the 2"):
            open_images(path, ("ant", "bee"))


def test_a_label_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    meta = json.dumps({"classes": ["ant"], "images": 1}).encode()
    stored = record.pack(record.encode(Image.fromarray(PIXELS), "a.png", 1, "png", 95))
    found = open_images(database(tmp_path / "a.lmdb", {key_of(0): stored, META: meta}))
    with pytest.raises(InvalidInput, match="label 1; there are 1 classes"):
        found.read(0)


@pytest.mark.parametrize(
    "meta", [b"{", b"[]", b'{"classes": [1], "images": 1}', b'{"classes": ["a"], "images": 9}', b'{"images": 1}']
)
def test_broken_metadata_are_refused(meta: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="metadata"):
        open_images(database(tmp_path / "a.lmdb", {key_of(0): b"x", META: meta}))


def test_an_lmdb_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="neither one of our records nor a Datum"):
        open_images(database(tmp_path / "a.lmdb", {b"key": b"\xff\xff"}))
    with pytest.raises(InvalidInput, match="empty LMDB"):
        open_images(database(tmp_path / "b.lmdb", {}))
    with pytest.raises(InvalidInput, match="neither a folder of classes nor"):
        open_images(tmp_path / "nowhere")


def test_a_file_that_is_no_lmdb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"hello" * 5000)
    with pytest.raises(InvalidInput, match="broken LMDB"):
        open_images(tmp_path)


def test_a_cut_lmdb_is_refused(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "a.lmdb", Form(32))
    file = tmp_path / "a.lmdb" / "data.mdb"
    file.write_bytes(file.read_bytes()[:-8192])
    with pytest.raises(InvalidInput, match="cut short"):
        open_images(tmp_path / "a.lmdb")


@pytest.mark.parametrize("seed", range(8))
def test_overwritten_pages_are_refused_or_noticed(seed: int, photos: Path, tmp_path: Path) -> None:
    """liblmdb itself may crash on them; this process does not."""
    pack(photos, tmp_path / "a.lmdb", Form(32))
    file = tmp_path / "a.lmdb" / "data.mdb"
    data = bytearray(file.read_bytes())
    rng = random.Random(seed)
    for page in range(2, len(data) // 4096):  # beyond the two that say where the rest is
        data[page * 4096 : page * 4096 + 4096] = rng.randbytes(4096)
    file.write_bytes(data)
    with pytest.raises(InvalidInput):
        open_images(tmp_path / "a.lmdb")
