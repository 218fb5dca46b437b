"""A parity report -> the same report with every engine looked into: layer by layer, the culprit named and cut out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from converters.errors import ToolkitError
from toolkit.parity import repro
from toolkit.parity.culprit import FAULT, SUSPECTS, Culprit, roots, suspects
from toolkit.parity.cut import cut_out
from toolkit.parity.inputs import Feeds
from toolkit.parity.layer_report import LayerReport, skipped
from toolkit.parity.layers import CHUNK_BYTES, Layer, compare_layers
from toolkit.parity.mapping import ConversionMap
from toolkit.parity.pair import Pair, pair_of
from toolkit.parity.parity import Load, Rule, Step, Subject
from toolkit.parity.report import Report


def look_inside(
    report: Report,
    reference: Subject,
    others: Sequence[Subject],
    load: Load,
    rule: Rule,
    folder: Path | None = None,
    known: ConversionMap | None = None,
    say: Step = lambda text: None,
    limit: int = CHUNK_BYTES,
) -> Report:
    """Compare each engine that ran with the reference layer by layer, on the report's own inputs.

    Where a layer is at fault it is cut out into a folder of its own below `folder`.
    """
    rows = []
    for row, other in zip(report.rows, others, strict=True):
        if row.run is not None:
            pair = pair_of(reference, other, load, known)
            place = folder / f"{other.runtime}" if folder else None
            row = replace(row, layers=inspect(pair, report.reference.inputs, rule, place, say, limit))
        rows.append(row)
    return replace(report, rows=tuple(rows))


def inspect(
    pair: Pair, feeds: Sequence[Feeds], rule: Rule, folder: Path | None, say: Step, limit: int = CHUNK_BYTES
) -> LayerReport:
    """One engine against the reference."""
    layers = compare_layers(pair, feeds, rule, say, limit)
    say("looking for the layer where the difference begins")
    found = find_culprit(pair, layers, feeds, rule, folder)
    record = dict(pair.map.record) if pair.map else None
    return LayerReport(layers, found, skipped(pair, layers), pair.anchor, pair.caffe, record)


def find_culprit(
    pair: Pair, layers: Sequence[Layer], feeds: Sequence[Feeds], rule: Rule, folder: Path | None
) -> Culprit | None:
    """The first layer that differs though its inputs agree.

    Alone, on the reference's inputs, it must differ as well. Where it does not, the error gathers before it: then the
    layer that adds most to it and differs alone is named, if there is one.
    """
    found = roots(layers)
    if not found:
        return None
    first, others = found[0], tuple(layer.value for layer in found[1:])
    agreeing = {layer.value for layer in layers if not layer.wrong}
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        places = [Path(temporary, str(number)) for number in range(1 + SUSPECTS)]
        named = replace(_alone(pair, first, agreeing, feeds, rule, places[0]), others=others)
        if named.own_error is None or named.confirmed:
            return _kept(named, places[0], folder)
        for layer, place in zip(suspects(first, layers), places[1:], strict=False):
            tried = _alone(pair, layer, agreeing, feeds, replace(rule, tolerance=FAULT, tolerances={}), place)
            if tried.confirmed:
                return _kept(replace(tried, first=first.value, others=others), place, folder)
        return _kept(named, places[0], folder)


def _alone(
    pair: Pair, layer: Layer, agreeing: Collection[str], feeds: Sequence[Feeds], rule: Rule, place: Path
) -> Culprit:
    """Cut the layer out and run both engines on it alone."""
    try:
        part = repro.part_of(pair, cut_out(pair, layer.value, agreeing), feeds)
        repro.write(pair, part, place)
        (row,) = repro.rerun(pair, part, place, rule).rows
    except ToolkitError as error:
        return Culprit(layer, note=f"it can't be cut out: {error}")
    if not row.comparisons:
        return Culprit(layer, note=f"alone it can't be compared: {'; '.join(row.reasons)}")
    alone = Culprit(
        layer,
        own_error=max(found.required for found in row.comparisons),
        tolerance=rule.tolerances.get(layer.value, rule.tolerance),
    )
    repro.describe(pair, part, place, alone.sentence, alone.tolerance)
    return alone


def _kept(found: Culprit, place: Path, folder: Path | None) -> Culprit:
    """Move the files of the named layer to where the user wants them."""
    if folder is None or not place.is_dir():
        return found
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(place, folder)
    return replace(found, repro=str(folder))
