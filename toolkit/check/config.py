"""parity.toml -> what to check, every key checked before anything runs.

    dialects = ["portable", "bvlc"]     # keys outside of [[models]] hold for every model that does not say otherwise

    [[models]]
    model = "shufflenet_v2_x0.5"        # what `toolkit export-onnx` takes, or an .onnx file beside this one
    weights = "net.pth"
    tolerances = { output = 1e-3 }
    inputs = { images = ["photos"], mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }

Where models need no keys of their own, `models = ["shufflenet_v2_x0.25", "net.onnx"]` will do.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import converters.dialects as dialects
from converters.errors import ToolkitError
from converters.onnx_to_caffe.pipeline import PIPELINES
from converters.preprocessing import Preprocessing
from toolkit.parity.compare import TOLERANCE
from toolkit.runners.base import RUNTIMES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Shape = tuple[int, ...]
Range = tuple[float, float]
MAX_BYTES = 2**22


@dataclass(frozen=True)
class Model:
    """One of [[models]], with what the file says for all. An empty `runtimes` means every engine of the dialect."""

    model: str
    name: str = ""
    weights: Path | None = None
    num_classes: int | None = None
    image_size: int | None = None
    keep_bn: bool = True
    dialects: tuple[str, ...] = ("portable",)
    styles: tuple[str, ...] = ("deploy",)
    runtimes: tuple[str, ...] = ()
    keep_shuffle: bool = False
    drop_quantisation: bool = False
    outputs: tuple[str, ...] = ()
    input_shapes: Mapping[str, Shape] = field(default_factory=dict)
    tolerance: float = TOLERANCE
    tolerances: Mapping[str, float] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    float64: bool = False
    seeds: tuple[int, ...] = (0,)
    samples: int = 0
    ranges: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    scale: float = 1.0
    swap_rgb: bool = False
    batch: tuple[int, ...] = ()

    @property
    def is_onnx(self) -> bool:
        """Whether the model is a file, and not one of PyTorch to export first."""
        return self.model.endswith(".onnx")

    @property
    def image_preprocessing(self) -> Preprocessing:
        """How `images` are fed."""
        return Preprocessing(self.scale, self.mean, self.std, self.swap_rgb)


class _Wrong(ValueError):
    """What is wrong with a value, to be told after its key."""


def load(path: Path) -> tuple[Model, ...]:
    """Read the file; a ToolkitError names the key that is wrong."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ToolkitError(f"{path} has {path.stat().st_size:,} bytes: too large for a list of checks")
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ToolkitError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolkitError(f"{path} is not a TOML file: {error}") from error
    entries = found.pop("models", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict | str) for entry in entries):
        raise ToolkitError(f"{path}: models: there must be a list of names, or [[models]] for each model to check")
    common = _values(path, "", found, READERS.keys() - INPUTS - {"model", "name"})
    models = tuple(_model(path, number, entry, common) for number, entry in enumerate(entries, 1))
    names = [one.name for one in models]
    for name in names:
        if names.count(name) > 1:
            raise ToolkitError(f"{path}: models: two are called '{name}': give them names")
    return models


def _model(path: Path, number: int, given: Mapping[str, Any] | str, common: Mapping[str, Any]) -> Model:
    where, entry = f"models[{number}].", {"model": given} if isinstance(given, str) else given
    values = {**common, **_values(path, where, entry, READERS.keys() - INPUTS)}
    if "model" not in values:
        raise ToolkitError(f"{path}: {where}model: is missing; it says what to check")
    found = Model(**values)
    if found.is_onnx and not (path.parent / found.model).is_file():
        raise ToolkitError(f"{path}: {where}model: there is no file '{path.parent / found.model}'")
    if found.is_onnx:
        for key in ("weights", "num_classes", "image_size"):
            if key in entry:
                raise ToolkitError(f"{path}: {where}{key}: means nothing for an ONNX file")
        values["model"] = str(path.parent / found.model)
    values["name"] = found.name or Path(found.model).name
    return Model(**values)


