from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.errors import InvalidInput
from toolkit.parity import files
from toolkit.parity.files import read_arrays


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
