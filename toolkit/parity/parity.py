"""A reference and other engines -> the same inputs for all, and a report on every one of the others.

The engines run one after the other; where one is missing or crashes, its row says so and the rest still runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from converters import mapping
from converters.errors import InvalidInput, ToolkitError
from converters.mapping import ConversionMap
from toolkit.onnx_file import FLOAT32, OWN, PRECISION
from toolkit.parity import float64
from toolkit.parity import names as naming
from toolkit.parity.compare import TOLERANCE, Comparison, compare, without_added_axes
from toolkit.parity.cost import cost_of
from toolkit.parity.inputs import Feeds, Inputs, Shapes, make, nudged
from toolkit.parity.report import Report, Row, Verdict, judge
from toolkit.parity.run import Outputs, Run, record
from toolkit.parity.sensitivity import Sensitivity, measure, noise_of_samples
from toolkit.runners.base import Load, RunnerError, RunnerUnavailable, Target, traits_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A model in a runtime, or a saved run of one.

    Attributes:
        runtime: the name of the runtime.
        target: what to run in it, or what it has computed already.
        names: the reference's names of inputs and outputs -> this one's, where they differ.
        optional: where the runtime is not installed, that is shown and does not count.
    """

    runtime: str
    target: Target | Run
    names: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False

    @property
    def model(self) -> str:
        """The path or name of what is run, or was."""
        return self.target.model if isinstance(self.target, Run) else self.target.path

    @property
    def is_caffe(self) -> bool:
        """Whether the model is a Caffe net."""
        return self.model.endswith(".prototxt")

    def conversion_map(self) -> ConversionMap | None:
        """The map that the converter wrote beside a Caffe net, where there is one."""
        return mapping.beside(Path(self.model)) if self.is_caffe else None

    @property
    def precision(self) -> str:
        """What an ONNX file is read in."""
        return OWN if isinstance(self.target, Run) else self.target.options.get(PRECISION, OWN)

    @property
    def is_onnx(self) -> bool:
        """Whether the model is an ONNX file."""
        return self.model.endswith(".onnx")


@dataclass(frozen=True)
class Rule:
    """What counts as equal.

    Attributes:
        tolerance: of the largest value of an output of the reference, from 0 to below 1.
        tolerances: other ones for some outputs, by the reference's names.
        constants: outputs that need not depend on the input.
        float64: whether to run the reference in double precision as well, to know its own error.
        plain: whether what an engine gives where nobody names an output has to be an output.
    """

    tolerance: float = TOLERANCE
    tolerances: Mapping[str, float] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    float64: bool = False
    plain: bool = True


def check(
    reference: Subject,
    others: Sequence[Subject],
    load: Load,
    inputs: Inputs | None = None,
    rule: Rule | None = None,
    on_step: Say = lambda text: None,
) -> Report:
    """Run the reference and the others on at least two samples and compare each of the others with the reference.

    Args:
        reference: what is right.
        others: who is compared with it; a saved run among them brings its own inputs.
        load: builds a runner from a runtime's name and a target, `toolkit.runners.load` say.
        inputs: what to feed; without it random numbers in [0, 1).
        rule: what counts as equal; without it differences within 1e-4 of the largest value of an output.
        on_step: hears what is being done, in a few words.

    Raises:
        ToolkitError: the reference can't be run, or the rule names outputs that it has not: there is nothing to report
            then. What goes wrong in the others is in their rows.
    """
    rule = rule or Rule()
    oracle = _reference(reference, others, load, inputs or Inputs(), on_step)
    exact = _in_float64(reference, oracle, load, on_step) if rule.float64 else []
    _need_outputs(rule.constants, "is declared constant", oracle)
    _need_outputs(rule.tolerances, "is given a tolerance", oracle)
    moves = measure(oracle.outputs, oracle.noise, rule.constants, exact, oracle.shaken)
    rows = tuple(_row(oracle, other, load, moves, rule, on_step) for other in others)
    cost = cost_of(reference.target, reference.runtime, oracle, load) if reference.precision == FLOAT32 else None
    return Report(oracle, rows, moves, rule.tolerance, dict(rule.tolerances), cost)


def _need_outputs(named: Iterable[str], said: str, oracle: Run) -> None:
    """Refuse what a rule says about an output that the reference has not."""
    for name in named:
        if name not in oracle.outputs[0]:
            raise ToolkitError(f"'{name}' {said}, but the outputs are {', '.join(oracle.outputs[0])}")


def _reference(subject: Subject, others: Sequence[Subject], load: Load, inputs: Inputs, on_step: Say) -> Run:
    """The reference's run, with its noise floor."""
    if isinstance(subject.target, Run):
        return subject.target
    saved = next(((one.target, one.names) for one in others if isinstance(one.target, Run)), None)
    with load(subject.runtime, subject.target) as runner:
        feeds = _feeds_of(*saved, runner.inputs) if saved else make(inputs, runner.inputs, runner.dtypes)
        run = record(runner, subject.model, feeds, on_step)
        on_step(f"{subject.runtime}: how much rounding moves the outputs")
        moved = [dict(runner.run(nudged(sample))) for sample in feeds]
    shaken = noise_of_samples(run.outputs, moved)
    return replace(run, noise={name: max(found) for name, found in shaken.items()}, shaken=shaken)


