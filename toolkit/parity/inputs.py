"""Names and shapes of a model's inputs -> the arrays that every engine is fed: the same for the same seed, always.

What the caller gave comes first, then random numbers. There are never fewer than two samples of one shape, as one alone
can't tell whether the output depends on the input at all.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from converters.errors import InvalidInput, Remedy, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.images import images_in, prepared, read_image
from toolkit.limits import check_bytes, check_size
from toolkit.parity.files import read_arrays

Shapes = Mapping[str, tuple[int | None, ...]]
Feeds = dict[str, np.ndarray]
Range = tuple[float, float]
RANGE = (0.0, 1.0)  # what an image network is fed
WHOLE = (0.0, 9.0)  # and one that takes integers: indices that even a small table has
RELATIVE_STEP = 1e-6
ABSOLUTE_STEP = 1e-7  # of the largest value: how a sum over values of all sizes rounds
MOST_BYTES = 2**32  # all samples together: they are kept until the last engine has run


@dataclass(frozen=True)
class Inputs:
    """What to feed. `arrays` and `images` give samples by number; an input or a sample without one is random.

    `samples` random ones are made for every seed and every range: two where there is one of each, else one. With
    `batches` all of that is made for each batch size. An .npz file may serve several inputs: its array of the input's
    name is taken, and a file under the name "" serves all. Images, or folders of them, feed `image_input`, or the only
    input that has four dimensions and three channels, as `preprocessing` makes them from RGB in [0, 1].
    """

    seeds: tuple[int, ...] = (0,)
    samples: int = 0
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)
    arrays: Mapping[str, tuple[Path | np.ndarray, ...]] = field(default_factory=dict)
    images: tuple[Path, ...] = ()
    image_input: str = ""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    resample: str = "bilinear"
    batches: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Draw:
    """One random sample: its seed, which of an input's ranges, its number, and the place of the given arrays."""

    seed: int
    span: int
    index: int
    given: bool


def make(spec: Inputs, declared: Shapes, kinds: Mapping[str, str] | None = None) -> tuple[Feeds, ...]:
    """The samples for a model that declares these input shapes (None: dynamic). `kinds`: types other than float32."""
    if not declared:
        raise InvalidInput("the model has no inputs, so its output can't depend on any")
    kinds = kinds or {}
    spec = _for_all(spec, declared)
    _check_names(spec, declared)
    given = {name: tuple(_load(a, name, kinds) for a in spec.arrays.get(name, ())) for name in declared}
    shapes = {name: _pin(name, shape, spec, given[name]) for name, shape in declared.items()}
    if spec.images:
        name = _image_input(spec, shapes)
        given[name] = tuple(_load_image(path, shapes[name], spec) for path in images_in(spec.images))
    for name, arrays in given.items():
        for array in arrays:
            _check_fits(name, array, shapes[name])
    draws = tuple(_draws(spec, max(map(len, given.values()))))
    sizes = [_with_batch(shapes, declared, batch) for batch in spec.batches] or [shapes]
    total = sum(math.prod(shape) for sized in sizes for shape in sized.values())
    check_bytes(len(draws) * total * 4, MOST_BYTES, f"feeding {len(draws) * len(sizes)} samples")
    return tuple(
        {name: _sample(spec, name, shape, _batched(given[name], shape), draw, kinds) for name, shape in sized.items()}
        for sized in sizes
        for draw in draws
    )


def nudged(feeds: Feeds, seed: int = 0) -> Feeds:
    """Every value moved by one millionth of itself, up or down at random: a few float32 steps. Integers stay.

    A tenth of that of the largest value comes on top, so that zeros move too: what divides by the spread of a constant
    image is nowhere as touchy. Of an input of zeros alone the largest value counts as 1, as in an image.
    """
    moved = {}
    for name, array in feeds.items():
        signs = _generator(seed, 0, f"nudge {name}").integers(0, 2, array.shape, np.int8) * 2 - 1
        if array.dtype.kind == "f":
            largest = float(np.abs(array).max(initial=0)) or 1.0
            step = RELATIVE_STEP * np.abs(array) + ABSOLUTE_STEP * largest
            moved[name] = (array + signs * step).astype(array.dtype)
        else:
            moved[name] = array
    return moved


