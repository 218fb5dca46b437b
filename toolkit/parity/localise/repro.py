"""The part of a network that differs -> a folder that shows it by itself: files, real inputs, what should come out."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.caffe.graph import Names
from converters.caffe.shapes import prove
from converters.errors import Unsupported
from converters.names import safe
from toolkit.onnx_file import PRECISION
from toolkit.parity.compare import TOLERANCE
from toolkit.parity.inputs import Feeds, Inputs
from toolkit.parity.localise import caffe_part, onnx_part
from toolkit.parity.localise.cut import Cut
from toolkit.parity.localise.graphs import Graph, read_caffe
from toolkit.parity.localise.pair import Pair, Side
from toolkit.parity.parity import Rule, Subject, check
from toolkit.parity.report import Report
from toolkit.runners.base import ORACLE, Target, traits_of

Arrays = dict[str, np.ndarray]
MODEL, README = "net.onnx", "README.md"


@dataclass(frozen=True)
class Part:
    """A cut with the reference's arrays at its ends, in Caffe's layout, one dict a sample."""

    cut: Cut
    inputs: tuple[Arrays, ...]
    expected: tuple[np.ndarray, ...]


def part_of(pair: Pair, cut: Cut, feeds: Sequence[Feeds]) -> Part:
    """Run the reference for the values at the ends of a cut."""
    made = [value for value in cut.inputs if value in pair.reference_graph.writer]
    found, _ = pair.reference.collect(pair.load, [*made, cut.target], feeds)
    inputs = tuple(
        {value: _in_layout(pair, value, {**sample, **arrays}[value]) for value in cut.inputs}
        for arrays, sample in zip(found, feeds, strict=True)
    )
    return Part(cut, inputs, tuple(_in_layout(pair, cut.target, arrays[cut.target]) for arrays in found))


def _in_layout(pair: Pair, value: str, array: np.ndarray) -> np.ndarray:
    """The reference's array as the Caffe net has it: raw where that preprocesses, its order of channels, its axes."""
    side = pair.caffe_side
    if side is None:
        return array
    if value in side.translation.images:
        return side.translation.raw.raw(array)
    array = caffe_part.in_caffe_layout(array, side.translation.orders.get(value))
    view = _view(pair, side, value)
    return array if view is None else array.reshape(array.shape[0], *view[1:])


def _view(pair: Pair, side: Side, value: str) -> tuple[int, ...] | None:
    """Caffe's shape of a value to which it gives other axes."""
    if value not in side.translation.views:
        return None
    try:
        return prove(read_caffe(Path(side.subject.model), None), {})[side.translation.names[value]]
    except Unsupported:  # no shape rule of ours for a layer of theirs: the arrays then differ in shape, and say so
        return None


def write(pair: Pair, part: Part, folder: Path) -> None:
    """Write each side's part of its own files, the ONNX part in any case where there is one, and the arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    if pair.reference_graph is not pair.caffe:
        _write_onnx(pair, part, part.cut.nodes, pair.reference_graph, folder / MODEL)
    for side, steps in ((pair.reference, part.cut.ours), (pair.other, part.cut.theirs)):
        if side.is_caffe:
            _write_caffe(side, part, steps, folder / _stem(pair, side))
        elif side.graph is not pair.reference_graph:
            _write_onnx(pair, part, steps, side.graph, folder / f"{_stem(pair, side)}.onnx")
    for index, (inputs, expected) in enumerate(zip(part.inputs, part.expected, strict=True)):
        save_arrays(folder / f"inputs-{index}.npz", inputs)
        save_arrays(folder / f"expected-{index}.npz", {part.cut.target: expected})


def _stem(pair: Pair, side: Side) -> str:
    """What a side's files are called: "net", and "other" where the other side has another file of the same kind."""
    alike = pair.reference.is_caffe == pair.other.is_caffe and pair.reference.graph is not pair.other.graph
    same = pair.reference.subject.model == pair.other.subject.model
    return "other" if side is pair.other and alike and not same else "net"


def _write_onnx(pair: Pair, part: Part, steps: Sequence[int], graph: Graph, path: Path) -> None:
    import onnx

    side, cut = pair.caffe_side, part.cut
    orders = side.translation.orders if side else {}
    raw = {value: side.translation.raw for value in cut.inputs if side and value in side.translation.images}
    viewed = side is not None and cut.target in side.translation.views
    samples = {**part.inputs[0], cut.target: part.expected[0]}
    onnx.save(onnx_part.extract(graph, steps, cut.target, cut.inputs, samples, orders, raw, viewed), path)


