"""The runtimes that a model can be run in: `available()` lists them, `load()` makes a runner. Importing is cheap."""

from __future__ import annotations

from pathlib import Path

from converters.errors import ToolkitError, listed
from toolkit.runners import caffe, caffe_via_onnx, importers, onnxruntime, opencv, torch
from toolkit.runners.base import RUNTIMES, Runner, RunnerUnavailable, Target

__all__ = ["RUNTIMES", "available", "caffe", "caffe_via_onnx", "importers", "load", "onnxruntime", "opencv", "torch"]


def available() -> dict[str, str]:
    """Every runtime with the reason why it can't run here, or ''."""
    return {name: runtime.missing() for name, runtime in RUNTIMES.items()}


def load(name: str, target: Target) -> Runner:
    """Make a runner, to be entered with `with`; nothing is read or started before that.

    Args:
        name: one of `available()`.
        target: what to run.

    Raises:
        ToolkitError: there is no such runtime, it does not read such a file, or an option is wrong.
        RunnerUnavailable: it is not installed here.
    """
    runtime = RUNTIMES.get(name)
    if runtime is None:
        raise ToolkitError(f"unknown runtime '{name}'; known: {listed(name, RUNTIMES)}")
    if target.threads < 1:
        raise ToolkitError(f"threads must be at least 1, not {target.threads}")
    suffix = Path(target.path).suffix
    if runtime.reads and suffix not in runtime.reads:
        raise ToolkitError(f"{name} reads {' and '.join(runtime.reads)} files, not '{Path(target.path).name}'")
    if reason := runtime.missing():
        raise RunnerUnavailable(reason)
    return runtime.make(target)