def _for_all(spec: Inputs, declared: Shapes) -> Inputs:
    """Files without an input's name are for every input."""
    common = spec.arrays.get("", ())
    if not common:
        return spec
    own = {name: arrays for name, arrays in spec.arrays.items() if name}
    return replace(spec, arrays={**own, **{name: (*own.get(name, ()), *common) for name in declared}})


def _draws(spec: Inputs, given: int) -> Iterator[_Draw]:
    """Each seed with each range; the given samples stand in place of the first block's random ones."""
    spans = max([1, *map(len, spec.ranges.values())])
    alone = len(spec.seeds) * spans == 1
    count = max(spec.samples, 2 if alone else 1)
    first = True
    for seed in spec.seeds:
        for span in range(spans):
            for index in range(max(count, given) if first else count):
                yield _Draw(seed, span, index, first)
            first = False


def _check_names(spec: Inputs, declared: Shapes) -> None:
    for what, names in (("shape", spec.shapes), ("range", spec.ranges), ("file", spec.arrays)):
        for name in names:
            if name not in declared:
                raise ToolkitError(f"a {what} is given for input '{name}'; the model's inputs are {_quoted(declared)}")
    for name, ranges in spec.ranges.items():
        for low, high in ranges:
            if not (np.isfinite(low) and np.isfinite(high) and low < high):
                raise ToolkitError(f"the range of input '{name}' is {low:g} to {high:g}; it needs finite low < high")
    if not spec.seeds or min(spec.batches, default=1) < 1:
        raise ToolkitError("there must be a seed, and a batch holds at least 1")


def _pin(name: str, declared: tuple[int | None, ...], spec: Inputs, given: tuple[np.ndarray, ...]) -> tuple[int, ...]:
    """The shape to feed: as asked for, else as the given array has it, else as declared with a batch of 1."""
    asked = spec.shapes.get(name) or (given[0].shape if given else None)
    shape = asked or tuple(1 if axis == 0 and size is None else size for axis, size in enumerate(declared))
    if None in shape:
        raise ToolkitError(
            f"input '{name}' has shape {_shown(declared)}",
            Remedy("say what its ? are", "input_shapes", f"{name}:1,..."),
        )
    if len(shape) != len(declared) or any(want not in (size, None) for size, want in zip(shape, declared, strict=True)):
        raise ToolkitError(f"input '{name}': shape {_shown(shape)} does not fit the model's {_shown(declared)}")
    if any(size < 1 for size in shape):
        raise ToolkitError(f"input '{name}': shape {_shown(shape)} holds no number")
    check_size(shape, 4, f"input '{name}'")
    return shape


def _with_batch(shapes: Mapping[str, tuple[int, ...]], declared: Shapes, batch: int) -> dict[str, tuple[int, ...]]:
    fixed = [name for name, shape in declared.items() if not shape or shape[0] not in (None, batch)]
    if fixed:
        raise ToolkitError(f"input '{fixed[0]}' has shape {_shown(declared[fixed[0]])}: its batch can't be {batch}")
    return {name: (batch, *shape[1:]) for name, shape in shapes.items()}