def _values(path: Path, where: str, table: Mapping[str, Any], known: Set[str]) -> dict[str, Any]:
    """The values by the names of Model's fields, those of `inputs` among the rest."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "inputs" and known is not INPUTS:
            if not isinstance(value, dict):
                raise ToolkitError(f"{path}: {where}inputs: must be a table, {{ images = [...] }} say, not {value!r}")
            values |= _values(path, f"{where}inputs.", value, INPUTS)
            continue
        if key not in known:
            keys = sorted(known if known is INPUTS else {*known, "inputs"})
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(keys)}"
            raise ToolkitError(f"{path}: {where}{key}: is not a known key{hint}")
        try:
            values[key] = READERS[key](value, path.parent)
        except _Wrong as error:
            raise ToolkitError(f"{path}: {where}{key}: {error}") from error
    return values


Reader = Callable[[Any, Path], Any]


def _is(kind: type | tuple[type, ...], what: str, accept: Callable[[Any], bool] = lambda value: True) -> Reader:
    """A reader of one value. A bool is no number, although Python says that it is one."""

    def read(value: Any, folder: Path) -> Any:
        wanted = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted) or not accept(value):
            raise _Wrong(f"must be {what}, not {value!r}")
        return value

    return read


def _many(one: Reader, length: int = 0) -> Reader:
    def read(value: Any, folder: Path) -> Any:
        if not isinstance(value, list) or (length and len(value) != length) or not value:
            raise _Wrong(f"must be a list{f' of {length}' if length else ''}, not {value!r}")
        return tuple(one(item, folder) for item in value)

    return read


def _table(one: Reader) -> Reader:
    def read(value: Any, folder: Path) -> Any:
        if not isinstance(value, dict):
            raise _Wrong(f"must be a table such as {{ name = ... }}, not {value!r}")
        return {key: one(item, folder) for key, item in value.items()}

    return read


def _file(value: Any, folder: Path) -> Path:
    path = folder / str(TEXT(value, folder))
    if not path.exists():
        raise _Wrong(f"there is no file '{path}'")
    return path


def _dialect(value: Any, folder: Path) -> str:
    """A known name, or a file of the user's beside this one."""
    name = str(TEXT(value, folder))
    name = str(folder / name) if name.endswith(".toml") else name
    try:
        dialects.find(name)
    except ToolkitError as error:
        raise _Wrong(str(error)) from error
    return name


def _one_of(known: Callable[[], Any], what: str) -> Reader:
    def read(value: Any, folder: Path) -> str:
        name = str(TEXT(value, folder))
        if name not in known():
            raise _Wrong(f"'{name}' is not a known {what}; known: {', '.join(known())}")
        return name

    return read


def _range(value: Any, folder: Path) -> Range:
    low, high = _many(NUMBER, 2)(value, folder)
    if not low < high:
        raise _Wrong(f"must be [low, high] with low < high, not {value!r}")
    return float(low), float(high)


TEXT = _is(str, "a text", bool)
FLAG = _is(bool, "true or false")
COUNT = _is(int, "a positive integer", lambda value: value > 0)
SEED = _is(int, "an integer from 0 on", lambda value: value >= 0)
NUMBER = _is((int, float), "a finite number", lambda value: abs(value) < float("inf"))
ALLOWED = _is((int, float), "a tolerance, at least 0 and below 1", lambda value: 0 <= value < 1)

READERS: dict[str, Reader] = {
    "model": TEXT,
    "name": TEXT,
    "weights": _file,
    "num_classes": COUNT,
    "image_size": COUNT,
    "keep_bn": FLAG,
    "dialects": _many(_dialect),
    "styles": _many(_one_of(lambda: tuple(PIPELINES), "style")),
    "runtimes": _many(_one_of(lambda: RUNTIMES, "runtime")),
    "keep_shuffle": FLAG,
    "drop_quantisation": FLAG,
    "outputs": _many(TEXT),
    "input_shapes": _table(_many(COUNT)),
    "tolerance": ALLOWED,
    "tolerances": _table(ALLOWED),
    "constants": _many(TEXT),
    "float64": FLAG,
    "seeds": _many(SEED),
    "samples": _is(int, "an integer from 2 on", lambda value: value > 1),
    "ranges": _table(_many(_range)),
    "files": _many(_file),
    "images": _many(_file),
    "mean": _many(NUMBER),
    "std": _many(NUMBER),
    "scale": NUMBER,
    "swap_rgb": FLAG,
    "batch": _many(COUNT),
}
assert READERS.keys() == {one.name for one in fields(Model)}
# The keys of the table `inputs`.
INPUTS = frozenset({"seeds", "samples", "ranges", "files", "images", "mean", "std", "scale", "swap_rgb", "batch"})
