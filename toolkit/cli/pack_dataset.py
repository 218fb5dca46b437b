"""`toolkit pack-dataset`: a folder of classes to an LMDB data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from toolkit.cli.output import json_option, note, print_json, progress_bar, quiet_option

SOURCE = click.Path(exists=True, file_okay=False, path_type=Path)
TARGET = click.Path(path_type=Path)
SHOWN = 20


@click.command(
    short_help="Pack a folder of labelled images into an LMDB data set.",
    epilog="Exits 0 if images were packed, even where some were skipped, and 4 if none can be read.",
)
@click.argument("folder", type=SOURCE)
@click.option("-o", "target", type=TARGET, required=True, metavar="OUT.lmdb", help="The data set, a new folder.")
@click.option(
    "--edge", type=click.IntRange(8, 4096), default=256, show_default=True, help="Resize the short edge to this."
)
@click.option(
    "--encoding",
    type=click.Choice(["jpeg", "png", "raw", "caffe"]),
    default="jpeg",
    show_default=True,
    help="How to store; caffe: as Caffe's own data layer reads it.",
)
@click.option(
    "--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Quality of the JPEG files."
)
@click.option("--jobs", type=click.IntRange(1), help="Worker processes; as many as there are cores by default.")
@json_option
@quiet_option
def pack_dataset(
    folder: Path, target: Path, edge: int, encoding: str, quality: int, jobs: int | None, as_json: bool
) -> None:
    """Pack the images of FOLDER into OUT.lmdb. FOLDER has a subfolder for each class.

    Images are resized (bicubic, proportions kept) and stored encoded, with the classes and the statistics of the
    pixels. What can't be read is listed and skipped. A run that was stopped, however hard, goes on where it was when
    the same command is given again.

    \b
    Examples:
      toolkit pack-dataset imagenet/train -o train.lmdb
      toolkit pack-dataset photos -o photos.lmdb --edge 146 --encoding png
      toolkit pack-dataset photos -o caffe.lmdb --encoding caffe
    """
    from toolkit.data.encoding import Form
    from toolkit.data.packing import pack
    from toolkit.limits import cores

    workers = jobs or cores()
    with progress_bar("packing", "images", quiet=as_json) as on_step:
        meta = pack(folder, target, Form(edge, encoding, quality), workers, on_step)
    if as_json:
        print_json({"data": str(target), **meta})
    else:
        _show(target, meta)


def _show(target: Path, meta: dict[str, Any]) -> None:
    """The summary, and who was skipped and why."""
    size = (target / "data.mdb").stat().st_size / 1e6
    click.echo(f"wrote {target}: {meta['images']:,} images of {len(meta['classes'])} classes, {size:,.1f} MB")
    mean, std = (", ".join(f"{value:.4f}" for value in meta[name]) for name in ("mean", "std"))
    click.echo(f"RGB in [0, 1]: mean {mean}, standard deviation {std}")
    skipped = meta["skipped"]
    for one in skipped[:SHOWN]:
        note(f"skipped: {one['reason']}")
    if skipped:
        more = f", {len(skipped) - SHOWN} of them not listed here" if len(skipped) > SHOWN else ""
        note(f"{len(skipped)} image(s) could not be read and were skipped{more}")