def _write_caffe(side: Side, part: Part, steps: Sequence[int], prefix: Path) -> None:
    assert isinstance(side.subject.target, Target)
    net = read_caffe(Path(side.subject.model), side.subject.target.weights)
    blobs = {value: value for value in side.graph.order} | {**side.translation.names, **side.translation.inputs}
    names = Names()
    called = {blobs[value]: names(safe(value)) for value in (*part.cut.inputs, part.cut.target)}
    shapes = {blobs[value]: part.inputs[0][value].shape for value in part.cut.inputs}
    cut = caffe_part.extract(net, side.graph, steps, shapes, blobs[part.cut.target], called)
    title = f"part of {Path(side.subject.model).name}: what makes '{part.cut.target}'"
    caffe_part.write(cut, prefix.with_suffix(".prototxt"), prefix.with_suffix(".caffemodel"), title)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz file; unlike numpy's savez, with any names."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def subjects(pair: Pair, folder: Path, fused: bool) -> tuple[Subject, Subject]:
    """The reference's engine and the other's, on the files in a folder."""
    return _moved(pair, pair.reference, folder, fused), _moved(pair, pair.other, folder, fused)


def _moved(pair: Pair, side: Side, folder: Path, fused: bool) -> Subject:
    """A side with the folder's files. For torch, which has no file that could be cut, onnxruntime takes its place."""
    assert isinstance(side.subject.target, Target)
    runtime, options = side.subject.runtime, dict(side.subject.target.options)
    options.pop(PRECISION, None)  # a part is written in what its model was read in
    traits = traits_of(runtime)
    if not fused:
        options |= traits.unfused
    stem = _stem(pair, side)
    if side.is_caffe:
        return Subject(
            runtime, Target(str(folder / f"{stem}.prototxt"), folder / f"{stem}.caffemodel", options=options)
        )
    if traits.by_module:
        runtime, options = ORACLE, {}
    return Subject(runtime, Target(str(folder / f"{stem}.onnx"), options=options))


def rerun(pair: Pair, part: Part, folder: Path, tolerance: float, fused: bool, float64: bool = False) -> Report:
    """The comparison of the part alone, on the reference's own arrays; `float64` as in the Rule."""
    ours, theirs = subjects(pair, folder, fused)
    arrays = {value: tuple(sample[value] for sample in part.inputs) for value in part.cut.inputs}
    return check(ours, [theirs], pair.load, Inputs(arrays=arrays), Rule(tolerance, plain=False, float64=float64))


def describe(pair: Pair, part: Part, folder: Path, sentence: str, tolerance: float, fused: bool) -> None:
    """The README: what this is, and the command that shows the difference."""
    ours, theirs = subjects(pair, Path(), fused)
    inputs = " ".join(f"--input inputs-{index}.npz" for index in range(len(part.inputs)))
    allowed = "" if tolerance == TOLERANCE else f" --tolerance {tolerance:g}"
    lines = [
        f"# {part.cut.target}",
        "",
        f"{sentence[:1].upper()}{sentence[1:]}.",
        "",
        "This folder holds that part of the network alone, cut out with the arrays that the reference has there:",
        "",
        *dict.fromkeys(_contents(pair, part)),
        "- `inputs-*.npz`, `expected-*.npz`: what goes in and what the reference makes of it, by name",
        "",
        "To see the difference, in this folder:",
        "",
        f"    toolkit parity {_written(ours)} {_written(theirs)} {inputs}{allowed}",
        "",
    ]
    (folder / README).write_text("\n".join(lines), encoding="utf-8")


def _contents(pair: Pair, part: Part) -> Iterator[str]:
    """A line for each model in the folder."""
    if pair.reference_graph is not pair.caffe:
        yield f"- `{MODEL}`: {_kinds(pair.reference_graph, part.cut.nodes)}"
    for side, steps in ((pair.reference, part.cut.ours), (pair.other, part.cut.theirs)):
        stem = _stem(pair, side)
        if side.is_caffe:
            yield f"- `{stem}.prototxt`, `{stem}.caffemodel`: {_kinds(side.graph, steps)}"
        elif side.graph is not pair.reference_graph:
            yield f"- `{stem}.onnx`: {_kinds(side.graph, steps)}"


def _kinds(graph: Graph, steps: Sequence[int]) -> str:
    return " + ".join(graph.steps[index].kind for index in steps)


def _written(subject: Subject) -> str:
    """The subject as a user writes it on the command line."""
    target = subject.target
    assert isinstance(target, Target)
    options = "".join(f",{key}={value}" for key, value in target.options.items())
    plain = subject.runtime == ORACLE and not options
    return shlex.quote(target.path if plain else f"{subject.runtime}:{target.path}{options}")
