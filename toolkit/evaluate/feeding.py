"""A data set -> the arrays that a network is fed, a batch ahead of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from converters.errors import Remedy, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.data.sets import Images
from toolkit.data.views import centre
from toolkit.images import prepared, scaled

Shape = tuple[int | None, ...]
READERS = 2  # threads: decoding leaves Python's lock alone


@dataclass(frozen=True)
class Form:
    """What one network takes.

    Attributes:
        name: of its input.
        batch: how many images it takes at a time; where `fixed`, no fewer.
        size: of the square, in pixels.
        preprocessing: what is done to RGB in [0, 1] first.
    """

    name: str
    batch: int
    size: int
    fixed: bool
    preprocessing: Preprocessing


def form_of(inputs: dict[str, Shape], size: int | None, batch: int, preprocessing: Preprocessing, who: str) -> Form:
    """The form that a network declares; ToolkitError where it takes no square RGB image."""
    if len(inputs) != 1:
        raise ToolkitError(f"{who} has the inputs {', '.join(inputs) or '(none)'}; a classifier has one, the image")
    ((name, shape),) = inputs.items()
    if len(shape) != 4 or shape[1] not in (3, None) or shape[2] != shape[3]:
        raise ToolkitError(f"{who} takes {list(shape)}, not a square RGB image [N, 3, size, size]")
    side = shape[2] or size
    if side is None:
        raise ToolkitError(f"{who} takes images of any size", Remedy("say which", "size"))
    if size is not None and side != size:
        raise ToolkitError(f"{who} takes images of {side}x{side}, not {size}x{size}")
    return Form(name, shape[0] or batch, side, shape[0] is not None, preprocessing)


def view(images: Images, index: int, form: Form) -> tuple[np.ndarray, int]:
    """What a network is fed of one image, float32 [3, size, size], and its label."""
    found = images.read(index)
    return prepared(scaled(centre(found.image, form.size)), form.preprocessing), found.label


def batches(images: Images, form: Form) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches float32 [N, 3, size, size] and labels [n] in order; a fixed last batch is filled up, so that n < N."""
    with ThreadPoolExecutor(READERS) as pool:

        def read(first: int) -> Future[list[tuple[np.ndarray, int]]]:
            span = range(first, min(first + form.batch, len(images)))
            return pool.submit(lambda: [view(images, index, form) for index in span])

        starts = list(range(0, len(images), form.batch))
        waiting = [read(start) for start in starts[:READERS]]
        for place in range(len(starts)):
            pixels, labels = zip(*waiting.pop(0).result(), strict=True)
            if place + READERS < len(starts):
                waiting.append(read(starts[place + READERS]))
            missing = form.batch - len(pixels) if form.fixed else 0
            yield np.stack([*pixels, *[pixels[-1]] * missing]), np.asarray(labels)
