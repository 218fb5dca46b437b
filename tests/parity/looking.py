"""Engines on a converted network, looked into as `toolkit parity --layers` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parity.planted import Converted
from toolkit import runners
from toolkit.cli.parity_options import translating
from toolkit.parity.inputs import Inputs
from toolkit.parity.layer_report import LayerReport
from toolkit.parity.localise.inside import look_inside
from toolkit.parity.localise.layers import CHUNK_BYTES
from toolkit.parity.parity import Rule, Subject, check
from toolkit.parity.report import Row
from toolkit.parity.targets import parse, parse_reference
from toolkit.runners.base import RUNTIMES, Load

Sound = Callable[[str], Converted]


def need(engine: str) -> None:
    if reason := runners.available()[engine]:
        pytest.skip(reason)


def subjects(reference: str, other: str) -> tuple[Subject, Subject]:
    (found,) = parse(other, RUNTIMES)
    return parse_reference(reference, RUNTIMES), found


def look(
    reference: str,
    other: str,
    folder: Path | None = None,
    load: Load = runners.load,
    rule: Rule | None = None,
    limit: int = CHUNK_BYTES,
) -> tuple[Row, LayerReport]:
    """The row of `other` and what is inside."""
    rule = rule or Rule()
    oracle, rival = subjects(reference, other)
    report = check(oracle, [rival], translating(load, [oracle, rival], None, {}), Inputs(), rule)
    (row,) = look_inside(report, oracle, [rival], load, rule, folder, limit=limit).rows
    assert row.layers is not None
    return row, row.layers
