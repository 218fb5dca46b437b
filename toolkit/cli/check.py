"""`toolkit check`: every check that a parity.toml lists, in parallel, with one report for people and one for CI."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.output import (
    coloured,
    is_quiet,
    json_option,
    need_report,
    print_json,
    print_table,
    quiet_option,
    report_option,
)

if TYPE_CHECKING:
    from toolkit.check.run import Checked

FAILED = 1
COLUMNS = ("model", "dialect", "style", "engine", "max rel", "seconds", "status")
SPARE = ("seconds", "style", "max rel")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    short_help="Export, convert and compare everything that a parity.toml lists.",
    epilog="Exits 0 if every check passed and 1 otherwise.",
)
@click.argument("file", type=FILE, default="parity.toml", metavar="[PARITY.toml]")
@click.option(
    "--only", multiple=True, metavar="TEXT", help="Run checks with this in their name; * stands for anything."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Worker processes; one for each core by default.")
@click.option("--timeout", type=click.FloatRange(1), default=900, show_default=True, help="Seconds for one conversion.")
@click.option("--repro", type=FOLDER, help="Cut layers that are at fault out into this folder.")
@click.option("--output", type=NEW_FILE, help="Write the results as JSON.")
@report_option
@click.option("--junit", type=NEW_FILE, help="Write the results as JUnit XML, for CI systems.")
@json_option
@quiet_option
@click.pass_context
def check(
    ctx: click.Context,
    file: Path,
    only: tuple[str, ...],
    jobs: int | None,
    timeout: float,
    repro: Path | None,
    output: Path | None,
    html: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check the models in PARITY.toml in every dialect and engine that it names.

    \b
    A file as small as this is enough:
      dialects = ["portable", "bvlc"]
      [[models]]
      model = "shufflenet_v2_x0.5"      # or an .onnx file
      weights = "net.pth"

    \b
    Examples:
      toolkit check
      toolkit check parity.toml --only "x0.5 / portable" --report parity.html --junit parity.xml
    """
    from toolkit.check.run import run

    need_report(html)
    with progress(quiet=as_json) as heard:
        found = run(file, only=only, workers=jobs or 0, timeout=timeout, repro=repro, on_result=heard)
    _write(found, output, html, junit)
    if as_json:
        print_json(found.to_json())
    else:
        show(found)
    if not found.passed:
        ctx.exit(FAILED)


def _write(found: Checked, output: Path | None, html: Path | None, junit: Path | None) -> None:
    if output:
        import json

        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(found.to_json(), indent=1, allow_nan=False), encoding="utf-8")
    if html:
        from toolkit.parity.page.html import write_check

        write_check(found.to_json(), html)
    if junit:
        from toolkit.parity.page import junit as junit_file

        junit_file.write(found.test_cases(), junit, "toolkit check")


def show(found: Checked) -> None:
    """The table, below it why checks did not pass, and how many did."""
    rows = []
    for result in found.results:
        required = result["required_tolerance"]
        rows.append(
            [
                result["model"],
                result["dialect"] or "-",
                result["style"] or "-",
                result["runtime"],
                "-" if required is None else f"{required:.1e}",
                f"{result['seconds']:.1f}",
                result["status"],
            ]
        )
    print_table(COLUMNS, rows, spare=SPARE)
    for result in found.results:
        if result["status"] != "passed":
            click.echo(f"{result['name']}: {coloured(result['status'])}: {result['message']}")
    counts = ", ".join(
        f"{count} {status}" for status in ("passed", "failed", "error", "skipped") if (count := found.count(status))
    )
    click.echo(f"{counts} in {found.seconds:.0f} s")


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[dict[str, Any], int], None]]:
    """A function that hears of results: a bar on a terminal's stderr; in a log a line for each check that fails."""
    if quiet or is_quiet():
        yield lambda result, total: None
        return
    if not sys.stderr.isatty():
        yield _tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=None)

        def hear(result: dict[str, Any], total: int) -> None:
            bar.update(task, total=total, advance=1, description=result["name"])
            if result["status"] not in ("passed", "skipped"):
                bar.console.print(f"{result['name']}: {result['status']}", markup=False)

        yield hear


def _tell(result: dict[str, Any], total: int) -> None:
    if result["status"] not in ("passed", "skipped"):
        click.echo(f"{result['name']}: {result['status']}", err=True)
