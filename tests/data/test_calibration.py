"""What a quantiser is given is what the network is fed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.errors import ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.data.calibration import Form, write
from toolkit.data.sets import open_images
from toolkit.data.views import centre

NORMAL = Preprocessing(1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_arrays_are_the_squares_prepared(photos: Path, tmp_path: Path) -> None:
    images, target = open_images(photos), tmp_path / "set"
    names = write(images, target, 5, Form(28, NORMAL))
    places = {images.read(index).name: index for index in range(len(images))}
    for number, name in enumerate(names):
        square = centre(images.read(places[name]).image, 28)
        np.testing.assert_array_equal(np.asarray(Image.open(target / "images" / f"{number:05}.png")), square)
        wanted = ((square / 255 - NORMAL.mean) / NORMAL.std).transpose(2, 0, 1)[None]
        array = np.load(target / "npy" / f"{number:05}.npy")
        np.testing.assert_allclose(array, wanted, rtol=1e-5, atol=1e-5)
        assert (target / "bin" / f"{number:05}.bin").read_bytes() == array.astype("<f4").tobytes()
    assert (target / "images.txt").read_text().splitlines() == [f"images/{n:05}.png" for n in range(5)]
    assert (target / "npy.txt").read_text().splitlines() == [f"npy/{n:05}.npy" for n in range(5)]
    told = json.loads((target / "calibration.json").read_text())
    np.testing.assert_allclose(told["mean_of_8_bit"], [123.675, 116.28, 103.53])
    np.testing.assert_allclose(told["std_of_8_bit"], [58.395, 57.12, 57.375])
    assert told["images"] == names


def test_raw_bgr_bytes_in_the_other_layout(photos: Path, tmp_path: Path) -> None:
    images = open_images(photos)
    write(images, tmp_path / "set", 21, Form(28, Preprocessing(255.0, swap=True), "uint8", "nhwc"))
    stored = np.frombuffer((tmp_path / "set" / "bin" / "00004.bin").read_bytes(), np.uint8).reshape(28, 28, 3)
    np.testing.assert_array_equal(stored, centre(images.read(4).image, 28)[:, :, ::-1])


def test_the_same_seed_draws_the_same(photos: Path, tmp_path: Path) -> None:
    images = open_images(photos)
    drawn = [write(images, tmp_path / str(place), 4, Form(28), seed) for place, seed in enumerate((1, 1, 2))]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 4


def test_what_can_not_be_written_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    images = open_images(photos)
    with pytest.raises(ToolkitError, match="not made of whole numbers from 0 to 255"):
        write(images, tmp_path / "set", 4, Form(28, NORMAL, "uint8"))
    with pytest.raises(ToolkitError, match="has 21 images, fewer than 22"):
        write(images, tmp_path / "set", 22, Form(28))
    with pytest.raises(ToolkitError, match="is there already"):
        write(images, photos, 1, Form(28))
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
