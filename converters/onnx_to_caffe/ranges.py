"""The ranges that a quantised model's activations had -> a table by blob, for a chip's own quantiser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from converters.errors import printable
from converters.mapping import ConversionMap
from converters.onnx_passes.quantised.grid import Grid

SUFFIX = ".ranges"


def write(ranges: Mapping[str, Grid], report: ConversionMap, prefix: Path) -> list[Path]:
    """Write PREFIX.ranges.json and PREFIX.ranges.txt, and return their paths."""
    blobs, rest = _by_blob(ranges, report)
    data, lines = (prefix.with_name(f"{prefix.name}{SUFFIX}.{kind}") for kind in ("json", "txt"))
    found = {"source_sha256": report.source_sha256, "blobs": blobs, "values_without_blob": rest}
    data.write_text(json.dumps(found, indent=1), encoding="utf-8")
    lines.write_text("\n".join(_text(blobs, report)) + "\n", encoding="utf-8")
    return [data, lines]


def _by_blob(ranges: Mapping[str, Grid], report: ConversionMap) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each blob, and the values that no blob holds: they went into weights, or were raw images."""
    raw = {name for name in report.inputs if report.preprocessing and len(report.input_shapes.get(name, ())) == 4}
    blobs: dict[str, dict[str, Any]] = {}
    rest = []
    for value, grid in ranges.items():
        blob = report.names.get(value)
        if blob is None or value in raw:
            rest.append(value)
        else:
            blobs.setdefault(blob, {"name": blob, "value": value, **grid.to_json()})
    return list(blobs.values()), rest


def _text(blobs: list[dict[str, Any]], report: ConversionMap) -> Iterator[str]:
    """The same in protobuf's text format, as Caffe's own files are."""
    yield f"# Ranges of the blobs, from the quantised model {printable(Path(report.source).name)}:"
    yield "# a number is scale * (q - zero_point), q an integer of the type."
    for row in blobs:
        yield "blob {"
        for key in ("name", "min", "max", "bits", "type", "scale", "zero_point"):
            yield f"  {key}: {json.dumps(row[key])}"
        yield "}"
