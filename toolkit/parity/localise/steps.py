"""A comparison that proves nothing as a whole -> a proof in steps, each fed with the reference's own values.

Where a network is ill-conditioned or hardly depends on its input, its outputs can't tell right from wrong. Its parts
can: rounding does not gather from one part to the next, and each must answer the very values that the reference has
there. All parts within tolerance, and every layer in one of them, is a proof. A part that fails is halved, down to
single layers, so that a part is as long as the numbers allow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from converters.errors import ToolkitError
from converters.mapping import ConversionMap
from toolkit.parity.inputs import Feeds
from toolkit.parity.localise import repro
from toolkit.parity.localise.alone import Trial, Trials, run_alone
from toolkit.parity.localise.graphs import is_overwritten
from toolkit.parity.localise.pair import Pair, pair_of
from toolkit.parity.parity import Rule, Say, Subject
from toolkit.parity.report import Report, Row, Verdict, worst
from toolkit.parity.sensitivity import MOVES, moved
from toolkit.runners.base import Load

FIRST = 8  # parts to begin with
LAYERS = 64  # at most in a part: rounding gathers within one as well
DETECTS = 1e-2  # of a value's movement: agreement to that share of it tells, however little the value moves
SEED = 20240229
SHOWN = 3  # of what has no proof


@dataclass
class Steps:
    """What was proven: how many parts agree, the worst of them, the layers in them, and what has no proof, with why.

    `wrong` are the layers that differ by themselves, beyond what rounding explains: faults.
    """

    count: int = 0
    worst: float = 0.0
    covered: set[int] = field(default_factory=set)
    lacking: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def prove_in_steps(pair: Pair, feeds: Sequence[Feeds], rule: Rule, say: Say = lambda text: None) -> Steps:
    """Run the other side's net part by part; the engine runs each as the user has it, with its layers fused."""
    found = Steps()
    values = _values(pair)
    spans = [(start, stop) for start, stop in _spans(len(values))][::-1]
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        trials = Trials(pair, feeds, rule, Path(temporary), fused=True)
        while spans:
            start, stop = spans.pop()
            say(f"in steps: {found.count} parts agree, {start} of {len(values)} values")
            lacking = _span(trials, values, start, stop, found)
            if lacking and stop - start > 1:
                middle = (start + stop) // 2
                spans += [(middle, stop), (start, middle)]
            else:
                found.lacking += lacking
    found.lacking += _uncovered(pair, found)
    return found


def _values(pair: Pair) -> list[str]:
    """What the outputs are computed from and both sides can give, in topological order."""
    graph, names = pair.reference_graph, pair.other.translation.names
    needed = {value for output in graph.outputs for value in graph.ancestors(output)}
    return [
        value
        for value in graph.order
        if value in needed and value in graph.writer and value in names and not is_overwritten(names[value])
    ]


