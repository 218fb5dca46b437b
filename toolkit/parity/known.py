"""What a user says about names -> checked against the files themselves, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from converters.caffe import text
from converters.errors import ToolkitError
from converters.mapping import ConversionMap
from toolkit.onnx_file import read_onnx, structure
from toolkit.parity.parity import Subject
from toolkit.parity.run import Run

SHOWN = 8  # names in a sentence


def known(subject: Subject) -> Collection[str] | None:
    """Every name of a value in a model's file, or in a saved run; None where only its engine could tell."""
    if isinstance(subject.target, Run):
        return {*subject.target.inputs[0], *subject.target.outputs[0]}
    if subject.is_onnx:
        graph = read_onnx(Path(subject.model), subject.precision).graph
        return {value.name for value in graph.input} | {value for node in graph.node for value in node.output if value}
    if subject.is_caffe:
        return {top for layer in text.read(Path(subject.model)).layers for top in layer.tops}
    return None


def need(name: str, there: Collection[str] | None, said: str) -> None:
    """Refuse a name that a model has not. A blob that is written over is also known by its number, `blob@1`."""
    if there is None or name in there or name.partition("@")[0] in there:
        return
    shown = get_close_matches(name, sorted(there), 3, 0.4) or [*sorted(there)[:SHOWN]]
    raise ToolkitError(f"{said}, and there is no '{name}' there but {', '.join(shown)}{' ...' * (len(there) > SHOWN)}")


def check_names(reference: Subject, others: Sequence[Subject], names: Mapping[str, str]) -> None:
    """Refuse a name map (reference -> other) that no pair of models here has a use for."""
    meant = [one for one in others if one.names]
    if names and not meant:
        raise ToolkitError(
            "a name map tells which blob of a Caffe net is which ONNX value: give one of each to compare"
        )
    for ours, theirs in names.items():
        need(ours, known(reference), f"the name map speaks of '{ours}' in {reference.model}")
        for one in meant:
            need(theirs, known(one), f"the name map speaks of '{theirs}' in {one.model}")


def cut_at(reference: Subject, others: Sequence[Subject], maps: Mapping[str, ConversionMap]) -> tuple[str, ...]:
    """The values at which the Caffe nets were cut from the reference's ONNX file; () where they have its own outputs.

    There is nothing else to compare then: the nets do not hold the rest of the model.
    """
    if not reference.is_onnx or isinstance(reference.target, Run) or any(one.model not in maps for one in others):
        return ()
    cuts = {tuple(maps[one.model].outputs) for one in others}
    own = {value.name for value in structure(Path(reference.model)).graph.output}
    return next((cut for cut in cuts if len(cuts) == 1 and set(cut) != own), ())
