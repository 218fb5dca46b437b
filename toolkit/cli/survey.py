"""The table of `toolkit inspect --dialect all`: every dialect, what it makes of one model, and what blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from toolkit.cli.output import print_table

if TYPE_CHECKING:
    from converters.onnx_to_caffe.survey import Row

SHOWN = 2  # blockers of a dialect, and reasons why it is slow
ATTEMPT = re.compile(r"; [a-z_0-9]+: ")  # what a rewrite that was tried says


def show(rows: Sequence[Row]) -> None:
    """The table, then what blocks first: once for all dialects that it keeps out; then what is slow."""
    print_table(
        ("dialect", "takes it", "layers", "on the CPU", "blockers"),
        [(row.dialect, "yes" if row.converts else "no", *map(_count, _numbers(row))) for row in rows],
    )
    where: dict[str, list[str]] = {}
    for row in rows:
        told = (f"{found.op} '{found.name}': {_limit(found.reason, row.dialect)}" for found in row.blockers)
        for blocker in [*dict.fromkeys(told)][:SHOWN]:  # one node may fall short in several layers, for one reason
            where.setdefault(blocker, []).append(row.dialect)
    for blocker, names in where.items():
        _line(f"{blocker} ({', '.join(names)})")
    for row in rows:
        for reason, count in list(row.slow.items())[:SHOWN]:
            _line(f"{row.dialect}: {count} on the CPU: {reason}")
    able = [row.dialect for row in rows if row.converts]
    _line(f"converts in: {', '.join(able) or 'no dialect'}")


def _numbers(row: Row) -> tuple[int, int, int]:
    return row.layers, sum(row.slow.values()), len(row.blockers)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _limit(reason: str, dialect: str) -> str:
    """The limit that is met, without the ways round it that were tried."""
    return ATTEMPT.split(reason)[0].replace(f"{dialect} has no", "no")


def _line(text: str) -> None:
    click.echo(click.wrap_text(text, width=80, subsequent_indent="    "))
