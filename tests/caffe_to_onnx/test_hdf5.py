"""Weights in HDF5, as Caffe's snapshots have them: read as real Caffe reads them; hostile files end in a sentence."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from converters.caffe import files, hdf5
from converters.errors import InvalidInput, ToolkitError
from tests.caffe_to_onnx.networks import data, dense, layer
from tests.caffe_to_onnx.running import assert_close, caffe, imported, seeded
from tests.runners import files as writer
from tests.runners.conftest import need

SAVE = """
import sys
from toolkit.runners.worker import caffe_engine
caffe = caffe_engine._import(caffe_engine.find())
net = caffe.Net(sys.argv[1], caffe_engine.TEST)
net.copy_from(sys.argv[2])
net.save_hdf5(sys.argv[3])
"""
SHARED = "inner_product_param { num_output: 6 } "
NET = (
    data(2, 6).replace("input_dim: 2\ninput_dim: 6\n", "input_shape { dim: 2 dim: 6 }\n")
    + layer("InnerProduct", "first", "data", "", SHARED + 'param { name: "w" } param { name: "b" }')
    + layer("TanH", "bent", "first")
    + layer("InnerProduct", "second", "bent", "", SHARED + 'param { name: "w" } param { name: "own" }')
    + dense("last", "second", 3)
)
WEIGHTS = {
    "first": [seeded("w", (6, 6), -1, 1), seeded("b", (6,), -1, 1)],
    "second": [seeded("w", (6, 6), -1, 1), seeded("own", (6,), -1, 1)],
    "last": [seeded("v", (3, 6), -1, 1), seeded("c", (3,), -1, 1)],
}
Spoil = Callable[[h5py.File, Path], None]


@pytest.fixture
def prototxt(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def written(path: Path, kind: str = "<f4") -> Path:
    """The layout of Net::ToHDF5: what a layer shares with one before it is not written again."""
    with h5py.File(path, "w") as file:
        for name, blobs in WEIGHTS.items():
            group = file.create_group(f"data/{name}")
            for at, blob in enumerate(blobs):
                if (name, at) != ("second", 0):
                    group.create_dataset(str(at), data=blob.astype(kind))
        file.create_group("data/bent")
    return path


def test_a_snapshot_of_real_caffe(prototxt: Path, tmp_path: Path) -> None:
    need("caffe")
    caffemodel, snapshot = writer.caffemodel(tmp_path / "a.caffemodel", WEIGHTS), tmp_path / "a.caffemodel.h5"
    command = [sys.executable, "-c", SAVE, *map(str, (prototxt, caffemodel, snapshot))]
    subprocess.run(command, check=True, capture_output=True)
    assert hdf5.read(snapshot)["second"][0] is None, "Caffe writes what is shared once"
    fed = {"data": seeded("data", (2, 6), -1, 1)}
    assert_close(imported(prototxt, snapshot, fed), caffe(prototxt, snapshot, ("last",), fed))


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2"])
def test_every_float_is_read(kind: str, prototxt: Path, tmp_path: Path) -> None:
    net = files.read(prototxt, written(tmp_path / "w.h5", kind))
    found = {one.name: one.blobs for one in net.layers if one.blobs}
    assert found.keys() == WEIGHTS.keys()
    for name, blobs in WEIGHTS.items():
        for got, want in zip(found[name], blobs, strict=True):
            np.testing.assert_array_equal(got, want.astype(kind).astype(np.float32))


def test_a_blob_that_no_layer_shares_is_missed(prototxt: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        del file["data/last/0"]
    with pytest.raises(InvalidInput, match="lacks blob 0 of layer 'last'"):
        files.read(prototxt, path)


def test_without_the_library_one_sentence_says_what_to_install(
    prototxt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolkitError, match=r"need h5py; pip install 'caffe-bridge-toolkit\[hdf5\]'"):
        files.read(prototxt, written(tmp_path / "w.h5"))


def _elsewhere(file: h5py.File, folder: Path) -> None:
    (folder / "raw").write_bytes(bytes(72))
    file.create_dataset("data/last/2", (3, 6), "<f4", external=[(str(folder / "raw"), 0, 72)])


def _virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((3, 6), "<f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (3, 6))
    file.create_virtual_dataset("data/last/2", layout)


def _linked(path: str, link: Callable[[Path], object]) -> Spoil:
    def spoil(file: h5py.File, folder: Path) -> None:
        del file[path]
        file[path] = link(folder)

    return spoil


def _put(path: str, **how: object) -> Spoil:
    return lambda file, folder: file.create_dataset(path, **how) and None


def _many_times(file: h5py.File, folder: Path) -> None:
    file["data/last/2"] = np.zeros(10_000, "<f4")
    for at in range(3, 9):
        file[f"data/last/{at}"] = file["data/last/2"]


HOSTILE: dict[str, tuple[Spoil, str]] = {
    "a blob in another file": (
        _linked("data/last/0", lambda folder: h5py.ExternalLink(str(folder / "w.h5"), "/data/first/0")),
        "a link to another place",
    ),
    "a layer behind a soft link": (_linked("data/last", lambda folder: h5py.SoftLink("/data/first")), "a link"),
    "all in another file": (_linked("data", lambda folder: h5py.ExternalLink("/etc/passwd", "/data")), "a link"),
    "numbers in a file beside it": (_elsewhere, "in one piece"),
    "numbers made of other files": (_virtual, "in one piece"),
    "a bomb of zeros": (_put("data/last/2", shape=(2**30, 4), dtype="<f4", compression="gzip"), "in one piece"),
    "numbers that are claimed alone": (_put("data/last/2", shape=(2**40,), dtype="<f4"), "in one piece"),
    "the same numbers again and again": (_many_times, "more numbers than the file"),
    "numbers that are text": (_put("data/last/2", data="text"), "not floats"),
    "whole numbers": (_put("data/last/2", data=np.arange(3)), "not floats"),
    "a name that is no number": (_put("data/last/weight", data=np.zeros(3, "f4")), "not the number of a blob"),
    "blob number a million": (_put("data/last/999999", data=np.zeros(3, "f4")), "no layer has so many"),
    "a group for a blob": (lambda file, folder: file.create_group("data/last/2") and None, "is not a dataset"),
    "no weights": (lambda file, folder: file.__delitem__("data"), "no group '/data'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence(name: str, tmp_path: Path) -> None:
    spoil, sentence = HOSTILE[name]
    path = written(tmp_path / "net.h5")
    with h5py.File(path, "a") as file:
        spoil(file, tmp_path)
    with pytest.raises(InvalidInput, match=sentence):
        hdf5.read(path)


def test_damage_gives_weights_or_one_sentence(tmp_path: Path) -> None:
    """Bytes changed where the structure lies, and files cut short: the library may crash, this process does not."""
    path = written(tmp_path / "w.h5")
    good, rng = path.read_bytes(), random.Random(11)
    sentences = list[str]()
    for run in range(24):
        bad = bytearray(good)
        for _ in range(rng.choice((1, 4, 32))):
            bad[rng.randrange(len(hdf5.SIGNATURE), len(bad))] = rng.choice((0, 1, 0x7F, 0xFF))
        path.write_bytes(bad[: rng.randrange(9, len(bad))] if run % 4 == 0 else bad)
        try:
            found = hdf5.read(path)
        except InvalidInput as error:
            sentences.append(str(error))
        else:
            assert sum(blob.nbytes for blobs in found.values() for blob in blobs if blob is not None) <= 2 * len(bad)
    assert len(sentences) >= 6, "the damage must reach the structure"
    assert max(map(len, sentences)) < 1000
