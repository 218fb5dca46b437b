"""A part of the network by itself: cut out, written, and run in both engines again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converters.errors import ToolkitError
from toolkit.parity.compare import OutputComparison
from toolkit.parity.inputs import Feeds
from toolkit.parity.localise import repro
from toolkit.parity.localise.cut import cut_out
from toolkit.parity.localise.pair import Pair
from toolkit.parity.parity import Rule
from toolkit.parity.report import Verdict, worst


@dataclass(frozen=True)
class Trials:
    """What parts are cut out with: the two engines, the inputs, what counts as equal, and a folder to work in.

    `fused`: the engine runs as the user has it; else every layer by itself, as in the comparison layer by layer.
    """

    pair: Pair
    feeds: Sequence[Feeds]
    rule: Rule
    folder: Path
    fused: bool = False


@dataclass(frozen=True)
class Trial:
    """One part, run: how it compares, the engine's `failure` on it, or the `obstacle` that kept us from running it."""

    value: str
    folder: Path
    part: repro.Part | None = None
    comparison: OutputComparison | None = None
    failure: str = ""
    obstacle: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the part alone differs, or the engine fails on it."""
        return bool(self.failure) or (self.comparison is not None and not self.comparison.passed)

    @property
    def error(self) -> float | None:
        """The tolerance that the part alone would need: inf where the engine fails on it, None where it did not run."""
        if self.failure:
            return float("inf")
        return self.comparison.required if self.comparison else None


def run_alone(trials: Trials, value: str, agreeing: Collection[str]) -> Trial:
    """Cut out what makes `value` from values of `agreeing`, and compare that alone on the reference's arrays."""
    place = trials.folder / str(len(list(trials.folder.iterdir())))
    place.mkdir()
    try:
        part = repro.part_of(trials.pair, cut_out(trials.pair, value, agreeing), trials.feeds)
        repro.write(trials.pair, part, place)
        allowed = trials.rule.tolerances.get(value, trials.rule.tolerance)
        (row,) = repro.rerun(trials.pair, part, place, allowed, trials.fused).rows
    except ToolkitError as error:
        return Trial(value, place, obstacle=f"it can't be cut out: {error}")
    said = "; ".join(row.reasons)
    if row.verdict is Verdict.ERROR:
        return Trial(value, place, part, failure=said)
    found = worst(row.comparisons)
    if len(found) != 1:
        return Trial(value, place, part, obstacle=f"alone it can't be compared: {said}")
    return Trial(value, place, part, replace(found[0], name=value))