def _spans(count: int) -> Iterator[tuple[int, int]]:
    size = max(1, min(LAYERS, -(-count // FIRST)))
    for start in range(0, count, size):
        yield start, min(start + size, count)


def _span(trials: Trials, values: Sequence[str], start: int, stop: int, found: Steps) -> list[str]:
    """Prove values[start:stop] from those before them; what could not be proven, with why."""
    before, rest = values[:start], list(values[start:stop])
    passed: list[Trial] = []
    while rest:
        target = rest[-1]
        trial = run_alone(trials, target, before)
        doubt = _doubt(trial)
        if doubt and stop - start == 1:
            if _is_wrong(trials, trial):
                found.wrong.append(f"'{target}' by itself: {doubt}")
            else:
                trial, doubt = _with_other_numbers(trials, trial, doubt)
        if doubt:
            return [f"'{target}': {doubt}"]
        passed.append(trial)
        made = _made(trials.pair, trial, rest)
        rest = [value for value in rest[:-1] if value not in made]
    for trial in passed:
        _count(found, trial)
    return []


def _made(pair: Pair, trial: Trial, values: Sequence[str]) -> set[str]:
    """Which of the values both sides made in the part: a node may be in it whose layer is read by nobody else."""
    assert trial.part is not None
    ours, theirs = pair.reference_graph.writer, pair.other.graph.writer
    names, cut = pair.other.translation.names, trial.part.cut
    return {value for value in values if ours[value] in cut.nodes and theirs.get(names[value], -1) in cut.theirs}


def _count(found: Steps, trial: Trial) -> None:
    assert trial.part is not None
    assert trial.comparison is not None
    found.count += 1
    found.worst = max(found.worst, trial.comparison.required)
    found.covered.update(trial.part.cut.theirs)


def _doubt(trial: Trial) -> str:
    """Why a part proves nothing, or ''."""
    if trial.failure or trial.obstacle:
        return trial.failure or trial.obstacle
    if trial.comparison is None or trial.part is None:
        return "it was not compared"
    if not trial.comparison.passed:
        return "; ".join(trial.comparison.reasons)
    movement = max(moved(trial.part.expected[0], other) for other in trial.part.expected)
    if _tells(trial.comparison.required, movement):
        return ""
    return f"it moves by {movement:.2g} of its largest value only"


def _is_wrong(trials: Trials, trial: Trial) -> bool:
    """Whether a layer differs on the reference's values by more than rounding does to the reference itself."""
    if trial.part is None or not trial.wrong:
        return trial.wrong
    allowed = trials.rule.tolerances.get(trial.value, trials.rule.tolerance)
    (row,) = repro.rerun(trials.pair, trial.part, trial.folder, allowed, trials.fused).rows
    if row.verdict is Verdict.FAILED:
        with suppress(ToolkitError):  # not every node can be run in float64: what its own rounding does is unknown then
            (row,) = repro.rerun(trials.pair, trial.part, trial.folder, allowed, trials.fused, float64=True).rows
    return row.verdict in (Verdict.FAILED, Verdict.ERROR)


def _with_other_numbers(trials: Trials, trial: Trial, doubt: str) -> tuple[Trial, str]:
    """One layer that hardly moves, or only rounds, on the reference's values: on random numbers of like size."""
    if trial.part is None or trial.comparison is None:
        return trial, doubt
    rng = np.random.default_rng(SEED)
    inputs = tuple({name: _like(array, rng) for name, array in sample.items()} for sample in trial.part.inputs)
    part = replace(trial.part, inputs=inputs)
    allowed = trials.rule.tolerances.get(trial.value, trials.rule.tolerance)
    report = repro.rerun(trials.pair, part, trial.folder, allowed, trials.fused)
    (row,) = report.rows
    (movement,) = (one.movement for one in report.sensitivity)
    (compared,) = worst(row.comparisons) or (trial.comparison,)
    proven = row.verdict in (Verdict.PASSED, Verdict.INSENSITIVE) and _tells(compared.required, movement)
    return replace(trial, part=part, comparison=compared), "" if proven else doubt


def _tells(required: float, movement: float) -> bool:
    """Whether agreement to `required` shows that a value depends on what it is made of as it should."""
    return movement >= MOVES or (movement > 0 and required <= DETECTS * movement)


def _like(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random numbers around zero as large as these."""
    size = float(np.abs(array).max()) or 1.0
    return rng.uniform(-size, size, array.shape).astype(array.dtype)


def _uncovered(pair: Pair, found: Steps) -> list[str]:
    """The other side's layers that no agreeing part holds."""
    graph, names = pair.other.graph, pair.other.translation.names
    targets = [names.get(output, output) for output in pair.reference_graph.outputs]
    steps, _ = graph.region(targets, ())
    return [f"layer '{graph.steps[index].id}' is in no part" for index in steps if index not in found.covered]


def with_steps(
    report: Report,
    reference: Subject,
    others: Sequence[Subject],
    load: Load,
    rule: Rule,
    known: ConversionMap | None = None,
    say: Say = lambda text: None,
) -> Report:
    """The report with a proof in steps of each Caffe net whose comparison proves nothing as a whole.

    `known` is the map of the conversion; without it that beside the files is taken. Where a net can't be taken apart,
    its row says why and stays as it was.
    """
    rows = []
    for row, other in zip(report.rows, others, strict=True):
        if other.is_caffe and row.verdict in (Verdict.INSENSITIVE, Verdict.ILL_CONDITIONED):
            try:
                found = prove_in_steps(pair_of(reference, other, load, known), report.reference.inputs, rule, say)
                row = _judged(row, found)
            except ToolkitError as error:
                row = replace(row, notes=(*row.notes, f"it can't be proven in steps: {error}"))
        rows.append(row)
    return replace(report, rows=tuple(rows))


def _judged(row: Row, found: Steps) -> Row:
    """The row with what the steps have shown."""
    if found.wrong:
        return replace(row, verdict=Verdict.FAILED, reasons=(*row.reasons, *found.wrong))
    if found.count and not found.lacking:
        said = (
            f"proven in {found.count} steps, each on the reference's own values: every layer agrees, the worst step to "
            f"{found.worst:.2g} of its largest value"
        )
        return replace(row, verdict=Verdict.IN_STEPS, reasons=(), notes=(*row.notes, *row.reasons, said))
    more = f"; and {len(found.lacking) - SHOWN} more" if len(found.lacking) > SHOWN else ""
    lacking = "; ".join(found.lacking[:SHOWN]) + more
    said = f"in steps {found.count} parts agree, without proof: {lacking or 'everything'}"
    return replace(row, reasons=(*row.reasons, said))
