"""`toolkit caffe-to-onnx`: a prototxt and a caffemodel to an ONNX file, verified before it gets its name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli import completion, params
from toolkit.cli.onnx_to_caffe import MODEL, evidence_options
from toolkit.cli.output import json_option, note, print_json, progress, quiet_option, size

if TYPE_CHECKING:
    from converters.caffe_to_onnx import Imported
    from converters.caffe_to_onnx import Report as Import
    from toolkit.parity.parity import Say
    from toolkit.verify_import import Judged

STAGE_HELP = "Build the net for this stage, as `include { stage }` asks; repeatable."


@click.command(
    short_help="Convert a .prototxt and a .caffemodel to an ONNX file.",
    epilog="Exits 1 if the written file differs from the network, 3 if it can't be converted, 4 if it is broken.",
)
@click.argument("prototxt", type=MODEL, metavar="NET.prototxt|NET.caffemodel")
@click.argument("caffemodel", type=MODEL, metavar="[NET.caffemodel]", required=False)
@click.option("-o", "given", type=params.PLACE, metavar="OUT.onnx", help="Or DIR/; NET.onnx unless it is there.")
@click.option(
    "--input-shape", "shapes", multiple=True, type=params.SHAPE, help="The shape of an input; or feed a blob inside."
)
@click.option("--output", "outputs", multiple=True, metavar="BLOB", help="Cut the network at this blob; repeatable.")
@click.option("--dynamic-batch", is_flag=True, help="Let the first size of every input and output be any number.")
@click.option("--opset", type=int, default=17, show_default=True, help="The operator set of ONNX, 11 or newer.")
@click.option(
    "--dialect",
    default="bvlc",
    show_default=True,
    metavar="NAME",
    shell_complete=completion.dialects,
    help="The fork whose meaning of a layer counts.",
)
@click.option(
    "--phase",
    type=click.Choice(["TEST", "TRAIN"]),
    default="TEST",
    show_default=True,
    help="Which layers of a train_val file to take.",
)
@click.option("--stage", "stages", multiple=True, help=STAGE_HELP)
@evidence_options
@click.option("--no-verify", is_flag=True, help="Don't run what was written.")
@json_option
@quiet_option
def caffe_to_onnx(
    prototxt: Path,
    caffemodel: Path | None,
    given: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[str],
    dynamic_batch: bool,
    opset: int,
    dialect: str,
    phase: str,
    stages: Sequence[str],
    images: tuple[Path, ...],
    files: Sequence[tuple[str, Path]],
    ranges: Sequence[tuple[str, tuple[float, float]]],
    no_verify: bool,
    as_json: bool,
) -> None:
    """Convert NET.prototxt and NET.caffemodel to OUT.onnx. No Caffe is needed.

    Files of any version are read (V0, V1, V2, deploy or train_val; weights in HDF5 too, with h5py): data layers become
    inputs, losses go. The file is run in onnxruntime against the network in real Caffe, or OpenCV, before it gets its
    name; a mismatch leaves it as OUT.failed.onnx. What has no exact ONNX form is refused, every blocker listed.

    A caffemodel alone mostly holds the structure too, but for the shapes of inputs.

    \b
    Dialects: bvlc, ssd, brocolli, opencv, ncnn, mnn. They differ in Upsample, Interp, MVN, PriorBox and others.

    \b
    Examples:
      toolkit caffe-to-onnx deploy.prototxt net.caffemodel -o net.onnx
      toolkit caffe-to-onnx train_val.prototxt net.caffemodel --input-shape data:1,3,227,227
      toolkit caffe-to-onnx deploy.prototxt net.caffemodel --dynamic-batch --opset 18
      toolkit caffe-to-onnx snapshot.caffemodel --input-shape data:1,3,227,227
      toolkit caffe-to-onnx ssd.prototxt ssd.caffemodel --output mbox_loc --output mbox_conf_flatten
    """
    from converters.caffe.phase import State
    from converters.caffe_to_onnx import convert_file

    target = Path(f"{params.place(given, prototxt.with_suffix(''), ('.onnx',))}.onnx")
    if given is None and target.exists():  # beside a net of ours lies the model that it was made from
        raise click.UsageError(f"{target} is there already: name the file to write with -o")
    with progress(quiet=as_json) as step:
        step("converting")
        proofs: list[Judged] = []
        feed = {"images": images, "arrays": params.listed(files), "ranges": params.listed(ranges)}
        done = convert_file(
            prototxt,
            caffemodel,
            target,
            input_shapes=dict(params.once(shapes, "--input-shape")),
            outputs=outputs or None,
            dynamic_batch=dynamic_batch,
            opset=opset,
            dialect=dialect,
            state=State(phase, stages=frozenset(stages)),
            check=None if no_verify else checker(prototxt, caffemodel, feed, proofs, step),
        )
    show(done)
    note(verdict(proofs, no_verify))
    if as_json:
        report = proofs[0].report if proofs else None
        print_json({**done.to_json(), "parity": report.to_json() if report else None})


def checker(
    prototxt: Path, caffemodel: Path | None, feed: dict[str, Any], proofs: list[Judged], step: Say
) -> Callable[[Path, Imported, Import], None] | None:
    """What runs the written file against the first Caffe engine that takes the network; None where there is none."""
    from converters.caffe.hdf5 import is_hdf5
    from converters.caffe_to_onnx.convert import write_deploy
    from toolkit import runners
    from toolkit.parity.inputs import Inputs
    from toolkit.verify import UNREFUTED, ParityFailed
    from toolkit.verify_import import ENGINES, verify_import

    missing = runners.available()
    present = [name for name in ENGINES if not missing[name]]
    if not present:
        return None

    def check(model: Path, found: Imported, done: Import) -> None:
        inputs = Inputs(shapes=done.input_shapes, **feed)
        with tempfile.TemporaryDirectory(prefix="verify-") as folder:
            readable = caffemodel is None or present[0] == "caffe" or not is_hdf5(caffemodel)
            pair = (prototxt, caffemodel) if found.unchanged and readable else write_deploy(found.net, Path(folder))
            judged = verify_import(done, model, *pair, present, runners.load, inputs, step)
        proofs.append(judged)
        if judged.report is not None and judged.report.verdict not in UNREFUTED:
            raise ParityFailed(judged.report, f"the file is kept as {Path(done.onnx).with_suffix('.failed.onnx')}")

    return check


def verdict(proofs: Sequence[Judged], no_verify: bool) -> str:
    """One line on what was proven."""
    from toolkit.cli.onnx_to_caffe import proven
    from toolkit.runners import available
    from toolkit.verify_import import ENGINES

    if not proofs:
        missing = available()
        how = "; ".join(missing[name] for name in ENGINES)
        return f"not verified: {'--no-verify was given' if no_verify else f'no Caffe engine is installed ({how})'}"
    judged = proofs[0]
    if judged.report is None:
        return f"not verified: no engine took the network: {'; '.join(judged.refusals)}"
    return proven(judged.report)


def show(done: Import) -> None:
    """What was written, in a few lines on stderr."""
    note(f"wrote {done.onnx} ({size(done.onnx)}), opset {done.opset}")
    nodes = ", ".join(f"{count} {kind}" for kind, count in done.nodes.items())
    note(f"{sum(done.layers.values())} layers -> {nodes}; {done.parameters:,} parameters")
    for what, shapes in (("inputs", done.input_shapes), ("outputs", done.output_shapes)):
        note(f"{what}: {', '.join(f'{name} {list(shape)}' for name, shape in shapes.items())}")
