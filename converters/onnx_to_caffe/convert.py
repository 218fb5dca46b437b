"""An ONNX file -> a prototxt and a caffemodel: the journey in order, with the check of each stage."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import converters.dialects as dialects
from converters import mapping
from converters.caffe import binary, text
from converters.caffe.net import Net, Shape
from converters.caffe.passes.eliminate_shuffles import eliminate_shuffles
from converters.caffe.passes.fold import fold
from converters.caffe.passes.in_place import in_place
from converters.caffe.passes.merge_duplicates import merge_duplicates
from converters.caffe.passes.merge_views import merge_views
from converters.caffe.passes.preprocess import preprocess
from converters.caffe.passes.simplify import simplify
from converters.caffe.passes.tiled_mean import tiled_mean
from converters.caffe.passes.train import for_training
from converters.caffe.shapes import prove
from converters.errors import ConversionError, Problem, ToolkitError
from converters.mapping import ConversionMap
from converters.onnx.graphs import problem, static_shape
from converters.onnx_passes import Source, canonicalise, load
from converters.onnx_to_caffe.lower import Lowered, lower
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.preprocessing import Preprocessing

STYLES = ("deploy", "train")


@dataclass(frozen=True)
class Converted:
    """A network in its dialect, not written yet."""

    net: Net
    lowered: Lowered
    holds: Mapping[str, str]
    orders: Mapping[str, tuple[int, ...]]
    shapes: Mapping[str, Shape]
    model_inputs: tuple[str, ...]
    model_outputs: Mapping[str, Shape]


def convert(
    source: Source,
    *,
    dialect: str = "portable",
    style: str = "deploy",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_shuffle: bool = False,
    preprocessing: Preprocessing | None = None,
) -> Converted:
    """Convert a loaded model to a Net; raises ConversionError with every blocker."""
    if style not in STYLES:
        raise ToolkitError(f"unknown style '{style}'; known: {', '.join(STYLES)}")
    target = dialects.find(dialect)
    model = canonicalise(source, input_shapes, outputs, frozenset(LOWERINGS))
    lowered = lower(model)
    net, orders = lowered.net, dict[str, tuple[int, ...]]()
    if preprocessing:
        net = preprocess(net, preprocessing)
    if style == "deploy":
        net = simplify(net)
        net, orders = (net, orders) if keep_shuffle else eliminate_shuffles(net)
    known = _tops(lowered.net) & _tops(net)  # a rewrite may give the name of a value that is gone to a blob of its own
    legal = dialects.legalise(net, target)
    problems = [*lowered.problems, *(_at_node(lowered, *found) for found in legal.problems)]
    if problems:
        raise ConversionError(problems)
    net = _tidied(legal.net, target, lowered.shapes) if style == "deploy" else legal.net
    kept = known & _tops(net)
    shapes = prove(net, {name: shape for name, shape in lowered.shapes.items() if name in kept})
    net, holds = in_place(net) if style == "deploy" else for_training(net)
    holds = {blob: place for blob, place in holds.items() if blob in kept}
    inputs = tuple(value.name or "" for value in model.graph.inputs)
    wanted = {value.name or "": static_shape(value) or () for value in model.graph.outputs}
    return Converted(net, lowered, holds, orders, prove(net, {}) if style == "train" else shapes, inputs, wanted)


def _tops(net: Net) -> set[str]:
    return {top for item in net.layers for top in item.tops}


def _tidied(net: Net, dialect: dialects.Dialect, public: Collection[str]) -> Net:
    """The net without what only the rewrites brought in: views of views, affine layers in a row, layers that are alike.

    Layers that these kept apart may meet now, and an engine may fuse them: so each is looked at once more.
    """
    tidy = fold(merge_duplicates(merge_views(net)), public)
    for better in (tiled_mean(tidy), tidy):
        again = dialects.legalise(better, dialect)
        if not again.problems:
            return again.net
    return net


def _at_node(lowered: Lowered, origin: str, found: Problem) -> Problem:
    """Tell a dialect's blocker in terms of the ONNX node that it comes from."""
    node = lowered.nodes.get(origin)
    return problem(node, found.reason, found.hint) if node is not None else found


