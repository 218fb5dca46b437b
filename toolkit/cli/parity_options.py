"""The options of `toolkit parity` as the library's data: what to feed, what counts as equal, who is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli import params
from toolkit.cli.output import note

if TYPE_CHECKING:
    from converters.mapping import ConversionMap
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.parity import Rule, Subject
    from toolkit.runners.base import Load

F = TypeVar("F", bound=Callable[..., Any])
IMAGE = click.Path(exists=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FED = ("seeds", "samples", "files", "images", "ranges", "shapes", "batches")


def layers_options(command: F) -> F:
    """Whether to look inside, and where what is found there goes."""
    for option in (
        click.option(
            "--repro",
            type=click.Path(file_okay=False, path_type=Path),
            default="parity-repro",
            show_default=True,
            help="With --layers: where the layer at fault is cut out to, a folder for each engine.",
        ),
        click.option(
            "--layers", is_flag=True, help="Compare every value that both know, and name the first to differ."
        ),
    ):
        command = option(command)
    return command


def input_options(command: F) -> F:
    """What to feed."""
    for option in (
        click.option(
            "--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="Seed of random inputs; repeatable."
        ),
        click.option("--samples", type=click.IntRange(2, 1000), help="Random inputs for each seed and range."),
        click.option(
            "--input", "files", multiple=True, type=params.ANY_FILE, help=".npz for all inputs; NAME=FILE for one."
        ),
        click.option(
            "--image", "images", multiple=True, type=IMAGE, help="An image or a folder of them: resized, RGB in [0, 1]."
        ),
        click.option("--scale", type=params.FRACTION, default=1.0, help="Multiply images by this, such as 255 ..."),
        click.option("--mean", type=params.NUMBERS, default=(), help="... then subtract this, for each channel ..."),
        click.option("--std", type=params.NUMBERS, default=(), help="... and then divide by this, for each channel."),
        click.option("--swap-rgb", is_flag=True, help="Feed images as BGR."),
        click.option(
            "--range", "ranges", multiple=True, type=params.RANGE, help="Of a random input; default 0,1; repeatable."
        ),
        click.option(
            "--input-shape", "shapes", multiple=True, type=params.SHAPE, help="Of an input that is open there."
        ),
        click.option("--batch", "batches", type=params.BATCHES, default=(), help="Batch sizes to run, such as 1,4."),
    )[::-1]:
        command = option(command)
    return command


def rule_options(command: F) -> F:
    """What counts as equal."""
    for option in (
        click.option(
            "--tolerance",
            "tolerances",
            multiple=True,
            type=params.TOLERANCE,
            help="As a part of max|REF|; default 1e-4.",
        ),
        click.option("--output", "outputs", multiple=True, metavar="NAME", help="Compare this output of REF only."),
        click.option("--name", "names", multiple=True, type=params.BLOB, help="Which blob is which ONNX value."),
        click.option("--map", "map_file", type=FILE, help="The conversion's map; default NET.map.json beside NET."),
        click.option(
            "--constant", "constants", multiple=True, metavar="NAME", help="An output that needn't follow the input."
        ),
        click.option("--float64", is_flag=True, help="Judge by REF's own error against itself in float64, too."),
    )[::-1]:
        command = option(command)
    return command


def inputs_of(subjects: Sequence[Subject], options: dict[str, Any]) -> Inputs:
    """What to feed; none of it may be given beside a saved run, whose inputs are those that it was made with."""
    from converters.preprocessing import Preprocessing
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.run import Run

    given = [name for name in FED if options[name] not in (None, ())]
    saved = next((one.model for one in subjects if isinstance(one.target, Run)), None)
    if saved and given:
        raise click.UsageError(f"the saved run of {saved} brings its inputs along: nothing can be said about them here")
    wanted = Preprocessing(options["scale"], options["mean"], options["std"], options["swap_rgb"])
    if wanted and not options["images"]:
        raise click.UsageError("--mean, --std, --scale and --swap-rgb say how an --image is fed, and there is none")
    return Inputs(
        seeds=options["seeds"] or (0,),
        samples=options["samples"] or 0,
        shapes=params.once(options["shapes"], "--input-shape"),
        ranges=params.listed(options["ranges"]),
        arrays=params.listed(options["files"]),
        images=options["images"],
        preprocessing=wanted,
        batches=options["batches"],
    )


def rule_of(options: dict[str, Any]) -> Rule:
    """What counts as equal."""
    from toolkit.parity.compare import TOLERANCE
    from toolkit.parity.parity import Rule

    own = params.once(options["tolerances"], "--tolerance")
    return Rule(own.pop("", TOLERANCE), own, options["constants"], options["float64"])


def subjects_of(reference: str, others: Sequence[str], options: dict[str, Any]) -> tuple[Subject, list[Subject]]:
    """Targets with their outputs and names set. The map's right side is the prototxt's, whichever side that is on."""
    from toolkit.parity.known import check_names, cut_at
    from toolkit.parity.targets import in_float32, only, parse, parse_reference, shaped
    from toolkit.runners.base import RUNTIMES

    names = params.once(options["names"], "--name")
    oracle = parse_reference(reference, RUNTIMES)
    if oracle.is_caffe:
        names = params.once(((blob, value) for value, blob in names.items()), "--name")
    rivals = [
        replace(one, names=names) if one.is_caffe != oracle.is_caffe else one
        for text in others
        for one in parse(text, RUNTIMES)
    ]
    if any(one.is_caffe for one in (oracle, *rivals)):  # which knows float32 alone
        oracle, rivals = in_float32(oracle), [in_float32(one) for one in rivals]
    oracle, *rivals = shaped([oracle, *rivals])
    check_names(oracle, rivals, names)
    mapped = maps_of([oracle, *rivals], options["map_file"])
    wanted = options["outputs"] or cut_at(oracle, rivals, mapped)
    if not wanted:
        return oracle, rivals
    if not options["outputs"]:
        note(f"note: the files hold the network up to {', '.join(wanted)}: compared there")
    return only(oracle, wanted, mapped), [only(one, wanted, mapped) for one in rivals]


def maps_of(subjects: Sequence[Subject], given: Path | None) -> dict[str, ConversionMap]:
    """The map of every Caffe net, by its path. Nets that are compared with each other alone need none."""
    from converters.mapping import read

    if all(one.is_caffe for one in subjects):
        return {}
    found = {one.model: read(given) if given else one.conversion_map() for one in subjects if one.is_caffe}
    return {model: known for model, known in found.items() if known is not None}


def translating(load: Load, subjects: Sequence[Subject], given: Path | None, names: dict[str, str]) -> Load:
    """A `load` for which Caffe nets with a map answer to the names of ONNX values."""
    from toolkit.parity.translation import of_map, translated

    return translated(load, {model: of_map(known, names) for model, known in maps_of(subjects, given).items()})
