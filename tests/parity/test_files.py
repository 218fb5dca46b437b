from __future__ import annotations

import contextlib
import io
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from converters.errors import InvalidInput
from toolkit.parity import files
from toolkit.parity.files import read_arrays, read_image


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def claims(shape: tuple[int, ...]) -> bytes:
    """The header of an .npy file of this shape, and no data."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.arange(6, dtype=">i2").reshape(3, 2),
        np.float32(7),
        np.array([True, False]),
        np.zeros((0, 3)),
    ],
    ids=["plain", "fortran", "big-endian", "scalar", "bool", "empty"],
)
def test_npy_and_npz_read_as_numpy_reads_them(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "b.npz", x=array, **{"a/b:0": array})
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npy")[""], array, strict=False)
    found = read_arrays(tmp_path / "b.npz")
    assert set(found) == {"x", "a/b:0"}
    np.testing.assert_array_equal(found["a/b:0"], array)
    assert found["x"].dtype == array.dtype.newbyteorder("=")
    assert found["x"].shape == array.shape


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    np.save(tmp_path / "a.npy", np.array([Evil()], object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=np.array([Evil()], object))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(InvalidInput, match="holds object, not real numbers"):
            read_arrays(tmp_path / name)


@pytest.mark.parametrize("shape", [(2**40,), (2**20, 2**20), (300_000_000,)])
def test_a_huge_array_is_refused_before_it_is_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(claims(shape))
    with pytest.raises(InvalidInput, match="GiB; at most 1 GiB is read"):
        read_arrays(path)


def test_a_negative_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(claims((-1, 4)) + bytes(64))
    with pytest.raises(InvalidInput, match="shape"):
        read_arrays(tmp_path / "a.npy")


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2**16)
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(2**20))
    assert path.stat().st_size < 2**12
    with pytest.raises(InvalidInput, match=r"takes .* GiB"):
        read_arrays(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy(np.arange(100.0))[:-1])
    with pytest.raises(InvalidInput, match="cut short"):
        read_arrays(tmp_path / "a.npy")


def test_a_changed_byte_in_an_npz_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(1000.0))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="not a sound"):
        read_arrays(path)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", npy(np.arange(3.0))[:80], claims((2,))]))
def test_any_bytes_are_read_or_refused(data: bytes, head: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.npy", "a.npz"):
            path = Path(folder) / name
            path.write_bytes(head + data)
            with contextlib.suppress(InvalidInput):  # and nothing else
                read_arrays(path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_missing_file_is_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        read_arrays(tmp_path / name)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(InvalidInput, match=r"neither \.npy nor \.npz"):
        read_arrays(tmp_path / "a.pkl")


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
