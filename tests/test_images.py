"""Images become the arrays that networks take, and what is no sound image is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.errors import InvalidInput
from toolkit.images import read_image


def image(path: Path, mode: str = "RGB", size: tuple[int, int] = (6, 4), color: object = (255, 0, 51)) -> Path:
    Image.new(mode, size, color).save(path)  # type: ignore[arg-type]
    return path


def test_an_image_is_rgb_in_0_to_1_channels_first(tmp_path: Path) -> None:
    found = read_image(image(tmp_path / "a.png"), (8, 5))
    assert (found.shape, found.dtype) == ((3, 8, 5), np.float32)
    np.testing.assert_allclose(found[:, 0, 0], [1, 0, 0.2], rtol=1e-6)
    assert found.flags.c_contiguous


def test_rows_are_rows(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[1, 5] = (10, 20, 30)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(read_image(tmp_path / "a.png", (4, 6)) * 255).transpose(1, 2, 0), pixels)


def test_bicubic_is_not_bilinear(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)).save(tmp_path / "a.png")
    bilinear, bicubic = (read_image(tmp_path / "a.png", (5, 5), how) for how in ("bilinear", "bicubic"))
    assert np.abs(bilinear - bicubic).max() > 0.01


@pytest.mark.parametrize("mode, color", [("L", 51), ("RGBA", (51, 51, 51, 0)), ("P", 51), ("1", 0), ("LA", (51, 9))])
def test_other_8_bit_modes_become_rgb(mode: str, color: object, tmp_path: Path) -> None:
    assert read_image(image(tmp_path / "a.png", mode, color=color), (4, 4)).shape == (3, 4, 4)


def test_a_16_bit_image_is_refused_rather_than_clipped(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="more than 8 bits"):
        read_image(image(tmp_path / "a.png", "I;16", color=4000), (4, 4))


def test_a_huge_image_is_refused_by_its_header(tmp_path: Path) -> None:
    path = image(tmp_path / "a.bmp")
    data = bytearray(path.read_bytes())
    data[18:26] = struct.pack("<ii", 12_000, 9_000)
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="12000x9000 pixels"):
        read_image(path, (4, 4))
    data[18:26] = struct.pack("<ii", 120_000, 90_000)  # beyond Pillow's own limit too
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="broken image"):
        read_image(path, (4, 4))


@pytest.mark.parametrize("keep", [0.5, 0.05])
def test_a_truncated_image_is_refused(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(InvalidInput, match=r"a\.png is"):
        read_image(path, (4, 4))


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(InvalidInput, match="not an image"):
        read_image(tmp_path / "a.png", (4, 4))
    with pytest.raises(InvalidInput, match="No such file"):
        read_image(tmp_path / "b.png", (4, 4))
