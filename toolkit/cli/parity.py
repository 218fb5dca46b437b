"""`toolkit parity`: run a reference and other engines on the same inputs and say whether they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli import params
from toolkit.cli.output import json_option, print_json, print_table, progress

if TYPE_CHECKING:
    from toolkit.parity.compare import OutputComparison
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.parity import Rule, Subject
    from toolkit.parity.report import Report

PARITY_FAILED = 1
COLUMNS = ("engine", "model", "output", "max abs", "max rel", "allowed", "cosine", "top-1", "verdict")
IMAGE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    short_help="Compare what engines compute with what a reference computes.",
    epilog="Exits 0 if every engine passed and 1 otherwise. A saved run brings its inputs along.",
)
@click.argument("reference", metavar="REF")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@click.option("--tolerance", "tolerances", multiple=True, type=params.TOLERANCE, help="Of max|REF|; default 1e-4.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the random inputs; default 0.")
@click.option("--samples", type=click.IntRange(2, 1000), help="How many inputs to run; default 2.")
@click.option("--input", "files", multiple=True, type=params.FILE, help="An input from a .npy or .npz file.")
@click.option("--image", "images", multiple=True, type=IMAGE, help="An input from an image: resized, RGB in [0, 1].")
@click.option("--range", "ranges", multiple=True, type=params.RANGE, help="Of a random input; default 0,1.")
@click.option("--input-shape", "shapes", multiple=True, type=params.SHAPE, help="Of an input with a dynamic shape.")
@click.option("--output", "outputs", multiple=True, metavar="NAME", help="Compare this output of REF only.")
@click.option("--name", "names", multiple=True, type=params.BLOB, help="Which blob is which ONNX value.")
@click.option("--constant", "constants", multiple=True, metavar="NAME", help="An output that needn't follow the input.")
@click.option("--save", type=FOLDER, help="Save every run in this folder.")
@json_option
@click.pass_context
def parity(
    ctx: click.Context, /, reference: str, others: tuple[str, ...], save: Path | None, as_json: bool, **options: Any
) -> None:
    """Compare what OTHER engines compute with what REF computes, on the same inputs.

    \b
    A target is one of
      net.onnx                    in onnxruntime
      net.prototxt                in every Caffe-capable runtime present; weights: net.caffemodel
      net.prototxt,w.caffemodel   the same with other weights
      opencv:net.prototxt         in one runtime (onnxruntime, opencv, caffe, torch)
      torch:shufflenet_v2_x0.5    a model by name; ,weights.pth or ,num_classes=10 may follow
      run.json                    a run that --save wrote
    """
    from toolkit import runners  # fills the table of runtimes
    from toolkit.parity.parity import check

    oracle, rivals = _subjects(reference, others, options)
    inputs, rule = _inputs([oracle, *rivals], options), _rule(options)
    with progress(quiet=as_json) as step:
        report = check(oracle, rivals, runners.load, inputs, rule, step)
    if save:
        _save(report, save)
    if as_json:
        print_json(report.to_json())
    else:
        show(report)
    if not report.passed:
        ctx.exit(PARITY_FAILED)


def show(report: Report) -> None:
    """The table for people, and below it every reason and note in full."""
    from toolkit.parity.report import worst

    run = report.reference
    click.echo(f"reference: {run.model} in {run.version or run.runtime}; {len(run.inputs)} samples")
    rows = []
    for row in report.rows:
        cells = [_cells(found) for found in worst(row.comparisons)] or [["-"] * 6]
        rows += [[row.runtime, Path(row.model).name, *found, row.verdict.value] for found in cells]
    print_table(COLUMNS, rows)
    for version in dict.fromkeys(row.run.version for row in report.rows if row.run):
        click.echo(f"run with {version}")
    for row in report.rows:
        for sentence in (*row.reasons, *row.notes):
            click.echo(f"{row.runtime}, {Path(row.model).name}: {sentence}")
    click.echo(f"verdict: {report.verdict.value}")


def _cells(found: OutputComparison) -> list[str]:
    return [
        found.name,
        _shown(found.max_abs, ".2e"),
        _shown(found.required, ".2e"),
        f"{found.tolerance:g}",
        _shown(found.cosine, ".7f"),
        _shown(found.top1, ".0%"),
    ]


def _shown(value: float | None, form: str) -> str:
    return format(value, form) if value is not None and math.isfinite(value) else "-"


def _subjects(reference: str, others: Sequence[str], options: dict[str, Any]) -> tuple[Subject, list[Subject]]:
    """Targets with their outputs and names set. The map's right side is the prototxt's, whichever side that is on."""
    from toolkit.parity.targets import only, parse, parse_reference
    from toolkit.runners.base import RUNTIMES

    names = params.once(options["names"], "--name")
    oracle = parse_reference(reference, RUNTIMES)
    if oracle.model.endswith(".prototxt"):
        names = params.once(((blob, value) for value, blob in names.items()), "--name")
    rivals = [
        replace(one, names=names) if one.model.endswith(".prototxt") != oracle.model.endswith(".prototxt") else one
        for text in others
        for one in parse(text, RUNTIMES)
    ]
    wanted = options["outputs"]
    return (only(oracle, wanted), [only(one, wanted) for one in rivals]) if wanted else (oracle, rivals)


def _inputs(subjects: Sequence[Subject], options: dict[str, Any]) -> Inputs:
    """What to feed; None of it may be given beside a saved run, whose inputs are those that it was made with."""
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.run import Run

    given = [
        name for name in ("seed", "samples", "files", "images", "ranges", "shapes") if options[name] not in (None, ())
    ]
    saved = next((one.model for one in subjects if isinstance(one.target, Run)), None)
    if saved and given:
        raise click.UsageError(f"the saved run of {saved} brings its inputs along: nothing can be said about them here")
    arrays: dict[str, tuple[Path, ...]] = {}
    for name, path in options["files"]:
        arrays[name] = (*arrays.get(name, ()), path)
    return Inputs(
        seed=options["seed"] or 0,
        samples=options["samples"] or 2,
        shapes=params.once(options["shapes"], "--input-shape"),
        ranges=params.once(options["ranges"], "--range"),
        arrays=arrays,
        images=options["images"],
    )


def _rule(options: dict[str, Any]) -> Rule:
    from toolkit.parity.compare import TOLERANCE
    from toolkit.parity.parity import Rule

    own = params.once(options["tolerances"], "--tolerance")
    return Rule(own.pop("", TOLERANCE), own, options["constants"])


def _save(report: Report, folder: Path) -> None:
    from toolkit.parity.run import save

    runs = [report.reference, *(row.run for row in report.rows if row.run)]
    for index, run in enumerate(runs):
        save(run, folder / f"{index}-{run.runtime}")
