"""`toolkit benchmark`: how fast models run, in one engine or in several, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli import params
from toolkit.cli.output import json_option, need_report, print_json, print_table, progress, quiet_option, report_option

if TYPE_CHECKING:
    from toolkit.benchmark.measure import Contestant
    from toolkit.benchmark.report import Report, Times

FAILED = 1
COLUMNS = ("engine", "model", "ms", "min ms", "p50", "p90", "p99", "items/s", "peak MB", "noise", "ratio", "")
SPARE = ("peak MB", "p99", "noise", "items/s", "p90", "min ms", "model")
MOST_LAYERS = 15
AS_USERS_DO = {"onnxruntime": {"optimisation": "all"}}


@click.command(
    short_help="Measure how fast models run, in any engine, side by side.",
    epilog="Exits 0 when every target was measured and 1 otherwise, however noisy the machine was.",
)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@click.option("--runtime", "runtimes", multiple=True, metavar="NAME", help="Run plain targets in this one; repeatable.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="How many threads an engine may use."
)
@click.option("--batch", type=click.IntRange(min=1), help="First dimension of every input; the model's own without it.")
@click.option(
    "--input-shape", "shapes", multiple=True, type=params.SHAPE, help="The shape of an input that has open dimensions."
)
@click.option("--rounds", type=click.IntRange(min=6), default=20, show_default=True, help="How often to visit each.")
@click.option("--layers", is_flag=True, help="Show where the time goes, in engines that can tell.")
@report_option
@json_option
@quiet_option
@click.pass_context
def benchmark(
    ctx: click.Context,
    targets: tuple[str, ...],
    runtimes: tuple[str, ...],
    threads: int,
    batch: int | None,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    rounds: int,
    layers: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure the latency of every TARGET and compare it with the first one's.

    A target is written as for `toolkit parity`: net.onnx, net.prototxt, or RUNTIME:MODEL with options after commas.
    Every target runs in a process of its own; they are visited in turn, so that a machine that gets slower gets slower
    for all. Times are those of the engine alone; onnxruntime optimises as it does for its users. Each round counts by
    its fastest run: `ms` is the median of these, and items/s and the ratio are made of it. A ratio below 1 is faster
    than the first target; behind it stands the interval that holds it with 95 % certainty, by a test round by round.

    --layers shows the layers as the engine runs them: nodes that onnxruntime has merged are one layer. They, and what
    the engine does beside them, add up to one whole run, the fastest of 20 that were timed so.

    \b
    Examples:
      toolkit benchmark net.onnx net.prototxt
      toolkit benchmark opencv:net.onnx opencv:net.prototxt --layers --report speed.html
      toolkit benchmark onnxruntime:net.onnx,optimisation=disabled torch:shufflenet_v2_x1.0 --threads 4 --batch 8
    """
    from toolkit import runners
    from toolkit.benchmark.measure import Plan
    from toolkit.benchmark.measure import benchmark as measure

    need_report(html)
    wanted = params.once(shapes, "--input-shape")
    contestants = _contestants(targets, runtimes, threads)
    with progress(quiet=as_json) as step:
        plan = Plan(rounds, batch=batch, shapes=wanted, layers=layers)
        report = measure(contestants, runners.load, plan, step)
    if html:
        from toolkit.benchmark.page.html import write

        write(report.to_json(), html)
    if as_json:
        print_json(report.to_json())
    else:
        show(report)
    failed = [one for one in report.times if one.reason and not one.optional]
    for one in failed:
        click.echo(f"error: {one.label}: {one.reason}", err=True)
    if failed or not report.ran:
        ctx.exit(FAILED)


def _contestants(targets: Sequence[str], wanted: Sequence[str], threads: int) -> list[Contestant]:
    from toolkit.benchmark.measure import Contestant
    from toolkit.parity.targets import parse
    from toolkit.runners.base import RUNTIMES, Target

    texts = []
    for text in targets:
        named = text.partition(":")[0] in RUNTIMES
        texts += [text] if named or not wanted else [f"{runtime}:{text}" for runtime in wanted]
    found = []
    for subject in (one for text in texts for one in parse(text, RUNTIMES)):
        if not isinstance(subject.target, Target):
            raise click.UsageError(f"'{subject.model}' is a saved run: there is nothing to run")
        target = replace(subject.target, threads=threads)
        label = ",".join([target.path, *(f"{key}={value}" for key, value in target.options.items())])
        target = replace(target, options={**AS_USERS_DO.get(subject.runtime, {}), **target.options})
        found.append(Contestant(label, subject.runtime, target, subject.optional))
    return found


def show(report: Report) -> None:
    """The table for people, what was too noisy, and where the time goes."""
    from toolkit.benchmark.report import busy

    rows = [_row(report, one) for one in report.times]
    print_table(COLUMNS, rows, spare=SPARE)
    for version in dict.fromkeys(one.version for one in report.ran):
        click.echo(f"run with {version}")
    for one in report.times:
        if one.reason and one.optional:
            click.echo(f"{one.runtime}, {one.label}: not run: {one.reason}")
        if not one.settled:
            click.echo(f"{one.runtime}, {one.label}: was still getting faster after {one.warmup} runs of warm-up")
    if report.too_noisy:
        click.echo(busy(max(one.noise for one in report.too_noisy)))
    for one in report.ran:
        if one.layers:
            _show_layers(one)
        elif one.silent:
            click.echo(f"{one.runtime}, {one.label}: no layers: {one.silent}")


def _row(report: Report, one: Times) -> list[str]:
    from toolkit.benchmark.report import milliseconds
    from toolkit.benchmark.spread import percentile

    if one.reason:
        return [one.runtime, one.label, *["-"] * 9, "not run" if one.optional else "failed"]
    times = [one.typical, min(one.seconds), *(percentile(one.seconds, percent) for percent in (50, 90, 99))]
    found = report.ratio(one)
    return [
        one.runtime,
        one.label,
        *map(milliseconds, times),
        f"{one.throughput:.1f}" if one.throughput else "-",
        f"{one.memory / 1e6:.0f}" if one.memory else "-",
        f"{one.noise:.0%}",
        f"{found.middle:.2f} ({found.low:.2f}-{found.high:.2f})" if found else "1",
        report.verdict(one),
    ]


def _show_layers(one: Times) -> None:
    """The slowest layers, and what the run took beside all of them."""
    from toolkit.benchmark.report import milliseconds
    from toolkit.parity.page.wording import count

    slowest = sorted(one.layers.items(), key=lambda found: -found[1])
    shown, rest = slowest[:MOST_LAYERS], slowest[MOST_LAYERS:]
    if rest:
        shown.append((f"{len(rest)} more", sum(seconds for _, seconds in rest)))
    shown += [("other: not in a layer", one.other), ("a whole run", one.profiled)]
    rows = [[name, f"{1000 * seconds:.3f}", f"{seconds / one.profiled:.1%}"] for name, seconds in shown]
    merged = sum(seconds == 0 for seconds in one.layers.values())
    note = f", {merged} of them merged into others or too quick for its clock" if merged else ""
    slower = f"a run took {milliseconds(one.profiled)} ms with its layers timed, {milliseconds(one.typical)} without"
    click.echo(f"{one.runtime}, {one.label}: {count(len(slowest), 'layer')}{note}; {slower}")
    print_table(("layer", "ms", "share"), rows)
