from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("ant", "bee", "cat")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes with seven images each, of several sizes and two formats."""
    rng = np.random.default_rng(3)
    for label, name in enumerate(CLASSES):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for index in range(7):
            small = rng.integers(0, 256, (5 + index, 9 - label, 3), np.uint8)
            suffix = "png" if index % 2 else "jpg"
            Image.fromarray(small).resize((40 + index, 33 + label)).save(folder / f"{index}.{suffix}")
    return tmp_path / "photos"
