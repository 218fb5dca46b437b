"""The map of a conversion (PREFIX.map.json) -> which Caffe blob holds which ONNX value, and how.

It is what makes files comparable layer by layer once the conversion is over: folded, fused, renamed and in-place
layers, channels in another order, preprocessing that moved into the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.caffe.passes.preprocess import Preprocessing
from converters.errors import InvalidInput
from converters.onnx_to_caffe import Report as Conversion

SUFFIX = ".map.json"
MAX_BYTES = 2**26
Shape = tuple[int, ...]


@dataclass(frozen=True)
class ConversionMap:
    """See `converters.onnx_to_caffe.Report` for the fields; `record` is the whole report, for people."""

    source: str = ""
    source_sha256: str = ""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    inputs: Mapping[str, str] = field(default_factory=dict)
    input_shapes: Mapping[str, Shape] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, Shape] = field(default_factory=dict)
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """The blob of every ONNX value, inputs and outputs included."""
        return {**self.blobs, **self.inputs, **self.outputs}


def of(report: Conversion) -> ConversionMap:
    """The map of a conversion at hand."""
    return _parse(json.loads(json.dumps(report.to_json())))


def beside(prototxt: Path) -> ConversionMap | None:
    """The map that the converter wrote beside a prototxt, or None."""
    path = prototxt.with_name(prototxt.name.removesuffix(".prototxt") + SUFFIX)
    return read(path) if path.is_file() else None


def read(path: Path) -> ConversionMap:
    """Read a map; InvalidInput where the file is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path} has {path.stat().st_size:,} bytes: too large for a conversion's map")
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a conversion's map: it holds no JSON ({error})") from error
    try:
        return _parse(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is not a conversion's map: {type(error).__name__} {error}") from error


def _parse(found: Mapping[str, Any]) -> ConversionMap:
    raw = found["preprocessing"]
    return ConversionMap(
        source=str(found["source"]),
        source_sha256=str(found["source_sha256"]),
        preprocessing=Preprocessing(
            float(raw["scale"]), tuple(map(float, raw["mean"])), tuple(map(float, raw["std"])), bool(raw["swap"])
        ),
        inputs=_texts(found["inputs"]),
        input_shapes=_sizes(found["input_shapes"]),
        outputs=_texts(found["outputs"]),
        views=_sizes(found["views"]),
        orders={name: _permutation(order) for name, order in _sizes(found["channel_orders"]).items()},
        blobs=_texts(found["blobs"]),
        record=found,
    )


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in found.items()}


def _sizes(found: Mapping[str, Any]) -> dict[str, Shape]:
    return {str(key): tuple(map(int, value)) for key, value in found.items()}


def _permutation(order: Shape) -> Shape:
    if sorted(order) != list(range(len(order))):
        raise ValueError("a channel order is no permutation")
    return order
