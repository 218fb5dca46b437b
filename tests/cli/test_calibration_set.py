"""`toolkit calibration-set`: its options reach the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result

from tests.evaluate.conftest import photos

__all__ = ["photos"]  # a fixture
Toolkit = Callable[..., Result]


def test_the_files_of_a_network_that_takes_raw_bgr(photos: Path, toolkit: Toolkit, tmp_path: Path) -> None:
    words = ("-n", 3, "--size", 32, "--scale", 255, "--swap-rgb", "--dtype", "uint8", "--layout", "nhwc")
    done = toolkit("calibration-set", photos, "-o", tmp_path / "set", *words)
    assert done.exit_code == 0, done.stderr
    assert "3 images, uint8 NHWC, 32x32" in done.stdout
    assert np.load(tmp_path / "set" / "npy" / "00002.npy").shape == (1, 32, 32, 3)


def test_too_many_images_exit_2(photos: Path, toolkit: Toolkit, tmp_path: Path) -> None:
    done = toolkit("calibration-set", photos, "-o", tmp_path / "set")
    assert done.exit_code == 2
    assert "has 15 images, fewer than 200" in done.stderr
