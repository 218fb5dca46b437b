"""A data set -> the files from which vendors' quantisers calibrate: images, arrays and the lists that name them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import Remedy, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.data.sets import Images
from toolkit.data.views import centre
from toolkit.images import pillow, prepared, scaled

LAYOUTS = ("nchw", "nhwc")
TYPES = ("float32", "uint8")
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Form:
    """What the network is fed: squares of `size`, RGB in [0, 1] after `preprocessing`, of a type and a layout."""

    size: int = 224
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    dtype: str = "float32"
    layout: str = "nchw"


def write(
    images: Images, folder: Path, count: int, form: Form, seed: int = 0, on_step: Step = lambda done, total: None
) -> list[str]:
    """Write `count` images, drawn at random, into the new folder and return their names in the data set.

    images/N.png are the squares as 8-bit RGB, bin/N.bin and npy/N.npy what the network is fed of them, with a batch of
    1; images.txt and npy.txt list them, relative to the folder, and calibration.json says how they were made.
    """
    if folder.exists():
        raise ToolkitError(f"{folder} is there already; remove it or give another name")
    if count > len(images):
        raise ToolkitError(f"{images.path} has {len(images)} images, fewer than {count}")
    chosen = sorted(map(int, np.random.default_rng(seed).choice(len(images), count, replace=False)))
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".calibration-"))
    try:
        for kind in ("images", "bin", "npy"):
            (scratch / kind).mkdir()
        names = []
        for place, index in enumerate(chosen):
            names.append(_one(images, index, scratch, f"{place:05}", form))
            on_step(place + 1, count)
        _lists(scratch, count)
        told = _told(images, names, form, seed)
        (scratch / "calibration.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")
        scratch.chmod(0o755)
        os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return names


def _one(images: Images, index: int, folder: Path, number: str, form: Form) -> str:
    """The files of one image; its name in the data set."""
    found = images.read(index)
    square = centre(found.image, form.size)
    pillow().fromarray(square).save(folder / "images" / f"{number}.png")
    array = _typed(prepared(scaled(square), form.preprocessing), form.dtype)[np.newaxis]
    array = np.ascontiguousarray(array.transpose(0, 2, 3, 1) if form.layout == "nhwc" else array)
    np.save(folder / "npy" / f"{number}.npy", array)
    (folder / "bin" / f"{number}.bin").write_bytes(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return found.name


def _typed(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array as it is, or as bytes where it holds nothing else."""
    if dtype == "float32":
        return array
    whole = np.rint(array)
    if np.abs(array - whole).max() > 1e-3 or whole.min() < 0 or whole.max() > 255:
        hint = Remedy("uint8 wants a scale of 255 alone", "scale", "255")
        raise ToolkitError("the network's input is not made of whole numbers from 0 to 255", hint)
    found: np.ndarray = whole.astype(np.uint8)
    return found


def _lists(folder: Path, count: int) -> None:
    for kind, suffix in (("images", "png"), ("npy", "npy")):
        lines = [f"{kind}/{place:05}.{suffix}\n" for place in range(count)]
        (folder / f"{kind}.txt").write_text("".join(lines), "utf-8")


def _told(images: Images, names: list[str], form: Form, seed: int) -> dict[str, Any]:
    """How the arrays were made; also as mean and std of 8-bit values, which vendors' settings ask for."""
    factor, shift = form.preprocessing.factor_and_shift(3)
    return {
        "data": str(images.path),
        "seed": seed,
        "size": form.size,
        "dtype": form.dtype,
        "layout": form.layout,
        "channels": "BGR" if form.preprocessing.swap else "RGB",
        "preprocessing": asdict(form.preprocessing),
        "mean_of_8_bit": (-shift / factor * 255).tolist(),
        "std_of_8_bit": (255 / factor).tolist(),
        "images": names,
    }
