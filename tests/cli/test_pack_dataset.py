"""`toolkit pack-dataset`: the summary, JSON and exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Toolkit = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.fromarray(np.full((9, 12, 3), 51, np.uint8)).save(tmp_path / "photos" / name / "a.png")
    return tmp_path / "photos"


def test_the_summary_names_what_was_skipped(photos: Path, toolkit: Toolkit) -> None:
    (photos / "bee" / "b.png").write_bytes(b"no image")
    done = toolkit("pack-dataset", photos, "-o", photos.parent / "a.lmdb", "--edge", 8, "--jobs", 1)
    assert done.exit_code == 0, done.stderr
    assert "2 images of 2 classes" in done.stdout
    assert "mean 0.2000, 0.2000, 0.2000" in done.stdout
    assert "skipped: bee/b.png is not an image" in done.stderr
    assert "1 image(s) could not be read" in done.stderr


def test_json_holds_the_metadata(photos: Path, toolkit: Toolkit, as_json: Callable[[str], Any]) -> None:
    done = toolkit("pack-dataset", photos, "-o", photos.parent / "a.lmdb", "--jobs", 1, "--json")
    found = as_json(done.stdout)
    assert (found["classes"], found["images_by_class"], found["edge"]) == (["ant", "bee"], [1, 1], 256)


def test_nothing_to_pack_exits_4(tmp_path: Path, toolkit: Toolkit) -> None:
    (tmp_path / "photos" / "ant").mkdir(parents=True)
    done = toolkit("pack-dataset", tmp_path / "photos", "-o", tmp_path / "a.lmdb")
    assert done.exit_code == 4
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "a.lmdb").exists()


def test_an_existing_target_exits_2(photos: Path, toolkit: Toolkit) -> None:
    done = toolkit("pack-dataset", photos, "-o", photos)
    assert done.exit_code == 2
    assert "is there already" in done.stderr
