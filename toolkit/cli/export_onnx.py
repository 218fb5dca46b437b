"""`toolkit export-onnx`: a PyTorch model to an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli import completion, params
from toolkit.cli.output import json_option, note, print_json, progress, quiet_option, size
from toolkit.export import DEFAULT_OPSET, OPSETS

if TYPE_CHECKING:
    import onnx_ir as ir

CHECKPOINT = click.Path(exists=True, dir_okay=False, path_type=Path)
POSITIVE = click.IntRange(min=1)
OPSET_HELP = f"ONNX operator set, {OPSETS[0]} to {OPSETS[-1]}."


@click.command(
    short_help="Export a PyTorch model to ONNX.",
    epilog="A file is written whole or not at all; what it computes is checked by `toolkit parity`.",
)
@click.argument("model", shell_complete=completion.models)
@click.option("-o", "--output", type=params.PLACE, required=True, help="The .onnx file to write, or DIR/.")
@click.option("--weights", type=CHECKPOINT, help="A .pth or .safetensors checkpoint; random weights without it.")
@click.option("--num-classes", type=POSITIVE, help="How many classes the model tells apart [default: its own].")
@click.option("--image-size", type=POSITIVE, help="Export for one RGB image of this height and width [default: 224].")
@click.option("--input-shape", "shapes", multiple=True, type=params.SHAPE, help="An input's shape; once for each.")
@click.option("--dynamic-batch", is_flag=True, help="Leave the first dimension of inputs and outputs open.")
@click.option("--opset", type=int, default=DEFAULT_OPSET, show_default=True, help=OPSET_HELP)
@click.option("--keep-bn", is_flag=True, help="Keep BatchNormalization apart from the convolutions before it.")
@json_option
@quiet_option
def export_onnx(
    model: str,
    output: str,
    weights: Path | None,
    num_classes: int | None,
    image_size: int | None,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    dynamic_batch: bool,
    opset: int,
    keep_bn: bool,
    as_json: bool,
) -> None:
    """Export a PyTorch MODEL to ONNX through torch's current exporter.

    \b
    MODEL is one of
      shufflenet_v2_x0.5      widths 0.25, 0.33, 0.5, 1.0, 1.5 and 2.0
      shufflenet_v2_x0.5-torchvision   as torchvision has it, for its checkpoints; 0.5, 1.0, 1.5 and 2.0
      torchvision:resnet18    any model of torchvision, where it is installed
      my_nets.small:build     a function or class that returns a torch.nn.Module
      my_net.py:build         the same in a file (the file is run)

    Layers are called by their module paths (layer1.0.conv1), those of ShuffleNet V2 by the names of its published
    prototxt (stage_2_1/conv1). BatchNorm is folded into the convolution before it; to fine-tune the network in Caffe
    later, keep it with --keep-bn.

    \b
    Examples:
      toolkit export-onnx shufflenet_v2_x0.5 --weights net.pth -o net.onnx
      toolkit export-onnx shufflenet_v2_x1.0 --num-classes 10 --image-size 160 -o small.onnx
      toolkit export-onnx my_net.py:build --input-shape x:1,1,28,28 --dynamic-batch -o net.onnx
    """
    from toolkit.export import export, save
    from toolkit.models import create

    if shapes and image_size is not None:
        raise click.UsageError("give either --input-shape or --image-size, not both")
    with progress(quiet=as_json) as step:
        step("building the model")
        module = create(model, weights=weights, num_classes=num_classes, image_size=image_size)
        step("exporting")
        exported = export(
            module,
            input_shapes=params.once(shapes, "--input-shape") or None,
            image_size=image_size,
            dynamic_batch=dynamic_batch,
            opset=opset,
            keep_bn=keep_bn,
        )
        place = params.place(output, Path(params.model_name(model)), (".onnx",))
        files = save(exported, f"{place}.onnx")
    found = describe(exported, files)
    show(found)
    say_weights(model, weights)
    if as_json:
        print_json(found)


def say_weights(model: str, weights: Path | None) -> None:
    """Say on stderr where the weights come from if no checkpoint was given."""
    if weights is None:
        ours = ":" not in model or model.startswith("torchvision:")
        note(f"without --weights the weights are {'random' if ours else f'what {model} made'}")


def describe(model: ir.Model, files: list[str]) -> dict[str, Any]:
    """What was written, as JSON has it."""
    return {
        "files": [{"path": file, "bytes": Path(file).stat().st_size} for file in files],
        "opset": model.opset_imports[""],
        "nodes": len(model.graph),
        "inputs": {str(value.name): _shape(value) for value in model.graph.inputs},
        "outputs": {str(value.name): _shape(value) for value in model.graph.outputs},
    }


def show(found: dict[str, Any]) -> None:
    """The same in a few lines on stderr."""
    for file in found["files"]:
        note(f"wrote {file['path']} ({size(file['path'])})")
    note(f"opset {found['opset']}, {found['nodes']} nodes")
    for kind in ("inputs", "outputs"):
        tensors = ", ".join(f"{name} [{', '.join(map(str, shape))}]" for name, shape in found[kind].items())
        note(f"{kind}: {tensors}")


def _shape(value: ir.Value) -> list[int | str]:
    return [dim if isinstance(dim, int) else str(dim) for dim in value.shape or ()]
