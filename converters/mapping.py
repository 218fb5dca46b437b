"""The map of a conversion (PREFIX.map.json): which Caffe blob holds which ONNX value, and how.

It is what makes files comparable layer by layer once the conversion is over: folded, fused, renamed and in-place
layers, channels in another order, preprocessing that moved into the network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from converters.errors import InvalidInput
from converters.preprocessing import Preprocessing

SUFFIX = ".map.json"
FILES = ("source", "prototxt", "caffemodel")
MAX_BYTES = 2**26
Shape = tuple[int, ...]


@dataclass(frozen=True)
class ConversionMap:
    """What a conversion did. Names of ONNX values are the keys, those of Caffe blobs the values.

    Attributes:
        source: the file that was converted, and its hash.
        preprocessing: what the Caffe network does itself to its image input.
        inputs: the blob of every input of the network; `input_shapes` are the blobs' shapes.
        outputs: the blob of every output; `output_shapes` are the blobs' shapes.
        views: the outputs to which Caffe gives other axes than ONNX (style train leaves a final Flatten out), with
            ONNX's shape.
        channel_orders: the values whose channels stand in another order in Caffe, since a shuffle was eliminated:
            place i holds ONNX's channel order[i].
        blobs: every value that can still be read when the network has run: not those that folding removed or that a
            layer overwrote in place.
        layers: how many layers there are of each type.
        parameters: how many numbers the weights have.
        pinned: the inputs whose batch is free in the model and 1 here, since no other was asked for.
        dropped: what a quantised model lost with its quantisation, in words.
    """

    source: str = ""
    source_sha256: str = ""
    dialect: str = ""
    style: str = ""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    prototxt: str = ""
    caffemodel: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    input_shapes: Mapping[str, Shape] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    output_shapes: Mapping[str, Shape] = field(default_factory=dict)
    views: Mapping[str, Shape] = field(default_factory=dict)
    channel_orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, int] = field(default_factory=dict)
    parameters: int = 0
    pinned: tuple[str, ...] = ()
    dropped: str = ""

    @property
    def names(self) -> dict[str, str]:
        """The blob of every ONNX value, inputs and outputs included."""
        return {**self.blobs, **self.inputs, **self.outputs}

    def to_json(self) -> dict[str, Any]:
        """The map as plain data."""
        return asdict(self)


def write(known: ConversionMap, path: Path, home: Path) -> None:
    """Write the map as JSON. Its files are named as seen from `home`, the folder that it will stand in."""
    near = {key: _seen_from(home, getattr(known, key)) for key in FILES}
    path.write_text(json.dumps({**known.to_json(), **near}, indent=1), encoding="utf-8")


def _seen_from(home: Path, file: str) -> str:
    """The way from a folder to a file, or the file's name where only the root is common: it tells of other folders."""
    folder, path = os.path.realpath(home), os.path.realpath(file)
    try:
        common = os.path.commonpath([folder, path])
        return os.path.basename(path) if common == os.path.dirname(common) else os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return os.path.basename(path)


def beside(prototxt: Path) -> ConversionMap | None:
    """The map that the converter wrote beside a prototxt, or None."""
    path = prototxt.with_name(prototxt.name.removesuffix(".prototxt") + SUFFIX)
    return read(path) if path.is_file() else None


def read(path: Path) -> ConversionMap:
    """Read a map, its files as seen from here; InvalidInput where the file is none, or larger than MAX_BYTES."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path} has {path.stat().st_size:,} bytes: too large for a conversion's map")
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a conversion's map: it is not JSON ({error})") from error
    try:
        return _parse(found, path.parent)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is not a conversion's map: {type(error).__name__} {error}") from error


def _parse(found: Mapping[str, Any], home: Path) -> ConversionMap:
    raw = found["preprocessing"]
    texts: dict[str, Any] = {key: str(found[key]) for key in ("source_sha256", "dialect", "style")}
    texts |= {key: str(home / str(found[key])) for key in FILES}
    names = {key: _texts(found[key]) for key in ("inputs", "outputs", "blobs")}
    shapes = {key: _sizes(found[key]) for key in ("input_shapes", "output_shapes", "views")}
    return ConversionMap(
        **{**texts, **names, **shapes},
        preprocessing=Preprocessing(
            float(raw["scale"]), tuple(map(float, raw["mean"])), tuple(map(float, raw["std"])), bool(raw["swap"])
        ),
        channel_orders={name: _permutation(order) for name, order in _sizes(found["channel_orders"]).items()},
        layers={str(kind): int(count) for kind, count in found["layers"].items()},
        parameters=int(found["parameters"]),
        pinned=tuple(map(str, found.get("pinned", ()))),
        dropped=str(found.get("dropped", "")),
    )


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in found.items()}


def _sizes(found: Mapping[str, Any]) -> dict[str, Shape]:
    return {str(key): tuple(map(int, value)) for key, value in found.items()}


def _permutation(order: Shape) -> Shape:
    if sorted(order) != list(range(len(order))):
        raise ValueError("a channel order is not a permutation")
    return order
