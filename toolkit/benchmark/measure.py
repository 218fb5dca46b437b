"""Contestants -> their times: all are loaded and warmed up until they get no faster, and then run in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import ceil
from statistics import median

import numpy as np

from converters.errors import ToolkitError
from toolkit.benchmark.process import Contest
from toolkit.benchmark.report import Report, Times
from toolkit.parity.inputs import Inputs, make
from toolkit.runners.base import Load, RunnerError, RunnerUnavailable, Target

Step = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """A model in a runtime. `optional`: where the runtime is not installed, that is told and does not count."""

    label: str
    runtime: str
    target: Target
    optional: bool = False


@dataclass(frozen=True)
class Plan:
    """How long to measure, and on what.

    Attributes:
        rounds: how often every contestant is visited; six at least for a ratio with its interval.
        visit: about how long a visit takes, in seconds.
        warmup: how long a contestant may get faster before it is measured anyway, in seconds.
        batch: the first dimension of every input; None for the model's own.
        shapes: of inputs whose shape is dynamic, by name.
        layers: whether to time every layer as well, in engines that can.
    """

    rounds: int = 20
    visit: float = 0.1
    warmup: float = 5.0
    batch: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    layers: bool = False


WINDOW = 5  # runs that are compared with the five before them
SETTLED = 0.97  # of the time of the window before: less means that it still gets faster
MOST_RUNS = 200  # in one visit
LAYER_RUNS = 20


def benchmark(
    contestants: Sequence[Contestant], load: Load, plan: Plan | None = None, on_step: Step = lambda text: None
) -> Report:
    """Measure every contestant; one whose runtime is missing, or that fails, has its reason in place of times.

    Args:
        contestants: the first is what the others are compared with.
        load: builds a runner from a runtime's name and a target; it is called in processes of their own, so it must be
            a function of a module, not of the script that is run.
        plan: how long to measure, and on what.
        on_step: hears what is being done, in a few words.

    Raises:
        ToolkitError: a shape is given for an input that none of the models has; `load` can't be imported.
    """
    plan = plan or Plan()
    unknown = set(plan.shapes)
    found: list[Times] = []
    with ExitStack() as stack:
        ready: dict[int, Contest] = {}
        for number, one in enumerate(contestants):
            on_step(f"{one.label}: loading")
            try:
                contest = stack.enter_context(Contest(load, one.runtime, one.target))
                unknown -= set(contest.inputs)
                feeds = _feeds(contest, plan)
                contest.feed(feeds)
                on_step(f"{one.label}: warming up")
                found.append(_warmed_up(contest, plan, _blank(one, contest, feeds)))
                ready[number] = contest
            except (RunnerError, RunnerUnavailable) as error:
                found.append(Times(one.label, one.runtime, reason=str(error), optional=one.optional))
        if unknown and ready:
            raise ToolkitError(f"a shape is given for input '{min(unknown)}', which none of the models has")
        for number, rounds in _race(ready, found, plan, on_step).items():
            found[number] = replace(found[number], rounds=rounds, memory=ready[number].memory())
    for number in ready if plan.layers else ():
        found[number] = _with_layers(found[number], contestants[number], load, plan, on_step)
    return Report(tuple(found), contestants[0].target.threads)


def _blank(one: Contestant, contest: Contest, feeds: Mapping[str, np.ndarray]) -> Times:
    sizes = {array.shape[0] if array.ndim else 0 for array in feeds.values()}
    return Times(one.label, one.runtime, contest.version, batch=sizes.pop() if len(sizes) == 1 else None)


def _feeds(contest: Contest, plan: Plan) -> Mapping[str, np.ndarray]:
    """Random inputs, the same for every run; with a batch, as many as that along the first axis."""
    declared = contest.inputs
    if plan.batch is not None:
        declared = {name: (None, *shape[1:]) for name, shape in declared.items()}
    shapes = {name: shape for name, shape in plan.shapes.items() if name in declared}
    batches = () if plan.batch is None else (plan.batch,)
    return make(Inputs(samples=1, shapes=shapes, batches=batches), declared, contest.dtypes)[0]


def _warmed_up(contest: Contest, plan: Plan, times: Times) -> Times:
    """Run until a window of runs is not faster than the one before it, or the time is up."""
    began = time.monotonic()
    seconds = contest.run(2 * WINDOW)
    while not (settled := _is_settled(seconds)) and time.monotonic() - began < plan.warmup:
        seconds += contest.run(WINDOW)
    return replace(times, warmup=len(seconds), settled=settled, rounds=(tuple(seconds[-WINDOW:]),))


def _is_settled(seconds: Sequence[float]) -> bool:
    return min(seconds[-WINDOW:]) >= SETTLED * min(seconds[:-WINDOW])


def _race(
    ready: Mapping[int, Contest], warm: Sequence[Times], plan: Plan, on_step: Step
) -> dict[int, tuple[tuple[float, ...], ...]]:
    """Visit everybody in every round, forwards and backwards in turn.

    The first run of a visit finds the caches full of somebody else's numbers: where a visit has room for several runs,
    it does not count.
    """
    counts = {one: min(MOST_RUNS, ceil(plan.visit / max(median(warm[one].seconds), 1e-9))) for one in ready}
    rounds: dict[int, list[tuple[float, ...]]] = {one: [] for one in ready}
    for number in range(plan.rounds):
        on_step(f"round {number + 1} of {plan.rounds}")
        for one in list(ready) if number % 2 == 0 else reversed(list(ready)):
            seconds = ready[one].run(counts[one] + (counts[one] > 1))
            rounds[one].append(tuple(seconds[-counts[one] :]))
    return {one: tuple(found) for one, found in rounds.items()}


def _with_layers(times: Times, one: Contestant, load: Load, plan: Plan, on_step: Step) -> Times:
    """Add the times of the layers, from a model loaded anew: to measure them slows an engine down."""
    on_step(f"{one.label}: its layers")
    target = replace(one.target, options={**one.target.options, "profile": "on"})
    try:
        with Contest(load, one.runtime, target) as contest:
            contest.feed(_feeds(contest, plan))
            profiled, layers = contest.layers(LAYER_RUNS)
    except RunnerError as error:
        return replace(times, silent=str(error))
    except ToolkitError:  # an engine that can't time its layers has no such option
        layers = {}
    if not layers:
        return replace(times, silent="this engine does not tell what its layers take")
    return replace(times, profiled=profiled, layers=layers)
