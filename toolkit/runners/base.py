"""What a runtime is: something entered, fed by input name and left; plus the registry that finds them by name."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import numpy as np

from converters.errors import InvalidInput, ToolkitError, listed

Arrays = Mapping[str, np.ndarray]
ORACLE = "onnxruntime"  # the runtime that is right where two differ
CALL = "#"  # "relu#1" is what the second call of torch's submodule `relu` returns


class RunnerError(ToolkitError):
    """A runtime refused the model or crashed; the message names the runtime and quotes its reason."""

    exit_code = 1


class UnknownValue(RunnerError):
    """A value was asked for that the model has not."""

    exit_code = 2


class RunnerUnavailable(ToolkitError):
    """The runtime is not installed here; the message says how to get it."""

    exit_code = 2


@dataclass(frozen=True)
class Target:
    """What a runner runs: an ONNX file, a prototxt with its caffemodel, or a model name for torch.

    `outputs` names the values to return (ONNX value names or Caffe blob names); empty means the model's own outputs.
    """

    path: str
    weights: Path | None = None
    outputs: tuple[str, ...] = ()
    threads: int = 1
    options: Mapping[str, str] = field(default_factory=dict)


class Runner(Protocol):
    """A runtime with one model in it.

    Once entered, `inputs` maps name to shape (None for a dynamic dimension), `dtypes` says which inputs are not
    float32, `values` which names may be asked for as outputs, and `version` what computes, on how many threads.
    `seconds` is what the last `run` spent in the engine alone, `layer_seconds` what each layer took where the
    target's option profile=on asks for it. `plain` is the one value that the engine's call without names gives, ''
    where that call gives all outputs. After a RunnerError the runner is spent.
    """

    name: str
    inputs: dict[str, tuple[int | None, ...]]
    values: Collection[str]
    dtypes: Mapping[str, str]
    version: str
    seconds: float
    layer_seconds: Mapping[str, float]
    plain: str

    def __enter__(self) -> Runner: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Compute once.

        Args:
            feeds: an array for every input, by name, in a shape that the input takes.

        Returns:
            The target's outputs by name, in their order; the arrays are the caller's own.

        Raises:
            RunnerError: the feeds do not fit, or the engine fails.
        """


Load = Callable[[str, Target], Runner]  # a runtime's name and what to run -> a runner, not entered yet


@dataclass(frozen=True)
class Traits:
    """What is special about a runtime, for those who compare its values with another's.

    Attributes:
        title: what people call it.
        resizes: suffixes of the files whose inputs it reshapes to what it is fed, whatever shape they declare.
        unfused: options with which every layer's own value can be asked for.
        timed: options with which it times every layer.
        fewest_axes: arrays with fewer axes come back with axes of size 1 behind their own.
        by_module: its values are what torch's modules return, by their paths; not ONNX's values or Caffe's blobs.
    """

    title: str = ""
    resizes: tuple[str, ...] = ()
    unfused: Mapping[str, str] = field(default_factory=dict)
    timed: Mapping[str, str] = field(default_factory=dict)
    fewest_axes: int = 0
    by_module: bool = False


@dataclass(frozen=True)
class Runtime:
    """One registered runtime: how to build a runner, the suffixes it reads, and why it can't run here (or '').

    No suffixes: its models are names, not files. `get` is the command that gets it, `version` which one is here; both
    are for people, and nothing is loaded for them.
    """

    name: str
    make: Callable[[Target], Runner]
    reads: tuple[str, ...]
    missing: Callable[[], str]
    traits: Traits = field(default_factory=Traits)
    get: str = ""
    version: Callable[[], str] = str


RUNTIMES: dict[str, Runtime] = {}
Make = TypeVar("Make", bound=Callable[..., Runner])


def runtime(
    name: str,
    reads: tuple[str, ...],
    missing: Callable[[], str],
    traits: Traits,
    get: str = "",
    version: Callable[[], str] = str,
) -> Callable[[Make], Make]:
    """Register what makes runners under `name`; `missing()` is '' where they can run here, else reason and remedy."""

    def register(make: Make) -> Make:
        RUNTIMES[name] = Runtime(name, make, reads, missing, traits, get, version)
        return make

    return register


def traits_of(name: str) -> Traits:
    """What is special about a runtime; nothing about one that is not known here, as a saved run's may be."""
    return RUNTIMES[name].traits if name in RUNTIMES else Traits(title=name)


def installed(*distributions: str) -> str:
    """The version of the first of these distributions of PyPI that is installed, or ''."""
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return ""


def settings(target: Target, known: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The options of a target, each with its first choice as default; () allows any value and has '' as default."""
    for key, value in target.options.items():
        if key not in known:
            raise ToolkitError(f"unknown option '{key}'; known: {', '.join(known) or 'none'}")
        if known[key] and value not in known[key]:
            raise ToolkitError(f"option {key}={value}: it can be {', '.join(known[key])}")
    return {key: target.options.get(key, (*choices, "")[0]) for key, choices in known.items()}


def need_outputs(name: str, wanted: Collection[str], known: Collection[str]) -> None:
    """Refuse an output that the model has not."""
    for output in wanted:
        if output not in known:
            raise UnknownValue(f"{name}: the model has no value '{output}'; it has {listed(output, known)}")


def need_feeds(name: str, feeds: Arrays, inputs: Collection[str]) -> None:
    """Refuse feeds that are not numbers for the model's inputs, one for one."""
    for feed, array in feeds.items():
        if feed not in inputs:
            raise RunnerError(f"{name}: the model has no input '{feed}'; it has {listed(feed, inputs)}")
        if array.dtype.kind not in "biuf":
            raise RunnerError(f"{name}: input '{feed}' was fed {array.dtype}, which is not a number")
    for known in inputs:
        if known not in feeds:
            raise RunnerError(f"{name}: input '{known}' was not fed")


def need_file(path: Path) -> Path:
    """Refuse a model file that is not there, in the user's terms."""
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file")
    return path


def need_pair(target: Target) -> tuple[Path, Path | None]:
    """A target's prototxt and its caffemodel; refused where the prototxt was written with another one."""
    prototxt = need_file(Path(target.path))
    if target.weights is None:
        return prototxt, None
    from converters.caffe import files  # protobuf's schema is read then

    files.need_pair(prototxt, need_file(target.weights))
    return prototxt, target.weights
