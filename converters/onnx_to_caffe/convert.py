"""An ONNX file -> a prototxt and a caffemodel: the journey in order, with the check of each stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import converters.dialects as dialects
from converters import mapping
from converters.caffe import binary, files, text
from converters.caffe.net import Net, Shape
from converters.caffe.places import Place
from converters.caffe.shapes import prove
from converters.errors import ConversionError, Problem, Refuted, ToolkitError, printable
from converters.mapping import ConversionMap
from converters.onnx.graphs import problem, static_shape
from converters.onnx_passes import Source, canonicalise, load
from converters.onnx_passes.float32 import without_quantisation
from converters.onnx_passes.proto.interface import free_batches
from converters.onnx_passes.quantised.drop import Dropped
from converters.onnx_to_caffe import ranges
from converters.onnx_to_caffe.facts import LEGAL, verify
from converters.onnx_to_caffe.lower import Lowered, lower
from converters.onnx_to_caffe.names import title
from converters.onnx_to_caffe.pipeline import left_out, parts, pipeline_of, task_for
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.onnx_to_caffe.run import LEFT_OUT, Record, run, start
from converters.preprocessing import Preprocessing
from converters.publish import publish, scratch
from converters.uncollected import uncollected


@dataclass(frozen=True)
class Converted:
    """A network in its dialect, not written yet.

    Attributes:
        net: the layers that are written.
        lowered: what came of the ONNX nodes before the passes.
        places: the blob that holds each ONNX value in the end, and how; or why none does.
        passes: what each pass did.
        shapes: of every blob, by Caffe's rules.
        model_inputs: the names of ONNX's inputs.
        model_outputs: ONNX's outputs and their shapes there.
        dropped: what the network lost with its quantisation; None where it had none.
    """

    net: Net
    lowered: Lowered
    places: Mapping[str, Place]
    passes: tuple[Record, ...]
    shapes: Mapping[str, Shape]
    model_inputs: tuple[str, ...]
    model_outputs: Mapping[str, Shape]
    dropped: Dropped | None = None


@uncollected()
def convert(
    source: Source,
    *,
    dialect: str = "portable",
    style: str = "deploy",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_shuffle: bool = False,
    preprocessing: Preprocessing | None = None,
    skip: Collection[str] = (),
    drop_quantisation: bool = False,
) -> Converted:
    """Convert a loaded model to a Net; raises ConversionError with every blocker. `skip` names passes to leave out."""
    passes = pipeline_of(style)
    skip = left_out(passes, skip, keep_shuffle)
    target = dialects.find(dialect)
    source, dropped = without_quantisation(source) if drop_quantisation else (source, None)
    model = canonicalise(source, input_shapes, outputs, frozenset(LOWERINGS))
    lowered = lower(model)
    task = task_for(lowered, target, preprocessing)
    common, (legalise, *after) = parts(passes)
    named = replace(lowered.net, name=title(model.graph.name or "", source.path))
    state = run(start(named), (*common, legalise), task, skip)
    problems = [*lowered.problems, *(_at_node(lowered, *found) for found in state.problems)]
    if problems:
        raise ConversionError(problems)
    state = run(state, after, task, skip)
    verify(state.net, target, (LEGAL,))  # what the writer gets, whatever a pass believed
    kept = {blob: place for blob, place in state.places.items() if blob in lowered.shapes and place.blob}
    return Converted(
        net=state.net,
        lowered=lowered,
        places={value: state.places[blob] for value, blob in lowered.blobs.items() if blob in state.places},
        passes=state.records,
        shapes=prove(state.net, {place.blob: lowered.shapes[blob] for blob, place in kept.items() if not place.view}),
        model_inputs=tuple(value.name or "" for value in model.graph.inputs),
        model_outputs={value.name or "": static_shape(value) or () for value in model.graph.outputs},
        dropped=dropped,
    )


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
    skip: Collection[str] = (),
    check: Callable[[Path, Path, ConversionMap], None] | None = None,
    map_file: bool = False,
    drop_quantisation: bool = False,
) -> ConversionMap:
    """Write PREFIX.prototxt and PREFIX.caffemodel for an ONNX file, both or neither.

    `check` runs on the files before they get their names; where it raises Refuted they stay as PREFIX.failed.*. Old
    files of these names are replaced by all new ones or left as they are; the prototxt names the sha256 of its
    caffemodel, so that a pair torn by a killed process is noticed by whoever reads it here. `map_file` adds
    the report as PREFIX.map.json, by which the files can be compared with the model layer by layer later. `skip` names
    passes to leave out, for debugging: the files are larger or slower then, and as exact. `drop_quantisation`: of a
    quantised model, convert the float network inside it; the ranges of its blobs go to PREFIX.ranges.json and .txt.
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
        skip=skip,
        drop_quantisation=drop_quantisation,
    )
    final = Path(f"{prefix}.prototxt"), Path(f"{prefix}.caffemodel")
    report = _report(source, done, dialect, style, preprocessing or Preprocessing(), final, input_shapes or ())
    try:
        final[0].parent.mkdir(parents=True, exist_ok=True)
        with scratch(final[0].parent) as folder:
            made = Path(folder, final[0].name), Path(folder, final[1].name)
            written = _written(done, report, made, prefix, prototxt_only=prototxt_only, map_file=map_file)
            if check is not None and not prototxt_only:
                _checked(check, made, written, prefix, report)
            publish(written)
    except OSError as error:
        raise ToolkitError(f"{prefix}: cannot be written: {error.strerror}") from error
    return report


