"""A prototxt and a caffemodel -> an ONNX file: the journey in order, with the check of each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from converters.caffe import files, structure
from converters.caffe.net import Net, Shape
from converters.caffe.phase import State, for_inference
from converters.caffe.unshare import unshare
from converters.caffe.wiring import wiring
from converters.caffe_to_onnx.lift import Lifted, lift
from converters.caffe_to_onnx.merge import merge_scales
from converters.caffe_to_onnx.proof import prove
from converters.caffe_to_onnx.registry import DIALECTS
from converters.errors import ConversionError, InvalidInput, Problem, Refuted, ToolkitError, listed
from converters.publish import publish, scratch

OPSET, OLDEST = 17, 11
LARGEST = 2**31 - 2**20  # bytes of weights in one protobuf file; the structure needs some as well
BATCH = "N"


@dataclass(frozen=True)
class Report:
    """What an import did.

    Attributes:
        source: the prototxt, or a caffemodel in its place; `weights` is the caffemodel, or "".
        onnx: the file that was written.
        opset: of ONNX's own operators.
        dialect: whose meaning of the layers was taken.
        input_shapes: the blobs that are fed; their values have the same names.
        output_shapes: the blobs that come out, likewise.
        blobs: every blob that can be read when Caffe has run, and the ONNX value that holds it; not those that a merged
            layer or a later write took the place of.
        layers: how many layers of each type were lifted; `nodes` is the same of ONNX operators.
        parameters: how many numbers the weights have.
        unchanged: whether the prototxt is the network that was lifted, or a train_val file of which layers went.
    """

    source: str
    weights: str
    onnx: str
    opset: int
    dialect: str
    input_shapes: Mapping[str, Shape]
    output_shapes: Mapping[str, Shape]
    blobs: Mapping[str, str]
    layers: Mapping[str, int]
    nodes: Mapping[str, int]
    parameters: int
    unchanged: bool

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Imported:
    """A network as ONNX, not written yet, and as the Caffe layers that it was lifted from."""

    net: Net
    lifted: Lifted
    unchanged: bool


Check = Callable[[Path, Imported, Report], None]


def convert(
    net: Net,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    dynamic_batch: bool = False,
    opset: int = OPSET,
    dialect: str = "bvlc",
    state: State | None = None,
    where: str = "the net",
) -> Imported:
    """Import a net that was read with its weights; raises ConversionError with every blocker.

    `outputs` are blobs; Caffe's outputs (what no layer reads) by default. `where` names the net in errors.
    """
    cut, single = prepared(net, input_shapes, outputs, opset, dialect, state, where)
    known = [layer.name for layer in net.layers if layer.blobs]
    lifted, problems = lift(single, opset=opset, dialect=dialect, known=known)
    if lifted is None:
        raise ConversionError(problems)
    problems = prove(lifted, single)
    if not problems and dynamic_batch:
        problems = _free_batch(lifted, single)
    if problems:
        raise ConversionError(problems)
    return Imported(cut, lifted, _same_layers(net, cut))


def prepared(
    net: Net,
    input_shapes: Mapping[str, Sequence[int]] | None,
    outputs: Sequence[str] | None,
    opset: int,
    dialect: str,
    state: State | None,
    where: str,
) -> tuple[Net, Net]:
    """The net cut to what is wanted, and the same with one blob a write and merged layers, ready to be lifted."""
    _check_options(opset, dialect)
    deploy = for_inference(net, state, input_shapes)
    problems = wiring(deploy.layers)
    if problems:
        raise InvalidInput(f"{where} is not a network that Caffe could run: " + "; ".join(map(str, problems)))
    cut = _cut(deploy, outputs, where)
    return cut, merge_scales(unshare(cut), cut.outputs)


def _check_options(opset: int, dialect: str) -> None:
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        raise ToolkitError(f"opset {opset} is not known; there are {OLDEST} to {newest}")
    if dialect not in DIALECTS:
        raise ToolkitError(f"unknown dialect '{dialect}' for reading Caffe; known: {', '.join(DIALECTS)}")


def _cut(net: Net, outputs: Sequence[str] | None, where: str) -> Net:
    """The net with these outputs, and without the layers that they do not need."""
    tops = {top for layer in net.layers for top in layer.tops}
    for name in outputs or ():
        if name not in tops:
            raise ToolkitError(f"{where} has no blob '{name}'; it has {listed(name, sorted(tops))}")
    wanted = tuple(dict.fromkeys(outputs or net.outputs))
    if not wanted:
        raise InvalidInput(f"{where} has no output: no layer computes anything that is not read again")
    needed, kept = set(wanted), []
    for layer in reversed(net.layers):
        if layer.type == "Input" or needed.intersection(layer.tops):
            needed.update(layer.bottoms)
            kept.append(layer)
    return replace(net, layers=tuple(reversed(kept)), outputs=wanted)


def _same_layers(net: Net, cut: Net) -> bool:
    return [(one.type, one.name, one.bottoms, one.tops) for one in net.layers if one.type != "Input"] == [
        (one.type, one.name, one.bottoms, one.tops) for one in cut.layers if one.type != "Input"
    ]


def _free_batch(lifted: Lifted, net: Net) -> list[Problem]:
    """Make the first size of every input and output a free one, or say which layers hold on to it."""
    sizes = {shape[0] for shape in net.inputs.values() if shape}
    if len(sizes) != 1:
        return [Problem("net", net.name, f"its inputs have batches of {sorted(sizes)}, so none is free")]
    old = sizes.pop()
    problems = prove(lifted, net, old + 1)
    if problems:
        return problems
    graph = lifted.model.graph
    for value in (*graph.inputs, *graph.outputs, *(out for node in graph for out in node.outputs)):
        if value.shape is not None and len(value.shape) and value.shape[0] == old:
            value.shape = ir.Shape((BATCH, *value.shape[1:]))
    return []


def convert_file(
    prototxt: str | Path,
    caffemodel: str | Path | None,
    out: str | Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    dynamic_batch: bool = False,
    opset: int = OPSET,
    dialect: str = "bvlc",
    state: State | None = None,
    check: Check | None = None,
) -> Report:
    """Write an ONNX file for a prototxt and its weights; over 2 GiB, the weights go into OUT.data beside it.

    A caffemodel in the prototxt's place tells the structure itself, and the weights where no other file is given.
    `check` runs on the file before it gets its name; where it raises Refuted, the file stays as OUT.failed.onnx. Raises
    InvalidInput for broken files, ConversionError with every blocker, ToolkitError for options that make no sense.
    """
    net = files.read(Path(prototxt), Path(caffemodel) if caffemodel else None)
    found = convert(
        net,
        input_shapes=input_shapes,
        outputs=outputs,
        dynamic_batch=dynamic_batch,
        opset=opset,
        dialect=dialect,
        state=state,
        where=str(prototxt),
    )
    final = Path(out)
    if structure.is_binary(Path(prototxt)):
        found, caffemodel = replace(found, unchanged=False), caffemodel or prototxt
    report = _report(found, prototxt, caffemodel, final, opset, dialect)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with scratch(final.parent) as folder:
            made = save(found.lifted.model, Path(folder, final.name))
            try:
                if check is not None:
                    check(made[-1], found, report)
            except Refuted:
                publish({made[-1]: final.with_suffix(".failed.onnx")})
                raise
            publish({file: final.with_name(file.name) for file in made})
    except OSError as error:
        raise ToolkitError(f"{out}: cannot be written: {error.strerror}") from error
    return report


def save(model: ir.Model, path: Path) -> list[Path]:
    """Write the model; the files that it made, the model itself last."""
    if sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value) < LARGEST:
        ir.save(model, path)
        return [path]
    weights = path.with_name(f"{path.name}.data")
    ir.save(model, path, external_data=weights.name)
    return [weights, path]


def write_deploy(net: Net, folder: Path) -> tuple[Path, Path]:
    """The network that was lifted, as a prototxt and a caffemodel for an engine to run."""
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "deploy.caffemodel"
    files.write(net, prototxt, caffemodel)
    return prototxt, caffemodel


def blobs_of(found: Imported) -> dict[str, str]:
    """Every blob that the model still has, and the value that holds it."""
    graph = found.lifted.model.graph
    made = {value.name for node in graph for value in node.outputs} | {value.name for value in graph.inputs}
    held = {blob: value for blob, value in found.lifted.values.items() if value in made}
    return {**held, **{name: name for name in found.net.outputs}}


def _report(
    found: Imported, prototxt: str | Path, caffemodel: str | Path | None, out: Path, opset: int, dialect: str
) -> Report:
    graph, shapes = found.lifted.model.graph, found.lifted.shapes
    return Report(
        source=str(prototxt),
        weights=str(caffemodel or ""),
        onnx=str(out),
        opset=opset,
        dialect=dialect,
        input_shapes=found.net.inputs,
        output_shapes={name: shapes[name] for name in found.net.outputs},
        blobs=blobs_of(found),
        layers=dict(sorted(Counter(layer.type for layer in found.net.layers).items())),
        nodes=dict(sorted(Counter(node.op_type for node in graph).items())),
        parameters=sum(value.const_value.size for value in graph.initializers.values() if value.const_value),
        unchanged=found.unchanged,
    )
