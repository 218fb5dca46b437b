"""An image -> the square that a network sees of it: resized by its short edge, then cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converters.errors import InvalidInput
from toolkit.images import MAX_PIXELS, filter_named

if TYPE_CHECKING:
    from PIL.Image import Image

CUT, EDGE = 224, 256  # the square and the short edge of the published recipe


def edge_for(size: int) -> int:
    """The short edge from which a square of `size` is cut, in the proportion of 256 to 224."""
    return round(size * EDGE / CUT)


def resized(image: Image, edge: int) -> Image:
    """The image with a short edge of `edge`, its proportions kept (bicubic); as it is where it has that already."""
    width, height = image.size
    short = min(width, height)
    if short == edge:
        return image
    size = (edge * width // short, edge * height // short)
    if size[0] * size[1] > MAX_PIXELS:
        raise InvalidInput(f"an image of {width}x{height} is {size[0]}x{size[1]} at a short edge of {edge}: too large")
    return image.resize(size, filter_named("bicubic"))


def centre(image: Image, size: int) -> np.ndarray:
    """The middle of the image, uint8 [size, size, 3]."""
    image = resized(image, edge_for(size))
    return _cut(image, (image.width - size) // 2, (image.height - size) // 2, size)


def random_view(image: Image, size: int, rng: np.random.Generator, flip: bool) -> np.ndarray:
    """A square from anywhere in the image, uint8 [size, size, 3]; with `flip`, in half of all cases mirrored."""
    image = resized(image, edge_for(size))
    left, top = (int(rng.integers(0, free + 1)) for free in (image.width - size, image.height - size))
    found = _cut(image, left, top, size)
    return found[:, ::-1] if flip and rng.integers(0, 2) else found


def _cut(image: Image, left: int, top: int, size: int) -> np.ndarray:
    return np.asarray(image.crop((left, top, left + size, top + size)))
