"""Files that a conversion just wrote -> proof: run in the engines that speak their dialect, against onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import converters.dialects as dialects
from converters.errors import Refuted
from converters.mapping import ConversionMap
from toolkit.parity.inputs import Inputs
from toolkit.parity.localise.inside import look_inside
from toolkit.parity.localise.prove import prove
from toolkit.parity.parity import Rule, Say, Subject
from toolkit.parity.report import Report, Verdict
from toolkit.parity.targets import oracle_of
from toolkit.parity.translation import of_map, translated
from toolkit.runners.base import Load, Target

# Nothing speaks against the files: they agree, or these inputs can't tell.
UNREFUTED = {Verdict.PASSED, Verdict.IN_STEPS, Verdict.INSENSITIVE, Verdict.ILL_CONDITIONED}


class ParityFailed(Refuted):
    """The files do not compute what the model computes."""

    def __init__(self, report: Report, where: str) -> None:
        self.report = report
        found = [reason for row in report.rows for reason in (f"{row.runtime}: {text}" for text in row.reasons)]
        super().__init__(f"verdict {report.verdict.value}: {'; '.join(found) or 'nothing was compared'} ({where})")


def engines(dialect: str) -> tuple[str, ...]:
    """The runtimes that speak a dialect, the quickest to start first."""
    return dialects.find(dialect).engines


def verify(
    conversion: ConversionMap,
    prototxt: Path,
    caffemodel: Path,
    runtimes: Sequence[str],
    load: Load,
    inputs: Inputs | None = None,
    others: Sequence[Subject] = (),
    optional: bool = False,
    faults: Path | None = None,
    on_step: Say = lambda text: None,
) -> Report:
    """Compare a conversion's files with its source on at least two inputs.

    See `prove` for what is tried before files are called wrong, or not proven.

    Args:
        conversion: the map of the conversion.
        prototxt: the file as it lies now; it may get its name later.
        caffemodel: the same.
        runtimes: the engines to run the files in.
        load: builds a runner from a runtime's name and a target.
        inputs: what to feed; without it random numbers in [0, 1).
        others: what else is compared with the source, the PyTorch model say.
        optional: whether the verdict does without an engine that is not installed.
        faults: a folder: every value that both sides know is compared too, and what is at fault is cut out into it.
        on_step: hears what is being done.
    """
    oracle = oracle_of(Path(conversion.source), tuple(conversion.outputs))
    rivals = [Subject(name, Target(str(prototxt), caffemodel), optional=optional) for name in runtimes]
    loader = translated(load, {str(prototxt): of_map(conversion)})
    subjects = [*others, *rivals]
    inputs = inputs or Inputs(shapes=conversion.input_shapes)
    report = prove(oracle, subjects, loader, load, inputs, Rule(), conversion, on_step)
    return look_inside(report, oracle, subjects, load, Rule(), faults, conversion, on_step) if faults else report
