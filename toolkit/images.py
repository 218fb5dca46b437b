"""Image files -> arrays, without trusting the file: few formats, sizes checked before memory is taken."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.limits import check_size

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 100_000_000
FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_image(path: Path, size: tuple[int, int], resample: str = "bilinear") -> np.ndarray:
    """An image file -> [3, H, W] float32, RGB in [0, 1], resized to `size` = (H, W) without keeping its aspect."""
    check_size((3, *size), 4, str(path))
    image = open_rgb(path, str(path))
    return as_floats(image.resize((size[1], size[0]), filter_named(resample)))


def open_rgb(source: Path | IO[bytes], what: str) -> Image:
    """An encoded image -> 8-bit RGB, decoded; `what` names it in errors. Its EXIF orientation is not applied."""
    library = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", library.DecompressionBombWarning)  # MAX_PIXELS, just below, is our limit
            image = library.open(source, formats=FORMATS)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise InvalidInput(f"{what} has {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are read")
            if image.mode.startswith(("I", "F")):
                raise InvalidInput(f"{what} is of mode {image.mode}, more than 8 bits a channel: convert it to RGB")
            image.load()  # before `convert`, which gives an RGB image back as a copy
            rgb: Image = image.convert("RGB")
            return rgb
    except library.UnidentifiedImageError as error:
        raise InvalidInput(f"{what} is not an image that can be read ({', '.join(FORMATS)})") from error
    except (OSError, SyntaxError, ValueError, library.DecompressionBombError) as error:  # SyntaxError: a broken PNG
        raise InvalidInput(f"{what} is a broken image: {error}") from error


def filter_named(name: str) -> int:
    """Pillow's resampling filter "bilinear" or "bicubic"."""
    return int(pillow().Resampling[name.upper()])


def as_floats(image: Image) -> np.ndarray:
    """An RGB image -> [3, H, W] float32 in [0, 1]."""
    return scaled(np.asarray(image))


def scaled(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> [3, H, W] float32 in [0, 1]."""
    return np.ascontiguousarray((pixels.astype(np.float32) / 255).transpose(2, 0, 1))


def prepared(image: np.ndarray, wanted: Preprocessing) -> np.ndarray:
    """(image * scale - mean) / std, a number a channel; `swap` makes it BGR after that."""
    wanted.check(len(image))
    made = wanted.normalised(image)
    return np.ascontiguousarray(made[::-1] if wanted.swap else made, np.float32)


def images_in(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and for a folder the images in it by name."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise InvalidInput(f"the folder {path} holds no image ({', '.join(SUFFIXES)})")
        found += inside
    return found


def pillow() -> Any:
    """Pillow's Image module, which is optional to install."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ToolkitError("reading images needs Pillow: pip install Pillow") from error
    return Image