@uncollected()
def _written(
    done: Converted,
    report: ConversionMap,
    made: tuple[Path, Path],
    prefix: str | Path,
    *,
    prototxt_only: bool,
    map_file: bool,
) -> dict[Path, Path]:
    """Write all files, the two of the network as `made`; the result says under which name each is to be published.

    The prototxt is the last: until then the old one tells by its hash that it is not of these weights.
    """
    names = {}
    header = _header(report, done.passes)
    if prototxt_only:
        made[0].write_text(text.write(done.net, header), encoding="utf-8")
    else:
        files.write(done.net, *made, header)
        _read_back(done.net, made[1])
        names[made[1]] = Path(report.caffemodel)
    if map_file:
        table = made[0].with_suffix(mapping.SUFFIX)
        mapping.write(report, table, Path(report.prototxt).parent)
        names[table] = Path(f"{prefix}{mapping.SUFFIX}")
    if done.dropped and done.dropped.ranges:
        for file in ranges.write(done.dropped.ranges, report, made[0].with_suffix("")):
            names[file] = Path(report.prototxt).with_name(file.name)
    names[made[0]] = Path(report.prototxt)
    return names


def _checked(
    check: Callable[[Path, Path, ConversionMap], None],
    made: Sequence[Path],
    written: Mapping[Path, Path],
    prefix: str | Path,
    report: ConversionMap,
) -> None:
    try:
        check(made[0], made[1], report)
    except Refuted:
        publish({file: Path(f"{prefix}.failed{str(name)[len(str(prefix)) :]}") for file, name in written.items()})
        raise


def _read_back(net: Net, path: Path) -> None:
    """Demand that the file holds every layer with blobs of the right shapes; the numbers are not read again."""
    found = binary.read(path)
    for item in net.layers:
        want = [tuple(blob.shape) or (1, 1, 1, 1) for blob in item.blobs]
        have = [blob.shape for blob in found[item.name]]
        if want != have:
            raise RuntimeError(f"the weights of '{item.name}' read back as {have}, not {want}")


def _header(report: ConversionMap, passes: Sequence[Record]) -> str:
    name = printable(Path(report.source).name)
    left_out = ", ".join(one.name for one in passes if one.outcome == LEFT_OUT)
    return (
        f"{name} (sha256 {report.source_sha256[:16]}) in the Caffe dialect {report.dialect}, style {report.style}"
        + f", without the passes {left_out}" * bool(left_out)
        + f"\nTakes raw images x, of which it makes {report.preprocessing}" * bool(report.preprocessing)
    )


def _report(
    source: Source,
    done: Converted,
    dialect: str,
    style: str,
    preprocessing: Preprocessing,
    final: Sequence[Path],
    asked: Collection[str],
) -> ConversionMap:
    kinds: dict[str, int] = {}
    for item in done.net.layers:
        kinds[item.type] = kinds.get(item.type, 0) + 1
    blobs = {value: place.blob for value, place in done.places.items() if place.blob}
    inputs = {name: done.lowered.inputs[name] for name in done.model_inputs}
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
        views={name: shape for name, shape in done.model_outputs.items() if done.places[name].view},
        # An input stands in the order of what it is fed; a swap of its colours is told by `preprocessing`.
        channel_orders={v: place.order for v, place in done.places.items() if place.order and v not in inputs},
        blobs=blobs,
        layers=dict(sorted(kinds.items())),
        parameters=sum(_count(blob.shape) for item in done.net.layers for blob in item.blobs),
        pinned=tuple(name for name in inputs if name in free_batches(source.proto) and name not in asked),
        dropped=done.dropped.sentence if done.dropped else "",
    )


def _count(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
