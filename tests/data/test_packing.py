"""What a packed folder holds, what is skipped, and that a kill changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from converters.errors import InvalidInput, ToolkitError
from tests.data.conftest import CLASSES
from toolkit.data.encoding import Form
from toolkit.data.packing import pack
from toolkit.data.sets import open_images
from toolkit.data.views import resized

ROOT = Path(__file__).parents[2]
PNG = Form(edge=32, encoding="png")
KILLED_AFTER_12 = """
import os, pathlib, sys
from toolkit.data import encoding, packing
packing.BATCH, encoding.CHUNK = 4, 2
kill = lambda done, total: done >= 12 and os.kill(os.getpid(), 9)
packing.pack(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), encoding.Form(32, "png"), 2, kill)
"""


def everything(path: Path) -> dict[bytes, bytes]:
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return {bytes(key): bytes(value) for key, value in transaction.cursor()}


def test_images_labels_and_statistics_are_those_of_the_folder(photos: Path, tmp_path: Path) -> None:
    meta = pack(photos, tmp_path / "a.lmdb", PNG)
    packed, folder = open_images(tmp_path / "a.lmdb"), open_images(photos)
    assert packed.classes == CLASSES == folder.classes
    assert len(packed) == len(folder) == meta["images"] == 21
    pixels = []
    for index in range(21):
        ours, theirs = packed.read(index), folder.read(index)
        assert (ours.name, ours.label) == (theirs.name, theirs.label)
        assert min(ours.image.size) == 32
        np.testing.assert_array_equal(np.asarray(ours.image), np.asarray(resized(theirs.image, 32)))
        pixels.append(np.asarray(ours.image, np.float64).reshape(-1, 3) / 255)
    values = np.concatenate(pixels)
    np.testing.assert_allclose(meta["mean"], values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(meta["std"], values.std(0), rtol=1e-9)
    assert meta["images_by_class"] == [7, 7, 7]


def test_more_processes_write_the_same(photos: Path, tmp_path: Path) -> None:
    for jobs, name in ((1, "a.lmdb"), (2, "b.lmdb")):
        pack(photos, tmp_path / name, Form(32), jobs)
    assert everything(tmp_path / "a.lmdb") == everything(tmp_path / "b.lmdb")


def test_a_kill_loses_nothing(photos: Path, tmp_path: Path) -> None:
    (photos / "ant" / "0.jpg").write_bytes(b"no image")
    pack(photos, tmp_path / "whole.lmdb", PNG)
    target = tmp_path / "killed.lmdb"
    done = subprocess.run([sys.executable, "-c", KILLED_AFTER_12, photos, target], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    assert json.loads(everything(tmp_path / "killed.lmdb.partial")[b"progress"])["files"] == 12
    seen: list[int] = []
    pack(photos, target, PNG, on_step=lambda files, total: seen.append(files))
    assert seen[0] == 12, "it went on from there"
    assert everything(target) == everything(tmp_path / "whole.lmdb")
    assert not (tmp_path / "killed.lmdb.partial").exists()


def test_a_file_that_is_full_grows(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.data.packing.FIRST_SIZE", 2**15)
    pack(photos, tmp_path / "a.lmdb", PNG)
    assert len(open_images(tmp_path / "a.lmdb")) == 21


def test_broken_images_are_skipped_and_listed(photos: Path, tmp_path: Path) -> None:
    (photos / "bee" / "0.jpg").write_bytes(b"no image")
    whole = (photos / "cat" / "2.jpg").read_bytes()
    (photos / "cat" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "cat" / "notes.txt").write_text("no image, and not said to be one")
    Image.new("RGB", (20_000, 1)).save(photos / "ant" / "thin.png")
    meta = pack(photos, tmp_path / "a.lmdb", Form(edge=256))
    assert [one["name"] for one in meta["skipped"]] == ["ant/thin.png", "bee/0.jpg", "cat/2.jpg"]
    assert meta["images_by_class"] == [7, 6, 6]
    found = open_images(tmp_path / "a.lmdb")
    assert [found.read(index).label for index in range(len(found))] == [0] * 7 + [1] * 6 + [2] * 6


def test_a_folder_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos" / "ant").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="hold no image"):
        pack(tmp_path / "photos", tmp_path / "a.lmdb", PNG)
    (tmp_path / "photos" / "ant" / "a.png").write_bytes(b"")
    with pytest.raises(InvalidInput, match="none of the 1 images"):
        pack(tmp_path / "photos", tmp_path / "a.lmdb", PNG)
    with pytest.raises(InvalidInput, match="no subfolders"):
        pack(tmp_path / "photos" / "ant", tmp_path / "b.lmdb", PNG)


def test_work_in_progress_on_other_images_is_not_mixed_in(photos: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.lmdb"
    subprocess.run([sys.executable, "-c", KILLED_AFTER_12, photos, target], cwd=ROOT, timeout=60)
    with pytest.raises(ToolkitError, match="begun with other images or options"):
        pack(photos, target, Form(edge=33, encoding="png"))
    Image.new("RGB", (40, 40)).save(photos / "ant" / "new.png")
    with pytest.raises(ToolkitError, match="begun with other images or options"):
        pack(photos, target, PNG)


def test_a_finished_data_set_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "a.lmdb", PNG)
    with pytest.raises(ToolkitError, match="is there already"):
        pack(photos, tmp_path / "a.lmdb", PNG)


def test_a_database_of_caffes_holds_the_same_images_mixed(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "ours.lmdb", PNG)
    meta = pack(photos, tmp_path / "caffe.lmdb", Form(edge=32, encoding="caffe"), jobs=2)
    assert list(everything(tmp_path / "caffe.lmdb")) == [b"%010d" % index for index in range(21)], "nothing but images"
    ours, theirs = open_images(tmp_path / "ours.lmdb"), open_images(tmp_path / "caffe.lmdb")
    assert theirs.classes == CLASSES
    labels = [theirs.read(index).label for index in range(21)]
    assert sorted(labels) == [0] * 7 + [1] * 7 + [2] * 7 != labels
    assert {(one.label, one.image.tobytes()) for one in map(ours.read, range(21))} == {
        (one.label, one.image.tobytes()) for one in map(theirs.read, range(21))
    }
    assert json.loads((tmp_path / "caffe.lmdb" / "meta.json").read_text()) == meta
    assert [open_images(tmp_path / "caffe.lmdb", CLASSES[::-1]).read(i).label for i in range(21)] == [
        2 - label for label in labels
    ]