def _in_float64(subject: Subject, oracle: Run, load: Load, on_step: Say) -> list[dict[str, np.ndarray]]:
    """The reference's outputs in double precision, by a runtime that computes every node as the reference does."""
    if not subject.is_onnx or isinstance(subject.target, Run):
        raise ToolkitError(f"only an ONNX file can be run in float64, not '{subject.model}'")
    path, samples = Path(subject.model), oracle.inputs
    on_step("every node in float64")
    everything = replace(subject.target, outputs=float64.values(path, subject.precision))
    with load(subject.runtime, everything) as runner:
        for sample in samples:
            float64.audit(path, {**sample, **runner.run(sample)}, subject.precision)
    on_step("the reference in float64")
    return float64.run(path, samples, tuple(oracle.outputs[0]), subject.precision)


def _feeds_of(run: Run, names: Mapping[str, str], declared: Shapes) -> tuple[Feeds, ...]:
    """The inputs of a saved run under the reference's names."""
    pairs, problems = naming.match(tuple(declared), tuple(run.inputs[0]), names, "input")
    if problems:
        raise InvalidInput(f"the saved run of {run.model}: {problems[0]}")
    return tuple({ours: sample[theirs] for ours, theirs in pairs.items()} for sample in run.inputs)


def _row(oracle: Run, other: Subject, load: Load, moves: tuple[Sensitivity, ...], rule: Rule, on_step: Say) -> Row:
    blank = Row(other.runtime, other.model, Verdict.NOT_RUN, optional=other.optional)
    try:
        run = (
            _saved(oracle, other, other.target)
            if isinstance(other.target, Run)
            else _live(oracle, other, other.target, load, on_step, rule.plain)
        )
    except RunnerUnavailable as error:
        return replace(blank, reasons=(f"not run: {error}",))
    except RunnerError as error:
        return replace(blank, verdict=Verdict.ERROR, reasons=(str(error),))
    except _Misfit as error:
        return replace(blank, verdict=Verdict.FAILED, reasons=error.problems)
    comparisons = tuple(
        _compared(ours, theirs, other, rule) for ours, theirs in zip(oracle.outputs, run.outputs, strict=True)
    )
    verdict, reasons, notes = judge(comparisons, moves)
    return replace(blank, verdict=verdict, reasons=reasons, notes=notes, comparisons=comparisons, run=run)


class _Misfit(Exception):
    """The engine can't be fed what the reference was fed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(*problems)
        self.problems = tuple(problems)


def _live(oracle: Run, subject: Subject, target: Target, load: Load, on_step: Say, plain: bool) -> Run:
    with load(subject.runtime, target) as runner:
        resizes = Path(subject.model).suffix in traits_of(subject.runtime).resizes
        feeds = _renamed(oracle.inputs, runner.inputs, subject.names, resizes)
        run = record(runner, subject.model, feeds, on_step)
        if plain and not target.outputs and runner.plain and runner.plain not in run.outputs[0]:
            raise _Misfit([_other_than_meant(runner.plain, tuple(run.outputs[0]))])
        return run


def _other_than_meant(plain: str, outputs: Sequence[str]) -> str:
    """What is wrong with a net whose last layer makes no output."""
    return (
        f"net.forward() without a name gives '{plain}', which the last layer makes, and not the output "
        f"'{outputs[-1]}': put the layer that makes it last"
    )


def _renamed(feeds: Sequence[Feeds], declared: Shapes, names: Mapping[str, str], resizes: bool = False) -> list[Feeds]:
    """The reference's feeds under the names of this engine's inputs. `resizes`: it takes any batch."""
    pairs, problems = naming.match(tuple(feeds[0]), tuple(declared), names, "input")
    for ours, theirs in pairs.items():
        shape, want = feeds[0][ours].shape, declared[theirs]
        if not _takes(shape, want, resizes):
            problems.append(f"input '{theirs}' takes shape {want}, the reference was fed {shape}")
    if problems:
        raise _Misfit(problems)
    return [{theirs: sample[ours] for ours, theirs in pairs.items()} for sample in feeds]


def _takes(shape: tuple[int, ...], declared: tuple[int | None, ...], resizes: bool) -> bool:
    free = [None, *declared[1:]] if resizes and declared else list(declared)
    return len(shape) == len(free) and all(size in (had, None) for had, size in zip(shape, free, strict=True))


def _saved(oracle: Run, subject: Subject, run: Run) -> Run:
    """A saved run counts only if it was fed the very same numbers."""
    if len(run.inputs) != len(oracle.inputs):
        raise _Misfit([f"the saved run has {len(run.inputs)} samples, the reference {len(oracle.inputs)}"])
    declared = {name: array.shape for name, array in run.inputs[0].items()}
    for index, (ours, theirs) in enumerate(
        zip(_renamed(oracle.inputs, declared, subject.names), run.inputs, strict=True)
    ):
        if any(not np.array_equal(ours[name], theirs[name]) for name in theirs):
            raise _Misfit([f"the saved run was fed other numbers than the reference (sample {index})"])
    return run


def _compared(reference: Outputs, other: Outputs, subject: Subject, rule: Rule) -> Comparison:
    fewest = traits_of(subject.runtime).fewest_axes
    pairs, _ = naming.match(tuple(reference), tuple(other), subject.names)
    fitting = {theirs: without_added_axes(reference[ours], other[theirs], fewest) for ours, theirs in pairs.items()}
    return compare(reference, {**other, **fitting}, rule.tolerance, rule.tolerances, subject.names)
