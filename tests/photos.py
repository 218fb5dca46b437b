"""Small folders of images whose classes are colours, for data sets, training and evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = ("blue", "green", "red")


def coloured(folder: Path, count: int, height: int, width: int) -> Path:
    """FOLDER/blue, green and red with `count` images each: noise, and more of the one colour."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(COLOURS):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 128, (height, width, 3), np.uint8)
            pixels[:, :, 2 - label] += 100
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder
