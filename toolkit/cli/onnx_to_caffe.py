"""`toolkit onnx-to-caffe`: an ONNX file to a prototxt and a caffemodel, verified before they get their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli import completion, params
from toolkit.cli.output import PARITY_FAILED, json_option, note, print_json, progress, quiet_option, size

if TYPE_CHECKING:
    from converters.mapping import ConversionMap
    from toolkit.parity.parity import Say
    from toolkit.parity.report import Report as Proof

F = TypeVar("F", bound=Callable[..., Any])
MODEL = click.Path(exists=True, dir_okay=False, path_type=Path)
RANGES = ".ranges"
SUFFIXES = (".prototxt", ".caffemodel")
SHAPE_HELP = "The shape of an input that is open; repeatable."

dialect_option = click.option(
    "--dialect",
    default="portable",
    show_default=True,
    metavar="NAME",
    shell_complete=completion.dialects,
    help="The Caffe to write for, or a .toml file.",
)
style_option = click.option(
    "--style",
    type=click.Choice(["deploy", "train"]),
    default="deploy",
    show_default=True,
    help="deploy: folded, for inference. train: a layer for each module, with fillers, for fine-tuning.",
)
keep_shuffle_option = click.option(
    "--keep-shuffle", is_flag=True, help="Keep channel shuffles as layers instead of moving them into the weights."
)
skip_pass_option = click.option(
    "--skip-pass",
    "skip",
    multiple=True,
    metavar="NAME",
    help="Leave a pass out, for debugging; repeatable. Style deploy: merge_duplicates, absorb_transposes, absorb_pads, "
    "fold, activation_after_pool, eliminate_shuffles, merge_views, merge_duplicates_again, fold_rewrites, "
    "absorb_upsampling, tiled_mean, name_layers, in_place. Style train: leave_out_final_views, name_norm_pairs, "
    "in_place_for_training.",
)
drop_quantisation_option = click.option(
    "--drop-quantisation", is_flag=True, help="Of a quantised model, take the float network inside it."
)


output_option = click.option(
    "--output", "outputs", multiple=True, metavar="NAME", help="Cut the network at this ONNX value; repeatable."
)


def evidence_options(command: F) -> F:
    """What to verify on."""
    for option in (
        click.option(
            "--range",
            "ranges",
            multiple=True,
            type=params.RANGE,
            help="Verify on random numbers; of the model's input.",
        ),
        click.option(
            "--input", "files", multiple=True, type=params.ANY_FILE, help="Verify on this .npz; NAME=FILE for one."
        ),
        click.option(
            "--image", "images", multiple=True, type=MODEL, help="Verify on this image (resized, RGB in [0, 1])."
        ),
    ):
        command = option(command)
    return command


def preprocessing_options(command: F) -> F:
    """Options that make the network take raw images: (x * scale - mean) / std, channels swapped."""
    for option in (
        click.option(
            "--swap-rgb", is_flag=True, help="Feed the network BGR where the model takes RGB, or the other way round."
        ),
        click.option("--std", type=params.NUMBERS, default=(), help="... and then divides by this, for each channel."),
        click.option("--mean", type=params.NUMBERS, default=(), help="... then subtracts this, for each channel ..."),
        click.option(
            "--scale", type=params.FRACTION, default=1.0, help="The network first multiplies its input by this ..."
        ),
    ):
        command = option(command)
    return command


@click.command(
    short_help="Convert an ONNX file to a .prototxt and a .caffemodel.",
    epilog="Exits 1 if the written network differs from the model, 3 if it can't be converted, 4 if it is broken.",
)
@click.argument("model", type=MODEL, metavar="IN.onnx")
@click.option("-o", "given", type=params.PLACE, metavar="PREFIX", help="Path without suffix, or DIR/; IN by default.")
@click.option("--input-shape", "shapes", multiple=True, type=params.SHAPE, help=SHAPE_HELP)
@output_option
@dialect_option
@style_option
@preprocessing_options
@evidence_options
@keep_shuffle_option
@drop_quantisation_option
@skip_pass_option
@click.option("--train-data", metavar="LMDB", help="With --style train: files for `caffe train` on this database.")
@click.option("--test-data", metavar="LMDB", help="... tested on this one.")
@click.option("--prototxt-only", is_flag=True, help="Write only the prototxt.")
@click.option("--no-verify", is_flag=True, help="Don't run what was written.")
@click.option("--strict", is_flag=True, help="Exit 1 unless an engine proves what was written; the files stay.")
@json_option
@quiet_option
@click.pass_context
def onnx_to_caffe(
    ctx: click.Context,
    model: Path,
    given: str | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[str],
    dialect: str,
    style: str,
    keep_shuffle: bool,
    drop_quantisation: bool,
    skip: tuple[str, ...],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    scale: float,
    swap_rgb: bool,
    images: tuple[Path, ...],
    files: Sequence[tuple[str, Path]],
    ranges: Sequence[tuple[str, tuple[float, float]]],
    train_data: str | None,
    test_data: str | None,
    prototxt_only: bool,
    no_verify: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Convert IN.onnx to PREFIX.prototxt and PREFIX.caffemodel.

    The files are run in the first Caffe engine found (OpenCV, real Caffe) against onnxruntime before they get their
    names; a mismatch leaves them as PREFIX.failed.*. What can't be converted exactly is refused, every blocker listed.

    \b
    Dialects: portable (every Caffe), bvlc, bvlc-1.0, ssd, shufflenet, brocolli, opencv, or a file of your own.

    \b
    Examples:
      toolkit onnx-to-caffe net.onnx
      toolkit onnx-to-caffe net.onnx -o out/net --dialect bvlc
      toolkit onnx-to-caffe net.onnx --input-shape image:1,3,224,224
      toolkit onnx-to-caffe detector.onnx --output boxes --output scores
      toolkit onnx-to-caffe int8.onnx --drop-quantisation
      toolkit onnx-to-caffe net.onnx --skip-pass fold --skip-pass in_place
      toolkit onnx-to-caffe net.onnx --style train --train-data train.lmdb --test-data val.lmdb --swap-rgb
      toolkit onnx-to-caffe net.onnx --scale 1/255 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --swap-rgb
    """
    from converters.onnx_to_caffe import convert_file
    from converters.preprocessing import Preprocessing

    if bool(train_data) != bool(test_data) or (train_data and style != "train"):
        raise click.UsageError("--train-data and --test-data go together, and with --style train")
    prefix = params.place(given, model.with_suffix(""), SUFFIXES)
    preprocessing = Preprocessing(scale, mean, std, swap_rgb)
    with progress(quiet=as_json) as step:
        step("converting")
        proofs: list[Proof] = []
        feed = {"images": images, "arrays": params.listed(files), "ranges": params.listed(ranges)}
        check = None if no_verify or prototxt_only else checker(dialect, feed, proofs, step)
        done = convert_file(
            model,
            prefix,
            dialect=dialect,
            style=style,
            input_shapes=dict(params.once(shapes, "--input-shape")),
            outputs=outputs or None,
            prototxt_only=prototxt_only,
            keep_shuffle=keep_shuffle,
            skip=skip,
            preprocessing=preprocessing,
            check=check,
            map_file=True,
            drop_quantisation=drop_quantisation,
        )
    show(done, prototxt_only)
    if train_data and test_data:
        from converters.caffe.train_val import Training, write

        for path in write(Path(done.prototxt), prefix, Training(train_data, test_data), preprocessing):
            note(f"wrote {path}")
    skipped = "--no-verify" if no_verify else "--prototxt-only" if prototxt_only else ""
    note(verdict(proofs, dialect, skipped))
    if as_json:
        print_json({**done.to_json(), "parity": proofs[0].to_json() if proofs else None})
    if strict and not (proofs and proofs[0].passed):
        ctx.exit(PARITY_FAILED)


def checker(
    dialect: str, feed: dict[str, Any], proofs: list[Proof], step: Say
) -> Callable[[Path, Path, ConversionMap], None] | None:
    """What runs the written files in the first engine present; None where there is none."""
    from toolkit import runners
    from toolkit.parity.inputs import Inputs
    from toolkit.verify import UNREFUTED, ParityFailed, engines, verify

    missing = runners.available()
    present = [name for name in engines(dialect) if not missing[name]][:1]
    if not present:
        return None

    def check(prototxt: Path, caffemodel: Path, conversion: ConversionMap) -> None:
        inputs = Inputs(shapes=conversion.input_shapes, **feed)
        report = verify(conversion, prototxt, caffemodel, present, runners.load, inputs, on_step=step)
        proofs.append(report)
        if report.verdict not in UNREFUTED:
            kept = Path(conversion.prototxt).with_suffix("")
            raise ParityFailed(report, f"the files are kept as {kept}.failed.*")

    return check


def verdict(proofs: Sequence[Proof], dialect: str, skipped: str) -> str:
    """One line on what was proven; `skipped` is the option that asked for no proof."""
    from toolkit.runners import available
    from toolkit.verify import engines

    if proofs:
        return proven(proofs[0])
    missing = available()
    how = "; ".join(missing[name] for name in engines(dialect))
    return f"not verified: {skipped} was given" if skipped else no_engine(how)


def no_engine(how: str) -> str:
    """Why nothing ran; `how` says for each engine how to get it."""
    return f"not verified: no engine that runs this dialect is installed ({how})"


def proven(proof: Proof) -> str:
    """One line on how far an engine and onnxruntime agree, and whether that proves anything."""
    from toolkit.parity.report import worst

    found = [one.required for row in proof.rows for one in worst(row.comparisons)]
    engine = ", ".join(row.run.version for row in proof.rows if row.run)
    passed = proof.passed
    head = f"{'verified' if passed else 'not proven'}: {proof.verdict.value}"
    line = f"{head}, differs by at most {max(found):.1e} of max|ref| from onnxruntime in {engine}" if found else head
    line += f" (in float32; {proof.cost.sentence})" if proof.cost else ""
    if passed:
        return "; ".join([line, *(note for row in proof.rows for note in row.notes if note.startswith("proven in"))])
    reasons = "; ".join(reason for row in proof.rows for reason in row.reasons)
    return f"{line}: {reasons} (for a proof, give inputs that the model answers: --image, --input or --range)"


def show(done: ConversionMap, prototxt_only: bool) -> None:
    """What was written, in a few lines on stderr."""
    for file in [done.prototxt] + [done.caffemodel] * (not prototxt_only):
        note(f"wrote {file} ({size(file)})")
    layers = ", ".join(f"{count} {kind}" for kind, count in done.layers.items())
    note(f"dialect {done.dialect}, style {done.style}: {layers}; {done.parameters:,} parameters")
    outputs = ", ".join(f"{blob} {list(done.output_shapes[name])}" for name, blob in done.outputs.items())
    note(f"outputs: {outputs}")
    if done.dropped:
        note(done.dropped)
        table = Path(done.prototxt).with_suffix(f"{RANGES}.json")
        if table.is_file():
            note(f"wrote {table} and .txt: the range of every blob, for a chip's quantiser")
    for name in done.pinned:
        other = ",".join(map(str, (8, *done.input_shapes[name][1:])))
        note(f"the batch of '{name}' is free in the model and 1 here; --input-shape {name}:{other} makes it 8")