def convert_file(
    path: str | Path,
    prefix: str | Path,
    *,
    dialect: str = "portable",
    style: str = "deploy",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    prototxt_only: bool = False,
    keep_shuffle: bool = False,
    preprocessing: Preprocessing | None = None,
    check: Callable[[Path, Path, ConversionMap], None] | None = None,
    map_file: bool = False,
) -> ConversionMap:
    """Write PREFIX.prototxt and PREFIX.caffemodel for an ONNX file, both or neither.

    `check` runs on the files before they get their names; where it raises they stay as PREFIX.failed.*. `map_file` adds
    the report as PREFIX.map.json, by which the files can be compared with the model layer by layer later.
    """
    source = load(Path(path))
    done = convert(
        source,
        dialect=dialect,
        style=style,
        input_shapes=input_shapes,
        outputs=outputs,
        keep_shuffle=keep_shuffle,
        preprocessing=preprocessing,
    )
    final = Path(f"{prefix}.prototxt"), Path(f"{prefix}.caffemodel")
    report = _report(source, done, dialect, style, preprocessing or Preprocessing(), final)
    try:
        final[0].parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".caffe-", dir=final[0].parent) as folder:
            files = Path(folder, final[0].name), Path(folder, final[1].name)
            written = dict(zip(files, final, strict=True))
            files[0].write_text(text.write(done.net, _header(report)), encoding="utf-8")
            if map_file:
                table = files[0].with_suffix(mapping.SUFFIX)
                mapping.write(report, table)
                written[table] = Path(f"{prefix}{mapping.SUFFIX}")
            if prototxt_only:
                del written[files[1]]
            else:
                with files[1].open("wb") as file:
                    binary.write(done.net, file)
                _read_back(done.net, files[1])
                if check is not None:
                    _checked(check, files, written, prefix, report)
            for made, name in reversed(written.items()):
                made.replace(name)
    except OSError as error:
        raise ToolkitError(f"{prefix}: cannot be written: {error.strerror}") from error
    return report


def _checked(
    check: Callable[[Path, Path, ConversionMap], None],
    files: Sequence[Path],
    written: Mapping[Path, Path],
    prefix: str | Path,
    report: ConversionMap,
) -> None:
    try:
        check(files[0], files[1], report)
    except Exception:
        for file, name in written.items():
            file.replace(f"{prefix}.failed{str(name)[len(str(prefix)) :]}")
        raise


def _read_back(net: Net, path: Path) -> None:
    """Demand that the file holds every layer with blobs of the right shapes; the numbers are not read again."""
    found = binary.read(path)
    for item in net.layers:
        want = [tuple(blob.shape) or (1, 1, 1, 1) for blob in item.blobs]
        have = [blob.shape for blob in found[item.name]]
        if want != have:
            raise RuntimeError(f"the weights of '{item.name}' read back as {have}, not {want}")


def _header(report: ConversionMap) -> str:
    name = Path(report.source).name
    return f"{name} (sha256 {report.source_sha256[:16]}) in the Caffe dialect {report.dialect}, style {report.style}"


def _report(
    source: Source, done: Converted, dialect: str, style: str, preprocessing: Preprocessing, final: Sequence[Path]
) -> ConversionMap:
    kinds: dict[str, int] = {}
    for item in done.net.layers:
        kinds[item.type] = kinds.get(item.type, 0) + 1
    blobs = {value: done.holds[blob] for value, blob in done.lowered.blobs.items() if blob in done.holds}
    inputs = {name: done.lowered.blobs[name] for name in done.model_inputs}
    outputs = {name: blobs[name] for name in done.model_outputs}
    return ConversionMap(
        source=str(source.path),
        source_sha256=source.sha256,
        dialect=dialect,
        style=style,
        preprocessing=preprocessing,
        prototxt=str(final[0]),
        caffemodel=str(final[1]),
        inputs=inputs,
        input_shapes={name: done.net.inputs[blob] for name, blob in inputs.items()},
        outputs=outputs,
        output_shapes={name: done.shapes[blob] for name, blob in outputs.items()},
        views={name: shape for name, shape in done.model_outputs.items() if shape != done.shapes[outputs[name]]},
        channel_orders={
            value: done.orders[b] for value, b in done.lowered.blobs.items() if value in blobs and b in done.orders
        },
        blobs=blobs,
        layers=dict(sorted(kinds.items())),
        parameters=sum(_count(blob.shape) for item in done.net.layers for blob in item.blobs),
    )


def _count(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
