"""Engines whose clock is a rule, so that a measurement can be told right from wrong. They live in other processes."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Runner, RunnerError, RunnerUnavailable, Target

Clock = Callable[[int], float]  # the number of the run -> its seconds
BEGAN = "FAKES_BEGAN"  # the environment variable that holds the time from which the machine gets slower
DRIFT = 0.5  # a second: how much slower it gets

CLOCKS: dict[str, Clock] = {
    "steady": lambda run: 0.010,
    "double": lambda run: 0.020,
    "drifting": lambda run: 0.010 * (1 + DRIFT * (time.monotonic() - float(os.environ[BEGAN]))),
    "noisy": lambda run: 0.010 * random.uniform(0.5, 2),
    "spiky": lambda run: 0.010 * (10 if run % 4 == 0 else 1),
    "warming": lambda run: 0.010 * max(1.0, 3 - run / 15),
    "never warm": lambda run: 0.9**run,
    "slow": lambda run: 0.2,
}


class Fake:
    """A runner whose path says what it is."""

    def __init__(self, target: Target) -> None:
        self.name, self.target = "fake", target
        self.inputs: dict[str, tuple[int | None, ...]] = {"x": (1, 3, 4, 4)}
        self.values, self.version, self.seconds, self.runs = (), "fake 1", 0.0, 0
        self.dtypes: Mapping[str, str] = {}
        self.layer_seconds: dict[str, float] = {}

    def __enter__(self) -> Fake:
        if self.target.path == "hungry":
            self.held = np.ones(300_000_000, np.uint8)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.target.path == "refusing":
            raise RunnerError("fake: no such layer")
        if self.target.path == "mute" and self.target.options:
            raise ToolkitError("unknown option 'profile'")
        if self.target.path == "chatty":
            os.write(1, b"an engine's own words on stdout")
        if self.target.path == "dying":
            os._exit(9)
        self.runs += 1
        self.seconds = CLOCKS.get(self.target.path, CLOCKS["steady"])(self.runs)
        if self.target.options.get("profile") == "on":
            self.seconds = 0.012 + 0.001 / self.runs
            if self.target.path != "double" or self.runs == 1:  # as onnxruntime does: it tells of its first run alone
                self.layer_seconds = {"conv": 0.009 + 0.001 / self.runs, "relu": 0.001}
        return {"y": np.full(1, feeds["x"].shape[0], np.float32)}


def load(name: str, target: Target) -> Runner:
    """One engine is there, and one is not."""
    if name == "absent":
        raise RunnerUnavailable("absent is not installed: pip install absent")
    return Fake(target)
