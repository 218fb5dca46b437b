"""`toolkit convert`: a PyTorch model to ONNX and Caffe, compared in every runtime present: one command, one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli import completion, params
from toolkit.cli.export_onnx import CHECKPOINT, POSITIVE, say_weights
from toolkit.cli.onnx_to_caffe import (
    MODEL,
    RANGES,
    SUFFIXES,
    dialect_option,
    drop_quantisation_option,
    evidence_options,
    keep_shuffle_option,
    no_engine,
    output_option,
    preprocessing_options,
    proven,
    style_option,
)
from toolkit.cli.onnx_to_caffe import show as show_conversion
from toolkit.cli.output import (
    PARITY_FAILED,
    json_option,
    need_report,
    note,
    print_json,
    progress,
    quiet_option,
    report_option,
    size,
)
from toolkit.cli.parity_options import layers_options

if TYPE_CHECKING:
    from converters.mapping import ConversionMap
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.parity import Say, Subject
    from toolkit.parity.report import Report, Row


@click.command(
    short_help="Export a PyTorch model, convert it to Caffe, and compare every engine.",
    epilog="Exits 1 if an engine differs from onnxruntime or proves nothing; the files stay for a closer look.",
)
@click.argument("model", shell_complete=completion.models)
@click.option(
    "-o", "given", type=params.PLACE, required=True, metavar="PREFIX", help="Path of the files without suffix, or DIR/."
)
@click.option("--weights", type=CHECKPOINT, help="A .pth or .safetensors checkpoint; random weights without it.")
@click.option("--num-classes", type=POSITIVE, help="How many classes the model tells apart [default: its own].")
@click.option("--image-size", type=POSITIVE, help="One RGB image of this height and width [default: 224].")
@click.option("--input-shape", "shapes", multiple=True, type=params.SHAPE, help="An input's shape; once for each.")
@dialect_option
@style_option
@keep_shuffle_option
@drop_quantisation_option
@output_option
@preprocessing_options
@evidence_options
@click.option("--test", "tests", multiple=True, type=MODEL, hidden=True)  # what --image was called here
@layers_options
@report_option
@click.option("--strict", is_flag=True, help="Exit 1 unless an engine proves the Caffe files as well.")
@json_option
@quiet_option
@click.pass_context
def convert(
    ctx: click.Context,
    model: str,
    given: str,
    weights: Path | None,
    num_classes: int | None,
    image_size: int | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    dialect: str,
    style: str,
    keep_shuffle: bool,
    drop_quantisation: bool,
    outputs: Sequence[str],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    scale: float,
    swap_rgb: bool,
    images: tuple[Path, ...],
    files: Sequence[tuple[str, Path]],
    ranges: Sequence[tuple[str, tuple[float, float]]],
    tests: tuple[Path, ...],
    layers: bool,
    repro: Path,
    html: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Write PREFIX.onnx, PREFIX.prototxt and PREFIX.caffemodel from a PyTorch MODEL, and prove that they agree.

    MODEL is what `toolkit export-onnx` takes: shufflenet_v2_x1.0, torchvision:resnet18, my_nets.small:build or
    my_net.py:build. onnxruntime is the reference; PyTorch and every Caffe engine present are compared with it.
    Where no Caffe engine is, the files are written all the same, and said to be not verified.
    With --output the Caffe network is cut; PREFIX.onnx stays whole, and PyTorch is compared with all of it. So it is
    with --drop-quantisation: PREFIX.onnx stays quantised, the Caffe network is the float one inside it.

    \b
    Examples:
      toolkit convert shufflenet_v2_x0.5 --weights net.pth -o out/net --image photo.jpg
      toolkit convert shufflenet_v2_x0.5 --weights net.pth -o out/net --layers --report out/net.html
      toolkit convert torchvision:resnet18 -o out/net --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --scale 1/255
      toolkit convert my_net.py:build --image-size 160 --dialect opencv -o out/net
    """
    from converters.onnx_to_caffe import convert_file
    from converters.preprocessing import Preprocessing
    from converters.publish import scratch
    from toolkit import runners
    from toolkit.cli.parity import show as show_proof
    from toolkit.export import export, save
    from toolkit.models import create
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.report import Verdict
    from toolkit.verify import engines, verify

    need_report(html)
    if shapes and image_size is not None:
        raise click.UsageError("give either --input-shape or --image-size, not both")
    wanted = params.once(shapes, "--input-shape")
    prefix = params.place(given, Path(params.model_name(model)), (*SUFFIXES, ".onnx"))
    with progress(quiet=as_json) as step:
        step("building the model")
        module = create(model, weights=weights, num_classes=num_classes, image_size=image_size)
        step("exporting to ONNX")
        exported = export(module, input_shapes=wanted or None, image_size=image_size, keep_bn=True)
        del module
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with scratch(prefix.parent) as folder:
            made = folder / prefix.name
            saved = [Path(file) for file in save(exported, f"{made}.onnx")]
            whole = tuple(str(value.name) for value in exported.graph.outputs)
            del exported
            step("converting to Caffe")
            done = convert_file(
                saved[-1],
                made,
                dialect=dialect,
                style=style,
                outputs=outputs or None,
                keep_shuffle=keep_shuffle,
                preprocessing=Preprocessing(scale, mean, std, swap_rgb),
                drop_quantisation=drop_quantisation,
            )
            done = _published(done, saved, prefix)
        onnx_file = done.source
        apart = bool(outputs or done.dropped)  # the Caffe network is not all that the module computes
        torch = _torch(model, weights, num_classes, image_size, wanted, whole)
        inputs = Inputs(
            shapes=done.input_shapes,
            images=(*images, *tests),
            arrays=params.listed(files),
            ranges=params.listed(ranges),
        )
        report = verify(
            done,
            Path(done.prototxt),
            Path(done.caffemodel),
            engines(dialect),
            runners.load,
            inputs,
            () if apart else (torch,),
            optional=True,
            faults=repro if layers else None,
            on_step=step,
        )
        if apart:
            report = _with_torch(report, torch, onnx_file, inputs, step)
    say_weights(model, weights)
    note(f"wrote {onnx_file} ({size(onnx_file)})")
    show_conversion(done, prototxt_only=False)
    if html:
        from toolkit.parity.page.html import write

        write(report.to_json(), html)
    if as_json:
        print_json({**done.to_json(), "onnx": onnx_file, "parity": report.to_json()})
    else:
        show_proof(report)
    for half in halves(report, in_float32=not done.dropped):
        note(half)
    if not report.passed and (strict or report.verdict is not Verdict.NOT_RUN):
        ctx.exit(PARITY_FAILED)


