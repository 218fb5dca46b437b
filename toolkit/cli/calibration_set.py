"""`toolkit calibration-set`: a data set to the files that vendors' quantisers calibrate from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli import params
from toolkit.cli.output import progress_bar, quiet_option

DATA = click.Path(exists=True, file_okay=False, path_type=Path)
NEW = click.Path(file_okay=False, path_type=Path)


@click.command(
    "calibration-set",
    short_help="Write images and raw arrays for a chip's quantiser.",
    epilog="DIR gets images/ (.png), bin/ and npy/ (what the network is fed), images.txt, npy.txt, calibration.json.",
)
@click.argument("data", type=DATA)
@click.option("-o", "folder", type=NEW, required=True, metavar="DIR", help="A new folder.")
@click.option("-n", "count", type=click.IntRange(1), default=200, show_default=True, help="Images, drawn at random.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which are drawn.")
@click.option(
    "--size", type=click.IntRange(8, 4096), default=224, show_default=True, help="Height and width of the images."
)
@click.option("--mean", type=params.NUMBERS, default=(), help="The network wants RGB in [0, 1] minus this ...")
@click.option("--std", type=params.NUMBERS, default=(), help="... divided by this.")
@click.option("--scale", type=params.FRACTION, default=1.0, help="... multiplied by this before both, such as 255.")
@click.option("--swap-rgb", is_flag=True, help="The network wants BGR.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "uint8"]),
    default="float32",
    show_default=True,
    help="How the arrays are stored.",
)
@click.option(
    "--layout",
    type=click.Choice(["nchw", "nhwc"]),
    default="nchw",
    show_default=True,
    help="How the arrays are stored.",
)
@quiet_option
def calibration_set(data: Path, folder: Path, count: int, seed: int, **fed: Any) -> None:
    """Write N images of DATA as a network is fed them: the middle of each, resized, preprocessed.

    \b
    Examples:
      toolkit calibration-set val.lmdb -o calibration
      toolkit calibration-set val.lmdb -o calibration --scale 255 --swap-rgb --dtype uint8
      toolkit calibration-set photos -o calibration --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    from converters.preprocessing import Preprocessing
    from toolkit.data.calibration import Form, write
    from toolkit.data.sets import open_images

    preprocessing = Preprocessing(fed["scale"], fed["mean"], fed["std"], fed["swap_rgb"])
    form = Form(fed["size"], preprocessing, fed["dtype"], fed["layout"])
    with progress_bar("writing", "images") as on_step:
        names = write(open_images(data), folder, count, form, seed, on_step)
    click.echo(f"wrote {folder}: {len(names)} images, {form.dtype} {form.layout.upper()}, {form.size}x{form.size}")
