"""An engine seen through the reference's eyes: values under the reference's names, in its layout, fed as it is fed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType

import numpy as np

from converters.mapping import ConversionMap
from converters.preprocessing import Preprocessing
from toolkit.runners.base import Arrays, Load, Runner, Target, UnknownValue

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Translation:
    """The reference's names -> one engine's names, and how its arrays differ from the reference's.

    `orders`: channel i of the engine's array is the reference's channel order[i]. `views`: values to which the engine
    gives other axes, with the reference's shape. `raw`: what the engine does itself to the image inputs `images`.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    views: Mapping[str, Shape] = field(default_factory=dict)
    raw: Preprocessing = field(default_factory=Preprocessing)
    images: Collection[str] = ()


def of_map(known: ConversionMap, given: Mapping[str, str] | None = None) -> Translation:
    """A conversion's map, for all values.

    An input is fed in the model's own order, `raw` says what becomes of it: the order of what the net makes of it is
    no matter here.
    """
    images = (
        {name for name in known.inputs if len(known.input_shapes.get(name, ())) == 4} if known.preprocessing else set()
    )
    return Translation(
        names={**known.names, **(given or {})},
        inputs=known.inputs,
        outputs=tuple(known.outputs),
        orders={value: order for value, order in known.channel_orders.items() if value not in known.inputs},
        views=known.views,
        raw=known.preprocessing,
        images=images,
    )


def translated(load: Load, translations: Mapping[str, Translation]) -> Load:
    """A `load` whose runners of these models (by path) speak the reference's language."""

    def make(name: str, target: Target) -> Runner:
        known = translations.get(target.path)
        if known is None:
            return load(name, target)
        return Translated(load, name, target, known)

    return make


class Translated:
    """See `Translation`. The target's outputs are the reference's names.

    Where it names none the engine is asked what the outputs are: one that it does not take for an output is missing in
    what a run gives, and one that is not known has its own name there.
    """

    def __init__(self, load: Load, name: str, target: Target, known: Translation) -> None:
        self.name, self.known = name, known
        self.wanted = target.outputs or known.outputs
        for value in self.wanted:
            if value not in known.names:
                raise UnknownValue(f"{name}: no value there is known to be the reference's '{value}'")
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.values: Collection[str] = ()
        self.dtypes: Mapping[str, str] = {}
        self.layer_seconds: Mapping[str, float] = {}
        self.plain = ""
        self.version, self.seconds = "", 0.0
        self.own = tuple(dict.fromkeys(known.names[value] for value in self.wanted))
        self.runner = load(name, replace(target, outputs=self.own if target.outputs else ()))

    def __enter__(self) -> Translated:
        self.runner.__enter__()
        ours = {own: value for value, own in self.known.inputs.items()}
        self.inputs = {ours.get(name, name): shape for name, shape in self.runner.inputs.items()}
        there = set(self.runner.values)
        self.values = [value for value, own in self.known.names.items() if own in there]
        self.dtypes = {ours.get(name, name): kind for name, kind in self.runner.dtypes.items()}
        own = self.runner.plain
        self.plain = next((value for value in self.wanted if self.known.names[value] == own), own)
        self.version, self.seconds, self.layer_seconds = self.runner.version, 0.0, self.runner.layer_seconds
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.__exit__(kind, error, trace)

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run once, on what the reference is fed."""
        raw = {name: self.known.raw.raw(array) if name in self.known.images else array for name, array in feeds.items()}
        found = self.runner.run({self.known.inputs.get(name, name): array for name, array in raw.items()})
        self.seconds, self.layer_seconds = self.runner.seconds, self.runner.layer_seconds
        blobs = {value: self.known.names[value] for value in self.wanted}
        extra = {name: array for name, array in found.items() if name not in self.own}
        ours = {value: self._restored(value, found[blob]) for value, blob in blobs.items() if blob in found}
        return {**ours, **extra}

    def _restored(self, value: str, array: np.ndarray) -> np.ndarray:
        view, order = self.known.views.get(value), self.known.orders.get(value)
        if view is not None and array[:1].size == np.prod(view[1:]):
            array = array.reshape(len(array), *view[1:])
        if order is not None and array.ndim > 1 and array.shape[1] == len(order):
            array = array[:, np.argsort(order)]
        return array
