"""`toolkit evaluate`: how often networks are right on a data set, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli import params
from toolkit.cli.output import json_option, note, print_json, print_table, progress_bar, quiet_option

DATA = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
COLUMNS = ("target", "engine", "top-1", "top-5", "as the first", "images/s")
DISAGREED = 1


@click.command(
    short_help="Score networks on a data set, in any engine, side by side.",
    epilog="Exits 1 if targets agree less often with the first one than --min-agreement says.",
)
@click.argument("data", type=DATA)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--size", type=click.IntRange(8, 4096), help="Height and width of the images, where a network takes any.")
@click.option(
    "--batch", type=click.IntRange(1), default=32, show_default=True, help="How many images to run at a time."
)
@click.option("--mean", type=params.NUMBERS, default=(), help="The networks want RGB in [0, 1] minus this ...")
@click.option("--std", type=params.NUMBERS, default=(), help="... divided by this.")
@click.option("--scale", type=params.FRACTION, default=1.0, help="... multiplied by this before both, such as 255.")
@click.option("--swap-rgb", is_flag=True, help="The networks want BGR.")
@click.option("--classes", "names", type=FILE, help="A text file with the network's classes, one a line, in its order.")
@click.option("--output", help="The output with the scores, where a network has several.")
@click.option(
    "--min-agreement", type=click.FloatRange(0, 1), default=0.0, help="Exit 1 below this share, such as 0.99."
)
@click.option("--report", "page", type=NEW_FILE, help="Write an .html file with the images on which they differ.")
@json_option
@quiet_option
@click.pass_context
def evaluate(
    ctx: click.Context,
    /,
    data: Path,
    targets: tuple[str, ...],
    size: int | None,
    batch: int,
    names: Path | None,
    output: str | None,
    min_agreement: float,
    page: Path | None,
    as_json: bool,
    **fed: Any,
) -> None:
    """Score every TARGET on the images of DATA: a folder of classes, or an LMDB of this toolkit or of Caffe.

    A target is what `toolkit parity` takes, or a checkpoint that `toolkit train` wrote. Networks are fed the middle of
    each image (short edge 256 for 224, bicubic). A Caffe net that was converted to preprocess by itself gets raw
    images, as its .map.json says.

    \b
    Examples:
      toolkit evaluate val.lmdb run/best.pth net.onnx net.prototxt --report differences.html
      toolkit evaluate photos net.onnx caffe:net.prototxt --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    from converters.preprocessing import Preprocessing
    from toolkit import runners
    from toolkit.data.sets import open_images
    from toolkit.evaluate import evaluate as library
    from toolkit.evaluate.targets import field
    from toolkit.runners.base import RUNTIMES

    wanted = Preprocessing(fed["scale"], fed["mean"], fed["std"], fed["swap_rgb"])
    known = field(targets, wanted, output or "", RUNTIMES, runners.load)
    for reason in known.missing:
        note(f"not run: {reason}")
    images = open_images(data, _lines(names) if names else known.classes)
    with progress_bar("evaluating", "images", quiet=as_json) as on_step:
        found = library.evaluate(known.contestants, images, known.load, size, batch, on_step)
    if page:
        from toolkit.evaluate.page import write

        write(found, page)
    told = found.to_json()
    print_json(told) if as_json else _show(told)
    if min(told["agreement"][0]) < min_agreement:
        click.echo(f"error: the targets agree on fewer than {min_agreement:.2%} of the images", err=True)
        ctx.exit(DISAGREED)


def _lines(path: Path) -> tuple[str, ...]:
    """The lines of a text file."""
    from converters.errors import InvalidInput

    try:
        lines = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not a text file of class names") from error
    if len(set(lines)) != len(lines):
        raise InvalidInput(f"{path} names a class twice")
    return lines


def _show(found: dict[str, Any]) -> None:
    """The table, and the classes that are confused most."""
    click.echo(f"{found['data']}: {found['images']:,} images of {len(found['classes'])} classes")
    rows = [
        [
            one["model"],
            one["version"],
            f"{one['top1']:.2%}",
            f"{one['top5']:.2%}",
            f"{share:.2%}",
            f"{one['images_per_second']:.0f}",
        ]
        for one, share in zip(found["targets"], found["agreement"][0], strict=True)
    ]
    print_table(COLUMNS, rows, spare=("images/s", "engine"))
    for one in found["targets"]:
        worst = [f"{c['name']} ({c['recall']:.0%}, {c['times']} as {c['taken_for']})" for c in one["worst_classes"]]
        click.echo(f"{one['model']}, {one['runtime']}: least recognised: {', '.join(worst) or 'none, all are right'}")
    if len(rows) > 1:
        click.echo(f"put into different classes: {len(found['differing'])} of {found['images']:,} images")
