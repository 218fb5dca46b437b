"""Two or more engines on the same inputs -> the verdict that every command gives: as a whole, in float64, in steps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from converters.errors import ToolkitError
from converters.mapping import ConversionMap
from toolkit.parity.float64 import NOTHING
from toolkit.parity.inputs import Inputs
from toolkit.parity.localise.steps import with_steps
from toolkit.parity.parity import Rule, Say, Subject, check
from toolkit.parity.report import Report, Verdict
from toolkit.runners.base import Load

# Of the largest value: a difference beyond is no rounding, unless the input's own rounding moves the output as much, or
# both are next to nothing: onnxruntime's sigmoid may be 0 where the true one is 1e-8.
ROUNDING = 1e-2


def prove(
    reference: Subject,
    others: Sequence[Subject],
    load: Load,
    plain: Load,
    inputs: Inputs,
    rule: Rule,
    known: ConversionMap | None = None,
    say: Say = lambda text: None,
) -> Report:
    """Compare the others with the reference.

    Where they differ by what may be rounding, the reference is run in float64 too: a difference no larger than what
    float32 does to the reference itself speaks against these inputs and not against the files. Where these inputs
    prove nothing as a whole, Caffe files are proven in steps, each on the reference's own values.

    Args:
        reference: what is right.
        others: what is compared with it.
        load: builds a runner that calls inputs and outputs as the reference does.
        plain: builds one that calls them as its own file does.
        inputs: what to feed.
        rule: what counts as equal.
        known: the map of the conversion; without it that beside the files is taken.
        say: hears what is being done.
    """
    report = check(reference, others, load, inputs, rule, say)
    if reference.is_onnx and not rule.float64 and _may_be_rounding(report):
        with suppress(ToolkitError):  # not every model can be run in float64
            report = check(reference, others, load, inputs, replace(rule, float64=True), say)
    return with_steps(report, reference, others, plain, rule, known, say)


def _may_be_rounding(report: Report) -> bool:
    noise = {one.name: one.noise for one in report.sensitivity}
    return any(
        not output.passed
        and (output.max_abs <= NOTHING or output.required <= max(ROUNDING, noise.get(output.name, 0.0)))
        for row in report.rows
        if row.verdict is Verdict.FAILED
        for comparison in row.comparisons
        for output in comparison.outputs
    )
