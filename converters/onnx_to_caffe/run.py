"""Running a pipeline: what each pass did, where every blob went, and the way back where a dialect does not follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from converters.caffe.net import Layer, Net
from converters.caffe.places import Note, Place, Result
from converters.errors import Problem, ToolkitError
from converters.onnx_to_caffe.facts import CHEAP, LEGAL, verify
from converters.onnx_to_caffe.pipeline import LOWERED, Pass, Task

CHANGED, UNCHANGED, LEFT_OUT, UNDONE = "changed", "unchanged", "left out", "undone"


class PassError(RuntimeError):
    """A pass failed: a fault of the converter's own."""


@dataclass(frozen=True)
class Record:
    """What one pass did: how many layers of each type there are more or fewer, and what it left alone and why."""

    name: str
    outcome: str
    layers: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class State:
    """A net on its way: where the blobs that it began with are, what is true of it, what each pass did, its blockers.

    `legal`: the last net that the dialect took, and those that passes have made of it since.
    """

    net: Net
    places: Mapping[str, Place]
    facts: tuple[str, ...] = LOWERED
    records: tuple[Record, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()
    legal: tuple[State, ...] = ()


def start(net: Net) -> State:
    """A lowered net, every blob in its place."""
    return State(net, {top: Place(top) for item in net.layers for top in item.tops})


def run(state: State, passes: Sequence[Pass], task: Task, skip: Collection[str] = ()) -> State:
    """Run passes one after the other, up to the first that meets blockers; PassError where one fails."""
    for one in passes:
        if state.problems:
            break
        if one.name in skip:
            state = replace(state, records=(*state.records, Record(one.name, LEFT_OUT)))
            continue
        try:
            state = _step(one, state, task)
        except ToolkitError:
            raise
        except Exception as error:
            before = ", ".join(record.name for record in state.records if record.outcome != LEFT_OUT)
            where = f"the pass '{one.name}'" + f", after {before}," * bool(before)
            raise PassError(f"{where} failed: {type(error).__name__}: {error}") from error
    return state


def _step(one: Pass, state: State, task: Task) -> State:
    """One pass. Where the dialect does not take what came of a net that it took, go back as far as it takes again."""
    if LEGAL in one.ensures and _has_been_taken(state, task):
        return _after(one, state, Result(state.net), task)
    found = one.run(state.net, task)
    if not found.problems or not state.legal:
        return _after(one, state, found, task)
    _, blocker = found.problems[0]
    why = Note("", f"the dialect does not take what comes of it: {blocker.op} '{blocker.name}': {blocker.reason}")
    for place in reversed(range(len(state.legal) - 1)):
        earlier = state.legal[place]
        found = one.run(earlier.net, task) if place else Result(earlier.net)
        if not found.problems:
            undone = [replace(r, outcome=UNDONE, notes=(*r.notes, why)) for r in state.records[len(earlier.records) :]]
            back = replace(earlier, records=(*earlier.records, *undone), legal=state.legal[: place + 1])
            return _after(one, back, found, task)
    raise RuntimeError("the dialect does not take the net that it took before")


def _has_been_taken(state: State, task: Task) -> bool:
    """Whether no pass has changed the net since the dialect took it, and it has no layers that might be others."""
    taken = bool(state.legal) and state.net is state.legal[0].net
    return taken and task.dialect.avoided.keys().isdisjoint(item.type for item in state.net.layers)


def _after(one: Pass, state: State, found: Result, task: Task) -> State:
    """The state behind a pass, when its result is what it must be."""
    facts = (*(fact for fact in state.facts if fact not in one.breaks and fact not in one.ensures), *one.ensures)
    if found.net is not state.net:
        _verify_moves(state.net, found)
        verify(found.net, task.dialect, set(facts) & set(CHEAP))
    outcome = UNCHANGED if _same(state.net, found.net) else CHANGED
    after = State(
        net=found.net,
        places={name: place.then(found.moves) for name, place in state.places.items()},
        facts=facts,
        records=(*state.records, Record(one.name, outcome, _difference(state.net, found.net), found.notes)),
        problems=found.problems,
    )
    legal = () if LEGAL in one.ensures else state.legal
    known = LEGAL in one.ensures or state.legal
    return replace(after, legal=(*legal, after)) if known and not found.problems else after


def _verify_moves(before: Net, found: Result) -> None:
    """Demand that a pass says of every blob where it is, and that it is there."""
    blobs, after = ({top for item in net.layers for top in item.tops} for net in (before, found.net))
    if lost := blobs - found.moves.keys() - after:
        raise RuntimeError(f"it does not say what became of {', '.join(sorted(lost))}")
    for name, place in found.moves.items():
        if place.blob not in after if place.blob else not place.gone:
            raise RuntimeError(f"it says that '{name}' is in '{place.blob}', which is not in its net")


def _same(first: Net, second: Net) -> bool:
    """Whether two nets have the same layers."""
    return first is second or (
        first.outputs == second.outputs
        and len(first.layers) == len(second.layers)
        and all(map(_alike, first.layers, second.layers))
    )


def _alike(first: Layer, second: Layer) -> bool:
    return (
        (first.type, first.name, first.bottoms, first.tops) == (second.type, second.name, second.bottoms, second.tops)
        and first.params == second.params
        and len(first.blobs) == len(second.blobs)
        and all(a is b for a, b in zip(first.blobs, second.blobs, strict=True))
    )


def _difference(before: Net, after: Net) -> dict[str, int]:
    """How many layers of each type there are more or fewer."""
    count = Counter(item.type for item in after.layers)
    count.subtract(item.type for item in before.layers)
    return {kind: number for kind, number in sorted(count.items()) if number}