def _published(done: ConversionMap, saved: Sequence[Path], prefix: Path) -> ConversionMap:
    """Give the ONNX file and what came of it their names, all at once, with the map; the map as it is then."""
    from converters import mapping
    from converters.publish import publish

    pair = Path(done.caffemodel), Path(done.prototxt)
    table = pair[1].with_suffix(mapping.SUFFIX)
    ranges = [file for kind in ("json", "txt") if (file := pair[1].with_suffix(f"{RANGES}.{kind}")).is_file()]
    files = (pair[0], *saved, *ranges, table, pair[1])  # as convert_file has it
    names = {file: prefix.with_name(file.name) for file in files}
    prototxt, caffemodel, source = (str(names[file]) for file in (pair[1], pair[0], saved[-1]))
    done = replace(done, prototxt=prototxt, caffemodel=caffemodel, source=source)
    mapping.write(done, table, prefix.parent)
    publish(names)
    return done


def _torch(
    model: str,
    weights: Path | None,
    num_classes: int | None,
    image_size: int | None,
    shapes: dict[str, tuple[int, ...]],
    outputs: tuple[str, ...],
) -> Subject:
    """The PyTorch model itself as one of the engines to compare."""
    from toolkit.parity.parity import Subject
    from toolkit.runners.base import Target

    given = {"num_classes": num_classes, "image_size": image_size}
    options = {name: str(value) for name, value in given.items() if value is not None}
    if shapes:
        options["input_shape"] = " ".join(f"{name}:{','.join(map(str, shape))}" for name, shape in shapes.items())
    return Subject("torch", Target(model, weights, outputs, options=options))


def _with_torch(report: Report, torch: Subject, onnx_file: str, inputs: Inputs, step: Say) -> Report:
    """The report on a part of the module, with PyTorch before it, which is compared with the whole ONNX file."""
    from toolkit import runners
    from toolkit.parity.localise.prove import prove
    from toolkit.parity.parity import Rule, Subject
    from toolkit.runners.base import ORACLE, Target

    first = prove(Subject(ORACLE, Target(onnx_file)), [torch], runners.load, runners.load, inputs, Rule(), None, step)
    moves = {one.name: one for one in (*first.sensitivity, *report.sensitivity)}
    return replace(report, rows=(*first.rows, *report.rows), sensitivity=tuple(moves.values()))


def halves(report: Report, in_float32: bool = True) -> tuple[str, str]:
    """One sentence on PyTorch against ONNX, and one on ONNX against Caffe; what no engine ran is not verified.

    `in_float32`: PyTorch was compared with the ONNX file as the Caffe network was, not with the file as it is.
    """
    rows = tuple(row for row in report.rows if row.runtime == "torch")
    torch = replace(report, rows=rows, cost=report.cost if in_float32 else None)
    caffe = [row for row in report.rows if row.runtime != "torch"]
    ran = [row for row in caffe if row.counts]
    second = proven(replace(report, rows=tuple(ran))) if ran else no_engine("; ".join(_missing(row) for row in caffe))
    return f"PyTorch -> ONNX: {proven(torch)}", f"ONNX -> Caffe: {second}"


def _missing(row: Row) -> str:
    return "; ".join(reason.removeprefix("not run: ") for reason in row.reasons)
