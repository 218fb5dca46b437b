"""Engines made of a function, so that every way to be wrong can be had on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from toolkit.parity.parity import Subject
from toolkit.runners.base import Runner, RunnerUnavailable, Target

Feeds = Mapping[str, np.ndarray]
Compute = Callable[[Feeds], dict[str, np.ndarray]]
SHAPE: tuple[int | None, ...] = (1, 3, 4, 4)
WEIGHTS = np.random.default_rng(7).standard_normal((48, 10)).astype(np.float32)


@dataclass
class Fake:
    name: str
    compute: Compute
    inputs: dict[str, tuple[int | None, ...]] = field(default_factory=lambda: {"x": SHAPE})
    version: str = "1.0"
    seconds: float = 0.25
    values: tuple[str, ...] = ("y",)
    dtypes: dict[str, str] = field(default_factory=dict)
    layer_seconds: dict[str, float] = field(default_factory=dict)
    plain: str = ""
    fed: list[Feeds] = field(default_factory=list)

    def __enter__(self) -> Fake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def run(self, feeds: Feeds) -> dict[str, np.ndarray]:
        self.fed.append(feeds)
        return self.compute(feeds)


def linear(feeds: Feeds, name: str = "y", error: float = 0.0) -> dict[str, np.ndarray]:
    """A healthy network: class scores that depend on the input; `error` is added relative to their scale."""
    (x,) = feeds.values()
    y = x.reshape(1, -1) @ WEIGHTS
    y[0, 3] += np.float32(error) * np.abs(y).max()
    return {name: y}


def subject(runtime: str, path: str = "net.prototxt", **more: object) -> Subject:
    return Subject(runtime, Target(path), **more)  # type: ignore[arg-type]


def loads(*fakes: Fake) -> Callable[[str, Target], Runner]:
    """A `load` that knows these; a runtime that is not among them is not installed."""
    known = {fake.name: fake for fake in fakes}

    def load(name: str, target: Target) -> Runner:
        if name not in known:
            raise RunnerUnavailable(f"{name} is not installed: pip install {name}")
        return known[name]

    return load
