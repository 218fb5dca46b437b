"""`toolkit train`: a data set to a trained network."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from toolkit.cli import params
from toolkit.cli.output import json_option, print_json, progress_bar

DATA = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(file_okay=False, path_type=Path)
COUNT = click.IntRange(1)


def read_toml(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """The values of a TOML file become the defaults of this command's options, and are checked as these are."""
    if path is None:
        return
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} is not a TOML file: {error}", ctx, param) from error
    names = {name.lstrip("-"): one.name for one in ctx.command.params for name in one.opts}
    for name in found:
        if name not in names:
            raise click.BadParameter(f"{path}: there is no option '{name}'", ctx, param)
    ctx.default_map = {names[name]: value for name, value in found.items()}


@click.command(
    short_help="Train a network on a data set.",
    epilog="The folder OUT gets last.pth (to go on from), best.pth (needs --validation) and logs/ for TensorBoard.",
)
@click.argument("data", type=DATA)
@click.option(
    "-o", "folder", type=NEW, required=True, metavar="OUT", help="The run's folder; a run that is there goes on."
)
@click.option(
    "--config", type=FILE, is_eager=True, expose_value=False, callback=read_toml, help="A TOML file of options."
)
@click.option("--validation", type=DATA, metavar="DATA", help="Score the network on these images.")
@click.option("--weights", type=FILE, help="Start from this checkpoint; other classes get a new classifier.")
@click.option("--model", default="shufflenet_v2_x0.5", show_default=True, help="Any MODEL of `toolkit export-onnx`.")
@click.option(
    "--size", type=click.IntRange(8, 4096), default=224, show_default=True, help="Height and width of the images."
)
@click.option("--batch", type=COUNT, default=1024, show_default=True, help="Images a step, over all processes.")
@click.option("--accumulate", type=COUNT, default=1, show_default=True, help="Work off a process's batch in N parts.")
@click.option("--iterations", type=COUNT, default=300_000, show_default=True, help="Steps.")
@click.option(
    "--lr", type=click.FloatRange(0, min_open=True), default=0.5, show_default=True, help="Falls to 0 linearly."
)
@click.option("--warmup", type=click.IntRange(0), default=0, show_default=True, help="Steps in which it rises first.")
@click.option(
    "--momentum", type=click.FloatRange(0, 1, max_open=True), default=0.9, show_default=True, help="SGD's momentum."
)
@click.option("--nesterov/--no-nesterov", default=True, show_default=True, help="Nesterov's momentum.")
@click.option(
    "--weight-decay", type=click.FloatRange(0), default=0.0, show_default=True, help="Applied to all parameters."
)
@click.option(
    "--label-smoothing",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How much to smooth the labels.",
)
@click.option("--flip/--no-flip", default=True, show_default=True, help="Mirror half of the images.")
@click.option("--mean", type=params.NUMBERS, default=(), help="Subtracted from RGB in [0, 1], one number a channel.")
@click.option("--std", type=params.NUMBERS, default=(), help="... then divided by this.")
@click.option(
    "--amp",
    type=click.Choice(["auto", "off", "bf16", "fp16"]),
    default="auto",
    show_default=True,
    help="Mixed precision; auto: on a GPU.",
)
@click.option("--sync-bn/--no-sync-bn", default=True, show_default=True, help="BatchNorm over all processes.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides weights, order and crops.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to train."
)
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that read images; by default as many as cores, at most 8."
)
@click.option("--save-every", type=COUNT, default=1000, show_default=True, help="Steps between checkpoints.")
@click.option(
    "--score-every", type=COUNT, default=5000, show_default=True, help="Steps between scores on --validation."
)
@click.option("--log-every", type=COUNT, default=20, show_default=True, help="Steps between logged losses.")
@json_option
def train(
    data: Path, folder: Path, validation: Path | None, weights: Path | None, device: str, as_json: bool, **options: Any
) -> None:
    """Train MODEL on the images of DATA: a folder of classes, or what `toolkit pack-dataset` made of one.

    The defaults are the recipe with which the published ShuffleNet V2 widths were trained on ImageNet. The same
    command again goes on from the last checkpoint, bit for bit. Under torchrun it runs on many devices.

    \b
    Examples:
      toolkit train train.lmdb --validation val.lmdb --model shufflenet_v2_x0.5 -o run
      toolkit train photos --weights imagenet.pth --iterations 2000 --batch 64 --lr 0.01 -o run
      toolkit train train.lmdb --config recipe.toml -o run
      torchrun --nproc-per-node 8 -m toolkit train train.lmdb -o run
    """
    from toolkit.data.sets import open_images
    from toolkit.limits import cores
    from toolkit.train.loop import Schedule, Watch
    from toolkit.train.loop import train as run
    from toolkit.train.processes import joined
    from toolkit.train.recipe import Recipe
    from toolkit.train.score import Score

    if options["workers"] is None:
        options["workers"] = min(cores(), 8)
    recipe = Recipe(**{one.name: options[one.name] for one in fields(Recipe)})
    schedule = Schedule(**{one.name: options[one.name] for one in fields(Schedule)})
    images = open_images(data)
    scored_on = open_images(validation, images.classes) if validation else None

    with ExitStack() as stack:
        place = stack.enter_context(joined(device))
        quiet = as_json or not place.first
        on_step = stack.enter_context(progress_bar("training", "images", quiet))

        def say(iteration: int, found: Score) -> None:
            if not quiet:
                click.echo(f"step {iteration:,}: top-1 {found.top1:.2%}, top-5 {found.top5:.2%}", err=True)

        done = run(recipe, images, folder, scored_on, weights, schedule, place, Watch(on_step, say))
    found: dict[str, Any] = {
        "iteration": done.iteration,
        "loss": done.loss,
        "images_per_second": done.images_per_second,
    }
    if done.score:
        found |= {"top1": done.score.top1, "top5": done.score.top5}
    if as_json and place.first:
        print_json({"run": str(folder), "classes": list(images.classes), **found})
    elif place.first:
        _show(folder, found)


def _show(folder: Path, found: dict[str, Any]) -> None:
    """What the run came to, in two lines."""
    if found["loss"] is None:
        click.echo(f"all {found['iteration']:,} steps were done before")
    else:
        click.echo(f"{found['iteration']:,} steps, loss {found['loss']:.4f}, {found['images_per_second']:.0f} images/s")
    if "top1" in found:
        click.echo(f"validation: top-1 {found['top1']:.2%}, top-5 {found['top5']:.2%}")
    if found["loss"] is not None:
        click.echo(f"wrote {folder / 'last.pth'}" + (f" and {folder / 'best.pth'}" if "top1" in found else ""))
