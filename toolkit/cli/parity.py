"""`toolkit parity`: run a reference and other engines on the same inputs and say whether they agree, and where not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.output import (
    PARITY_FAILED,
    coloured,
    json_option,
    need_report,
    print_json,
    print_table,
    progress,
    quiet_option,
    report_option,
)
from toolkit.cli.parity_options import (
    input_options,
    inputs_of,
    layers_options,
    rule_of,
    rule_options,
    subjects_of,
    translating,
)

if TYPE_CHECKING:
    from toolkit.parity.compare import OutputComparison
    from toolkit.parity.layer_report import LayerReport
    from toolkit.parity.report import Report, Row

COLUMNS = ("engine", "model", "output", "max abs", "max rel", "allowed", "cosine", "top-1", "verdict")
LAYER_COLUMNS = ("value", "ONNX", "Caffe", "max abs", "max rel", "status")
SPARE = (
    "cosine",
    "top-1",
    "model",
    "allowed",
    "max abs",
    "output",
)  # what a narrow terminal does without, in this order
SPARE_OF_LAYERS = ("max abs", "Caffe", "ONNX")
SHOWN_LAYERS = 8
FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    short_help="Compare what engines compute with what a reference computes.",
    epilog="Exits 0 if every engine passed and 1 otherwise. A saved run brings its inputs along.",
)
@click.argument("reference", metavar="REF")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@layers_options
@rule_options
@input_options
@click.option("--save", type=FOLDER, help="Save every run in this folder.")
@report_option
@click.option("--junit", type=NEW_FILE, help="Write the results as JUnit XML, for CI systems.")
@json_option
@quiet_option
@click.pass_context
def parity(
    ctx: click.Context,
    /,
    reference: str,
    others: tuple[str, ...],
    layers: bool,
    repro: Path,
    save: Path | None,
    html: Path | None,
    junit: Path | None,
    as_json: bool,
    **options: Any,
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

    \b
    Examples:
      toolkit parity net.onnx net.prototxt
      toolkit parity net.onnx net.prototxt --layers --report out.html
      toolkit parity net.onnx net.prototxt --image photos/ --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    from converters.mapping import read
    from toolkit import runners  # fills the table of runtimes
    from toolkit.parity.localise.inside import look_inside
    from toolkit.parity.localise.prove import prove

    need_report(html)
    oracle, rivals = subjects_of(reference, others, options)
    inputs, rule = inputs_of([oracle, *rivals], options), rule_of(options)
    given, names = options["map_file"], dict(options["names"])
    with progress(quiet=as_json) as step:
        load = translating(runners.load, [oracle, *rivals], given, names)
        known = read(given) if given else None
        report = prove(oracle, rivals, load, runners.load, inputs, rule, known, step)
        if layers:
            report = look_inside(report, oracle, rivals, runners.load, rule, repro, known, step)
    _write(report, save, html, junit)
    if as_json:
        print_json(report.to_json())
    else:
        show(report)
    if not report.passed:
        ctx.exit(PARITY_FAILED)


def _write(report: Report, save: Path | None, html: Path | None, junit: Path | None) -> None:
    if save:
        from toolkit.parity.run import save as save_run

        runs = [report.reference, *(row.run for row in report.rows if row.run)]
        for index, run in enumerate(runs):
            save_run(run, save / f"{index}-{run.runtime}")
    if html:
        from toolkit.parity.page.html import write as write_html

        write_html(report.to_json(), html)
    if junit:
        from toolkit.parity.page import junit as junit_file

        junit_file.write(junit_file.of_report(report), junit)


def show(report: Report) -> None:
    """The table for people, and below it every reason and note in full."""
    from toolkit.parity.report import worst

    run = report.reference
    click.echo(f"reference: {run.model} in {run.version or run.runtime}; {len(run.inputs)} samples")
    rows = []
    for row in report.rows:
        cells = [_cells(found) for found in worst(row.comparisons)] or [["-"] * 6]
        rows += [[row.runtime, Path(row.model).name, *found, row.verdict.value] for found in cells]
    print_table(COLUMNS, rows, spare=SPARE)
    for version in dict.fromkeys(row.run.version for row in report.rows if row.run):
        click.echo(f"run with {version}")
    if report.cost:
        click.echo(f"reference: read in float32; {report.cost.sentence}")
    for one in report.sensitivity:
        if one.float64 is not None:
            click.echo(f"output '{one.name}': the reference differs from itself in float64 by {one.float64:.2g}")
    absent = [row.runtime for row in report.rows if _not_installed(row)]
    if absent:
        click.echo(f"not installed here: {', '.join(absent)} (`toolkit engines` says how to get them)")
    for row in report.rows:
        for sentence in () if row.runtime in absent else (*row.reasons, *row.notes):
            click.echo(f"{row.runtime}, {Path(row.model).name}: {sentence}")
        if row.layers:
            _show_layers(row.layers, f"{row.runtime}, {Path(row.model).name}")
    click.echo(f"verdict: {coloured(report.verdict.value)}")


def _not_installed(row: Row) -> bool:
    """Whether an engine that nobody named is absent, for no other reason than that nobody has got it yet."""
    from toolkit.runners import RUNTIMES

    get = RUNTIMES[row.runtime].get if row.runtime in RUNTIMES else ""
    return not row.counts and bool(get) and all(get in reason for reason in row.reasons)


def _show_layers(found: LayerReport, who: str) -> None:
    """The first layers that differ, or else those nearest to it."""
    wrong = [layer for layer in found.layers if layer.wrong]
    shown = wrong[:SHOWN_LAYERS] or sorted(found.layers, key=lambda layer: -layer.comparison.required)[:3]
    rows = [
        [
            layer.value,
            "+".join(layer.ops),
            "+".join(layer.types),
            _shown(layer.comparison.max_abs, ".2e"),
            _shown(layer.comparison.required, ".2e"),
            layer.status,
        ]
        for layer in shown
    ]
    if rows:
        title = f"{who}: {'layers that differ' if wrong else 'the least equal layers'}"
        print_table(LAYER_COLUMNS, rows, title, SPARE_OF_LAYERS)
    if len(wrong) > SHOWN_LAYERS:
        click.echo(f"{who}: {len(wrong) - SHOWN_LAYERS} more layers differ, downstream or in parallel")
    click.echo(f"{who}: {found.summary}")
    if found.first_fault and found.first_fault.repro:
        click.echo(f"{who}: cut out into {found.first_fault.repro} (see README.md there)")


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