def _batched(given: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """The given arrays in batches of this size: the rows of all in turn, from the first again after the last."""
    if not given or given[0].shape == shape:
        return given
    rows = np.concatenate(given)
    starts = range(0, max(len(rows), 1), shape[0])
    return tuple(rows[np.arange(start, start + shape[0]) % len(rows)] for start in starts)


def _load(array: Path | np.ndarray, name: str, kinds: Mapping[str, str]) -> np.ndarray:
    """A file or array -> finite float32, the one type that Caffe computes in, or what else the input takes."""
    what = f"input '{name}'"
    if isinstance(array, Path):
        what, arrays = f"{array} for input '{name}'", read_arrays(array)
        if name not in arrays and len(arrays) != 1:
            raise InvalidInput(f"{array} has no array '{name}'; it has {_quoted(arrays)}")
        array = arrays[name] if name in arrays else next(iter(arrays.values()))
    if array.dtype.kind not in "fiub":
        raise InvalidInput(f"{what} holds {array.dtype}, not real numbers")
    kind = np.dtype(kinds.get(name, "float32"))
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(kind)
    if not np.isfinite(made).all():
        raise InvalidInput(f"{what} holds NaN or infinity (as {kind}): no comparison can be made with it")
    if kind.kind != "f" and not np.array_equal(made, array):
        raise InvalidInput(f"{what} holds numbers that are not {kind}, which the model takes")
    return made


def _image_input(spec: Inputs, shapes: Mapping[str, tuple[int, ...]]) -> str:
    fit = [name for name, shape in shapes.items() if len(shape) == 4 and shape[1] == 3]
    name = spec.image_input or (fit[0] if len(fit) == 1 else "")
    if name not in fit:
        raise ToolkitError(f"an image needs one input of shape (N, 3, H, W); this model has {dict(shapes)}")
    if name in spec.arrays:
        raise ToolkitError(f"input '{name}' is given an image and a file of numbers: which is it?")
    return name


def _load_image(path: Path, shape: tuple[int, ...], spec: Inputs) -> np.ndarray:
    """The image in every place of the batch."""
    image = prepared(read_image(path, (shape[2], shape[3]), spec.resample), spec.preprocessing)
    return np.repeat(image[np.newaxis], shape[0], axis=0)


def _check_fits(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ToolkitError(f"input '{name}': the given array has shape {_shown(array.shape)}, not {_shown(shape)}")


def _sample(
    spec: Inputs,
    name: str,
    shape: tuple[int, ...],
    given: tuple[np.ndarray, ...],
    draw: _Draw,
    kinds: Mapping[str, str],
) -> np.ndarray:
    """Given as it is; random where nothing is given; else made from the first one given.

    A photograph's second sample is its mirror image under a quarter of noise: another input, and still one on which
    the network sees something. Plain noise is what detectors answer with rounding errors.
    """
    if draw.given and draw.index < len(given):
        return given[draw.index]
    kind = np.dtype(kinds.get(name, "float32"))
    own = spec.ranges.get(name)
    low, high = own[draw.span % len(own)] if own else _span(given, kind)
    generator = _generator(draw.seed, draw.index, name)
    if kind.kind != "f":
        return _whole(generator, low, high, shape, kind)
    noise = (low + (high - low) * generator.random(shape, np.float32)).astype(kind)
    return (0.75 * np.flip(given[0], axis=-1) + 0.25 * noise).astype(kind) if given else noise


def _whole(
    generator: np.random.Generator, low: float, high: float, shape: tuple[int, ...], kind: np.dtype
) -> np.ndarray:
    """Integers from low to high, both included; truth values are 0 and 1."""
    if kind.kind == "b":
        low, high = 0, 1
    return generator.integers(math.ceil(low), math.floor(high), shape, endpoint=True).astype(kind)


def _span(given: tuple[np.ndarray, ...], kind: np.dtype) -> Range:
    """The range of the values at hand with 0 in it, so that a constant array is not its own second sample."""
    if not given or not given[0].any():
        return RANGE if kind.kind == "f" else WHOLE
    return min(0.0, float(given[0].min())), max(0.0, float(given[0].max()))


def _generator(seed: int, index: int, name: str) -> np.random.Generator:
    """One stream for each input and sample, so that adding an input or a sample leaves the others as they were."""
    return np.random.default_rng([seed, index, zlib.crc32(name.encode())])


def _quoted(names: Mapping[str, object]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"


def _shown(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"
