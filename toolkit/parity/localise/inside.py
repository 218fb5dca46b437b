"""A parity report -> the same report with every engine looked into: layer by layer, the first fault cut out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from converters.mapping import ConversionMap
from toolkit.parity.inputs import Feeds
from toolkit.parity.layer_report import Layer, LayerReport
from toolkit.parity.localise.graph_json import graph_json
from toolkit.parity.localise.layers import CHUNK_BYTES, compare_layers
from toolkit.parity.localise.pair import Pair, pair_of
from toolkit.parity.localise.search import search
from toolkit.parity.parity import Rule, Say, Subject
from toolkit.parity.report import Report, Verdict
from toolkit.runners.base import Load, RunnerError

LOOKED_INTO = set(Verdict) - {Verdict.NOT_RUN}


def look_inside(
    report: Report,
    reference: Subject,
    others: Sequence[Subject],
    load: Load,
    rule: Rule,
    folder: Path | None = None,
    known: ConversionMap | None = None,
    say: Say = lambda text: None,
    limit: int = CHUNK_BYTES,
) -> Report:
    """Compare each engine that ran, or failed to, with the reference layer by layer, on the report's own inputs.

    Args:
        report: what `check` found.
        reference: the reference that it was given.
        others: the others that it was given, in their order.
        load: builds a runner, as for `check`.
        rule: what counts as equal.
        folder: where to put the parts that are at fault, each cut out into a folder of its own; None: nowhere.
        known: the map of the conversion; without it that beside the Caffe files is taken.
        say: hears what is being done.
        limit: bytes of values to hold at one time.

    Raises:
        ToolkitError: no graph is known whose values both sides could be asked for, or a saved run is among them.
        InvalidInput: the map was made from another ONNX file.
    """
    rows = []
    for row, other in zip(report.rows, others, strict=True):
        if row.verdict in LOOKED_INTO:
            pair = pair_of(reference, other, load, known)
            place = folder / other.runtime if folder else None
            differs = row.verdict in (Verdict.FAILED, Verdict.ERROR)
            row = replace(row, layers=inspect(pair, report.reference.inputs, rule, place, differs, say, limit))
        rows.append(row)
    return replace(report, rows=tuple(rows))


def inspect(
    pair: Pair,
    feeds: Sequence[Feeds],
    rule: Rule,
    folder: Path | None,
    differs: bool,
    say: Say = lambda text: None,
    limit: int = CHUNK_BYTES,
) -> LayerReport:
    """One engine against the reference. `differs`: whether its outputs do."""
    layers: tuple[Layer, ...] = ()
    failure = ""
    try:
        layers = compare_layers(pair, feeds, rule, say, limit)
    except RunnerError as error:  # it can't run the whole net: parts of it are run below
        failure = str(error)
    layers, found = search(pair, layers, differs or bool(failure), feeds, rule, folder, say)
    record = pair.map.to_json() if pair.map else None
    return LayerReport(layers, found, skipped(pair, layers), graph_json(pair, layers), record, failure)


def skipped(pair: Pair, layers: Sequence[Layer]) -> tuple[tuple[str, str], ...]:
    """The values of the reference graph that were not compared, each with the reason."""
    compared = {layer.value for layer in layers}
    known = pair.other.translation.names.keys() & pair.reference.translation.names.keys()
    return tuple(
        (value, "the engine does not show it" if value in known else "no value of its own on the other side")
        for value in pair.reference_graph.writer
        if value not in compared
    )
