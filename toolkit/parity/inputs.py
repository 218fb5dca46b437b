"""Names and shapes of a model's inputs -> the arrays that every engine is fed: the same for the same seed, always.

Sample 0 is what the caller gave, or random. There are never fewer than two samples, as one alone can't tell whether
the output depends on the input at all.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from toolkit.parity.files import check_bytes, check_size, read_arrays, read_image

Shapes = Mapping[str, tuple[int | None, ...]]
Feeds = dict[str, np.ndarray]
RANGE = (0.0, 1.0)  # what an image network is fed
RELATIVE_STEP = 1e-6
MOST_BYTES = 2**32  # all samples together: they are kept until the last engine has run


@dataclass(frozen=True)
class Inputs:
    """What to feed. `arrays` and `images` give samples by number; an input or a sample without one is random.

    An .npz file may serve several inputs: its array of the input's name is taken. Images feed `image_input`, or the
    only input that has four dimensions and three channels.
    """

    seed: int = 0
    samples: int = 2
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    arrays: Mapping[str, tuple[Path | np.ndarray, ...]] = field(default_factory=dict)
    images: tuple[Path, ...] = ()
    image_input: str = ""
    resample: str = "bilinear"


def make(spec: Inputs, declared: Shapes) -> tuple[Feeds, ...]:
    """The samples to feed to a model that declares these input shapes (None: dynamic)."""
    if not declared:
        raise InvalidInput("the model has no inputs, so its output can't depend on any")
    _check_names(spec, declared)
    given = {name: tuple(_load(array, name) for array in spec.arrays.get(name, ())) for name in declared}
    shapes = {name: _pin(name, shape, spec, given[name]) for name, shape in declared.items()}
    if spec.images:
        name = _image_input(spec, shapes)
        given[name] = tuple(_load_image(path, shapes[name], spec.resample) for path in spec.images)
    for name, arrays in given.items():
        for array in arrays:
            _check_fits(name, array, shapes[name])
    count = max(2, spec.samples, *map(len, given.values()))
    check_bytes(count * sum(map(math.prod, shapes.values())) * 4, MOST_BYTES, f"feeding {count} samples")
    return tuple(
        {name: _sample(spec, name, shape, given[name], index) for name, shape in shapes.items()}
        for index in range(count)
    )


def nudged(feeds: Feeds, seed: int = 0) -> Feeds:
    """Every value moved by one millionth of itself, up or down at random: a few float32 steps."""
    moved = {}
    for name, array in feeds.items():
        signs = _generator(seed, 0, f"nudge {name}").integers(0, 2, array.shape, np.int8) * 2 - 1
        moved[name] = (array * (1 + RELATIVE_STEP * signs)).astype(array.dtype)
    return moved


def _check_names(spec: Inputs, declared: Shapes) -> None:
    for what, names in (("shape", spec.shapes), ("range", spec.ranges), ("file", spec.arrays)):
        for name in names:
            if name not in declared:
                raise ToolkitError(f"a {what} is given for input '{name}'; the model's inputs are {_quoted(declared)}")
    for name, (low, high) in spec.ranges.items():
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ToolkitError(f"the range of input '{name}' is {low:g} to {high:g}; it needs finite low < high")


def _pin(name: str, declared: tuple[int | None, ...], spec: Inputs, given: tuple[np.ndarray, ...]) -> tuple[int, ...]:
    """The shape to feed: as asked for, else as the given array has it, else as declared with a batch of 1."""
    asked = spec.shapes.get(name) or (given[0].shape if given else None)
    shape = asked or tuple(1 if axis == 0 and size is None else size for axis, size in enumerate(declared))
    if None in shape:
        raise ToolkitError(f"input '{name}' has shape {_shown(declared)}: give the ? by --input-shape {name}:1,...")
    if len(shape) != len(declared) or any(want not in (size, None) for size, want in zip(shape, declared, strict=True)):
        raise ToolkitError(f"input '{name}': shape {_shown(shape)} does not fit the model's {_shown(declared)}")
    if any(size < 1 for size in shape):
        raise ToolkitError(f"input '{name}': shape {_shown(shape)} holds no number")
    check_size(shape, 4, f"input '{name}'")
    return shape


def _load(array: Path | np.ndarray, name: str) -> np.ndarray:
    """A file or array -> finite float32, the one type that Caffe computes in."""
    what = f"input '{name}'"
    if isinstance(array, Path):
        what, arrays = f"{array} for input '{name}'", read_arrays(array)
        if name not in arrays and len(arrays) != 1:
            raise InvalidInput(f"{array} holds no array '{name}' but {_quoted(arrays)}")
        array = arrays[name] if name in arrays else next(iter(arrays.values()))
    if array.dtype.kind not in "fiub":
        raise InvalidInput(f"{what} holds {array.dtype}, not real numbers")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise InvalidInput(f"{what} holds NaN or infinity (as float32): no comparison can be made with it")
    return array


def _image_input(spec: Inputs, shapes: Mapping[str, tuple[int, ...]]) -> str:
    fit = [name for name, shape in shapes.items() if len(shape) == 4 and shape[1] == 3]
    name = spec.image_input or (fit[0] if len(fit) == 1 else "")
    if name not in fit:
        raise ToolkitError(f"an image needs one input of shape (N, 3, H, W); this model has {dict(shapes)}")
    if name in spec.arrays:
        raise ToolkitError(f"input '{name}' is given an image and a file of numbers: which is it?")
    return name


def _load_image(path: Path, shape: tuple[int, ...], resample: str) -> np.ndarray:
    """The image in every place of the batch."""
    return np.repeat(read_image(path, (shape[2], shape[3]), resample)[np.newaxis], shape[0], axis=0)


def _check_fits(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ToolkitError(f"input '{name}': the given array has shape {_shown(array.shape)}, not {_shown(shape)}")


def _sample(spec: Inputs, name: str, shape: tuple[int, ...], given: tuple[np.ndarray, ...], index: int) -> np.ndarray:
    """Given as it is; random where nothing is given; else made from the first one given.

    A photograph's second sample is its mirror image under a quarter of noise: another input, and still one on which
    the network sees something. Plain noise is what detectors answer with rounding errors.
    """
    if index < len(given):
        return given[index]
    low, high = spec.ranges.get(name) or _span(given)
    noise = (low + (high - low) * _generator(spec.seed, index, name).random(shape, np.float32)).astype(np.float32)
    return (0.75 * np.flip(given[0], axis=-1) + 0.25 * noise).astype(np.float32) if given else noise


def _span(given: tuple[np.ndarray, ...]) -> tuple[float, float]:
    """The range of the values at hand with 0 in it, so that a constant array is not its own second sample."""
    if not given or not given[0].any():
        return RANGE
    return min(0.0, float(given[0].min())), max(0.0, float(given[0].max()))


def _generator(seed: int, index: int, name: str) -> np.random.Generator:
    """One stream for each input and sample, so that adding an input or a sample leaves the others as they were."""
    return np.random.default_rng([seed, index, zlib.crc32(name.encode())])


def _quoted(names: Mapping[str, object]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"


def _shown(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"
