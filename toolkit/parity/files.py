"""Files -> arrays, without trusting the file: no pickle, and the header's size is checked before memory is taken."""

from __future__ import annotations

import lzma
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from converters.caffe.passes.preprocess import Preprocessing
from converters.errors import InvalidInput, ToolkitError

MAX_BYTES = 2**30  # an array; 1 GiB is a batch of 1,700 images of 224x224
MAX_PIXELS = 100_000_000
# The last two: a compression that zipfile does not know, and an encrypted file.
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
IMAGE_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
IMAGE_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def check_size(shape: tuple[int, ...], itemsize: int, what: str) -> None:
    """Refuse an array that would take more than MAX_BYTES."""
    if min(shape, default=0) < 0:
        raise InvalidInput(f"{what}: shape {shape} is none")
    check_bytes(math.prod(shape) * itemsize, MAX_BYTES, f"{what}: shape {shape}")


def check_bytes(size: int, most: int, what: str) -> None:
    """Refuse what would take more than `most` bytes."""
    if size > most:
        raise InvalidInput(f"{what} takes {size / 2**30:.1f} GiB; at most {most / 2**30:g} GiB is read")


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """An .npz file -> its arrays by name; an .npy file -> its one array, named ""."""
    try:
        if path.suffix.lower() == ".npz":
            return _read_npz(path)
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return {"": _read_npy(file, str(path))}
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror or error}") from error
    raise InvalidInput(f"{path} is neither .npy nor .npz")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            check_bytes(sum(archive.getinfo(name).file_size for name in members), 2 * MAX_BYTES, str(path))
            arrays = {}
            for name in members:
                with archive.open(name) as file:
                    arrays[name.removesuffix(".npy")] = _read_npy(file, f"{path}: {name}")
            return arrays
    except BROKEN_ZIP as error:
        raise InvalidInput(f"{path} is not a sound .npz file: {error}") from error


def _read_npy(file: IO[bytes], what: str) -> np.ndarray:
    """One array. Only plain numbers: numpy's object arrays are pickles, and a pickle from a stranger runs code."""
    try:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"version {version} of the format holds no plain numbers")
        shape, fortran, dtype = read_header[version](file)
    except (ValueError, EOFError) as error:
        raise InvalidInput(f"{what} is not a sound .npy file: {error}") from error
    if dtype.kind not in "fiub":
        raise InvalidInput(f"{what} holds {dtype}, not real numbers")
    check_size(shape, dtype.itemsize, what)
    need = math.prod(shape) * dtype.itemsize
    data = file.read(need)
    if len(data) != need:
        raise InvalidInput(f"{what} is cut short: shape {shape} needs {need} bytes, {len(data)} are there")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C")


def read_image(path: Path, size: tuple[int, int], resample: str = "bilinear") -> np.ndarray:
    """An image file -> [3, H, W] float32, RGB in [0, 1], resized to `size` = (H, W) without keeping its aspect."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ToolkitError("reading images needs Pillow: pip install Pillow") from error

    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    check_size((3, *size), 4, str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS, just below, is our limit
            image = Image.open(path, formats=IMAGE_FORMATS)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise InvalidInput(f"{path} has {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are read")
            if image.mode.startswith(("I", "F")):
                raise InvalidInput(f"{path} is of mode {image.mode}, more than 8 bits a channel: convert it to RGB")
            pixels: np.ndarray = np.asarray(
                image.convert("RGB").resize((size[1], size[0]), filters[resample]), np.float32
            )
    except UnidentifiedImageError as error:
        raise InvalidInput(f"{path} is not an image that can be read ({', '.join(IMAGE_FORMATS)})") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # SyntaxError: a broken PNG
        raise InvalidInput(f"{path} is a broken image: {error}") from error
    return np.ascontiguousarray((pixels / 255).transpose(2, 0, 1), np.float32)


def images_in(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and for a folder the images in it by name."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise InvalidInput(f"the folder {path} holds no image ({', '.join(IMAGE_SUFFIXES)})")
        found += inside
    return found


def prepared(image: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    """(image * scale - mean) / std, a number a channel; `swap` makes it BGR after that."""
    mean, std = (
        np.asarray(values or (default,), np.float64).reshape(-1, 1, 1)
        for values, default in ((wanted.mean, 0), (wanted.std, 1))
    )
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, len(image)):
            raise InvalidInput(f"the {name} has {len(values)} numbers; an image has {len(image)} channels")
    if not std.all():
        raise InvalidInput("a std is 0")
    made = (image * wanted.scale - mean) / std
    return np.ascontiguousarray(made[::-1] if wanted.swap else made, np.float32)
