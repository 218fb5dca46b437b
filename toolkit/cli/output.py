"""What every command shows: one JSON object for machines, tables and a spinner for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

PARITY_FAILED = 1  # the exit code where numbers differ, or are not proven though a proof was asked for

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def print_json(found: Any) -> None:
    """One JSON object on stdout. NaN and infinity are no JSON: callers say None."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """A table on stdout. In a pipe it keeps its full width, so that no word is cut or wrapped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: names such as "[x]" are no markup
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=max(80, console.measure(table, options=_unbounded(console)).maximum))
    console.print(table)


def _unbounded(console: Any) -> Any:
    return console.options.update(width=10_000)


@contextmanager
def progress_bar(what: str, unit: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, total) that draws a bar with units a second on a terminal's stderr, nothing in a pipe.

    What was done before its first call, by an earlier run, does not count for the speed.
    """
    if quiet or not sys.stderr.isatty():
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
    if quiet or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda text: status.update(text)
