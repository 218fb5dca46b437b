"""What every command shows: one JSON object for machines, tables and a spinner for people."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converters.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PARITY_FAILED = 1  # the exit code where numbers differ, or are not proven though a proof was asked for
QUIET = "toolkit.quiet"  # in click's meta: nothing but errors is to be printed
MOST_UNCUT = 16  # characters: no number and no verdict is longer
GOOD, BAD, OPEN = "green", "red", "yellow"
COLOURS = {
    **dict.fromkeys(("passed", "passed in steps", "faster", "yes"), GOOD),
    **dict.fromkeys(("failed", "error", "slower", "no"), BAD),
    **dict.fromkeys(("insensitive", "ill-conditioned", "not run", "skipped", "missing"), OPEN),
}


def _quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """From here on the command prints nowhere; what goes wrong is told when it has ended."""
    if value and not ctx.resilient_parsing:
        if ctx.params.get("as_json"):
            raise click.UsageError("--json and --quiet contradict each other")
        ctx.meta[QUIET] = True
        ctx.with_resource(redirect_stdout(io.StringIO()))


json_option = click.option("--json", "as_json", is_flag=True, is_eager=True, help="Print one JSON object on stdout.")
quiet_option = click.option(
    "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Print errors alone; the exit code tells."
)
report_option = click.option(
    "--report", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained .html file."
)


def need_report(html: Path | None) -> None:
    """Refuse --report where what makes pages is not installed: before the work, not behind it."""
    if html:
        from toolkit.parity.page.html import need

        need()


def is_quiet() -> bool:
    """Whether the command that runs was told to print nothing but errors."""
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(QUIET))


def note(text: str) -> None:
    """A line on stderr that is no error; none with --quiet."""
    if not is_quiet():
        click.echo(text, err=True)


def print_json(found: Any) -> None:
    """One JSON object on stdout. NaN and infinity are no JSON: callers say None."""
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    click.echo(text.encode("utf-8", "backslashreplace"))  # a path may be no UTF-8


def size(file: str | Path) -> str:
    """How large a file is: "913 B", "97.9 kB", "4.95 MB"."""
    count = Path(file).stat().st_size
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def coloured(word: str) -> str:
    """A verdict in its colour; click takes the colour away where stdout is no terminal."""
    colour = COLOURS.get(word)
    return word if colour is None or os.environ.get("NO_COLOR") else click.style(word, fg=colour)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", spare: Sequence[str] = ()
) -> None:
    """A table on stdout, verdicts in colour. In a pipe it keeps its full width, so that no word is cut or wrapped.

    A terminal too narrow for it gets fewer columns, those of `spare` left out first to last, and is told which. Then
    long names are folded; numbers and verdicts are never cut.
    """
    from rich.console import Console

    console = Console(file=sys.stdout)
    shown, left_out, table = list(columns), [], _table(columns, columns, rows, title)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=max(80, _width(console, table)))
    for name in spare:
        if _width(console, table) > console.width:
            shown.remove(name)
            left_out.append(name)
            table = _table(columns, shown, rows, title)
    console.print(table)
    if left_out:
        console.print(f"({console.width} characters are too few for: {', '.join(left_out)})", highlight=False)


def _table(columns: Sequence[str], shown: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> Table:
    from rich.table import Column, Table
    from rich.text import Text

    kept = [columns.index(name) for name in shown]
    short = {at for at in kept if max((len(row[at]) for row in rows), default=0) <= MOST_UNCUT}
    heads = [Column(columns[at], no_wrap=at in short, overflow="fold") for at in kept]
    table = Table(*heads, title=title or None, title_justify="left")
    for row in rows:  # Text: names such as "[x]" are no markup
        table.add_row(*(Text(printable(row[at]), style=COLOURS.get(row[at], "")) for at in kept))
    return table


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(width=10_000)).maximum


@contextmanager
def progress_bar(what: str, unit: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, total) that draws a bar with units a second on a terminal's stderr, nothing in a pipe.

    What was done before its first call, by an earlier run, does not count for the speed.
    """
    if quiet or is_quiet() or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, rate="")
        begun: list[tuple[int, float]] = []

        def update(done: int, total: int) -> None:
            if not begun:
                begun.append((done, time.monotonic()))
            seconds = time.monotonic() - begun[0][1]
            rate = f"{(done - begun[0][0]) / seconds:.0f} {unit}/s" if seconds > 0 else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield update


@contextmanager
def progress(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A function that shows what is going on: a spinner on a terminal's stderr, nothing in a pipe."""
    if quiet or is_quiet() or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda text: status.update(text)
