"""Where two engines differ -> the part at fault, proven alone: from the layers compared, or by cutting the net."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.parity.compare import OutputComparison
from toolkit.parity.inputs import Feeds
from toolkit.parity.layer_report import FirstFault, Layer
from toolkit.parity.localise import repro
from toolkit.parity.localise.alone import Trial, Trials, run_alone
from toolkit.parity.localise.bisect import Bisection, bisect
from toolkit.parity.localise.first_fault import FAULT, roots, suspects
from toolkit.parity.localise.graphs import is_overwritten
from toolkit.parity.localise.layers import Times, described
from toolkit.parity.localise.pair import Pair
from toolkit.parity.parity import Rule, Say

Found = tuple[tuple[Layer, ...], "FirstFault | None"]


def search(
    pair: Pair,
    layers: Sequence[Layer],
    differs: bool,
    feeds: Sequence[Feeds],
    rule: Rule,
    folder: Path | None,
    say: Say = lambda text: None,
) -> Found:
    """The layers, and the first fault with its files moved to `folder`.

    `differs`: the engine fails or its outputs are wrong. Where none of the layers shows why (the engine can't be looked
    into, or goes wrong only with its layers fused), the net is cut, and the layers are those that were cut at.
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        trials = Trials(pair, feeds, rule, Path(temporary))
        found = _by_layers(trials, layers, say)
        if found is None and differs:
            trials = replace(trials, fused=True)
            layers, found = _by_cutting(trials, layers, say)
        if found is None:
            return tuple(layers), None
        fault, trial = found
        return tuple(layers), _kept(trials, fault, trial, folder)


def _by_layers(trials: Trials, layers: Sequence[Layer], say: Say) -> tuple[FirstFault, Trial] | None:
    """The first layer that differs though its inputs agree.

    Alone, on the reference's inputs, it must differ as well. Where it does not, the error gathers before it: then the
    layer that adds most to it and differs alone is named, if there is one.
    """
    found = roots(layers)
    if not found:
        return None
    say("looking for the layer where the difference begins")
    first, others = found[0], tuple(layer.value for layer in found[1:])
    agreeing = {layer.value for layer in layers if not layer.wrong}
    trial = run_alone(trials, first.value, agreeing)
    named = replace(_first_fault(first, trial, trials.rule), others=others)
    if trial.wrong:
        return _narrowed(trials, named, trial, agreeing, say)
    strict = replace(trials, rule=replace(trials.rule, tolerance=FAULT, tolerances={}))
    for layer in suspects(first, layers) if not trial.obstacle else ():
        tried = run_alone(strict, layer.value, agreeing)
        if tried.wrong:
            return replace(_first_fault(layer, tried, strict.rule), first=first.value, others=others), tried
    return named, trial


def _narrowed(
    trials: Trials, fault: FirstFault, trial: Trial, agreeing: Collection[str], say: Say
) -> tuple[FirstFault, Trial]:
    """The fault within a part of several nodes, where the engine names values inside it that it does not show."""
    if trial.part is None:
        return fault, trial
    steps = [trials.pair.reference_graph.steps[index] for index in trial.part.cut.nodes]
    named = trials.pair.other.translation.names
    inner = [v for step in steps for v in step.writes if v in named and v != fault.layer.value]
    found = bisect(trials, fault.layer.value, inner, agreeing, say) if inner else None
    if found is None or found.first_wrong == fault.layer.value:
        return fault, trial
    narrow = found.trials[found.first_wrong]
    (layer,) = _cut_layers(trials, Bisection(found.first_wrong, {found.first_wrong: narrow}))
    return replace(_first_fault(layer, narrow, trials.rule), others=fault.others), narrow


def _by_cutting(
    trials: Trials, layers: Sequence[Layer], say: Say
) -> tuple[Sequence[Layer], tuple[FirstFault, Trial] | None]:
    """Run ever smaller nets that begin at the network's inputs, until the first wrong value is found."""
    graph, named = trials.pair.reference_graph, trials.pair.other.translation.names
    values = [v for v in graph.order if v in named and v in graph.writer and not is_overwritten(v)]
    for output in graph.outputs:
        found = bisect(trials, output, values, (), say) if output in named else None
        if found is None:
            continue
        cut = _cut_layers(trials, found)
        layer = next(one for one in cut if one.value == found.first_wrong)
        trial = run_alone(trials, found.first_wrong, found.agreeing)
        if not trial.wrong:  # alone it is right: what is wrong is the net up to it
            trial = found.trials[found.first_wrong]
        seen = {one.value for one in layers}
        fault = _first_fault(layer, trial, trials.rule)
        return [*layers, *(one for one in cut if one.value not in seen)], (fault, trial)
    return layers, None


def _cut_layers(trials: Trials, found: Bisection) -> list[Layer]:
    """The values that were cut at, as layers."""
    names = trials.pair.other.translation.names
    made = [
        Layer(value, names[value], _comparison(trial, names[value], trials.rule))
        for value, trial in found.trials.items()
        if not trial.obstacle
    ]
    made.sort(key=lambda layer: trials.pair.reference_graph.order[layer.value])
    return list(described(made, trials.pair, Times()))


def _comparison(trial: Trial, blob: str, rule: Rule) -> OutputComparison:
    if trial.comparison is not None:
        return replace(trial.comparison, other_name=blob)
    allowed = rule.tolerances.get(trial.value, rule.tolerance)
    return OutputComparison(trial.value, blob, (), allowed, problems=(f"the engine fails: {trial.failure}",))


def _first_fault(layer: Layer, trial: Trial, rule: Rule) -> FirstFault:
    failed = f"the engine fails: {trial.failure}" if trial.failure else ""
    if trial.comparison is not None and math.isinf(trial.comparison.required):
        failed = "; ".join(trial.comparison.reasons)
    return FirstFault(
        layer,
        own_error=trial.error,
        tolerance=rule.tolerances.get(layer.value, rule.tolerance),
        note=trial.obstacle or failed,
    )


def _kept(trials: Trials, found: FirstFault, trial: Trial, folder: Path | None) -> FirstFault:
    """Write the README and move the files to where the user wants them, if they show the fault by themselves."""
    if trial.part is None or folder is None or not trial.wrong:
        return found
    repro.describe(trials.pair, trial.part, trial.folder, found.sentence, found.tolerance, trials.fused)
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(trial.folder, folder)
    return replace(found, repro=str(folder))
