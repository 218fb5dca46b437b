"""One example in one dialect -> a verdict: right, refused by name, wrong, or a crash."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from converters.errors import ConversionError, InvalidInput, ToolkitError
from converters.mapping import ConversionMap
from converters.onnx_passes.float32 import Quantised
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.conformance.suite import Example
from toolkit import runners
from toolkit.runners.base import RunnerError, Target

TOLERANCE = 1e-4  # of the largest finite number of the reference
SUITE_TOLERANCE = 1e-3  # what the suite itself allows a backend
ENGINES = {"portable": ("opencv", "caffe"), "opencv": ("opencv",), "bvlc": ("caffe",)}
RIGHT, REFUSED, INVALID, WRONG, CRASH = "right", "refused", "invalid", "wrong", "crash"
DISPUTED = "disputed"  # right by onnxruntime, which differs from what the suite expects


@dataclass(frozen=True)
class Verdict:
    """What became of an example; `reasons` are the blockers of a refusal, or where and how it went wrong."""

    name: str
    kind: str
    reasons: tuple[str, ...] = ()


def judge(example: Example, dialect: str) -> Verdict:
    """Convert the example and run what was written in every engine here that speaks the dialect."""

    def verdict(kind: str, *reasons: str) -> Verdict:
        return Verdict(example.name, kind, tuple(" ".join(reason.split()) for reason in reasons))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(example.model, path)
        try:
            report = convert_file(path, Path(folder) / "net", dialect=dialect)
        except ConversionError as error:
            return verdict(REFUSED, *(f"{p.op}: {p.reason}" for p in error.problems))
        except Quantised as error:
            return verdict(REFUSED, str(error).replace(str(path), "model"))
        except InvalidInput as error:
            return verdict(INVALID, str(error).replace(str(path), "model"))
        except ToolkitError as error:
            return verdict(CRASH, f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 (whatever it is, it counts)
            return verdict(CRASH, f"{type(error).__name__}: {error}")
        want, doubt = reference(path, example)
        faults = [fault for engine in ENGINES[dialect] if (fault := compare(engine, report, example, want))]
    if faults:
        return verdict(WRONG, *faults)
    return verdict(DISPUTED, doubt) if doubt else verdict(RIGHT)


def reference(path: Path, example: Example) -> tuple[dict[str, np.ndarray], str]:
    """onnxruntime's outputs, and why they can't be trusted: they differ from what the suite expects.

    Where onnxruntime has no kernel the suite's own numbers are the reference.
    """
    try:
        with runners.load("onnxruntime", Target(str(path))) as oracle:
            want = oracle.run(example.feeds)
    except (RunnerError, InvalidInput):
        return example.expected, ""
    faults = [difference(example.expected[name], array, SUITE_TOLERANCE) for name, array in want.items()]
    doubts = [f"onnxruntime and the suite disagree: {fault}" for fault in faults if fault]
    return want, "; ".join(doubts)


def compare(engine: str, report: ConversionMap, example: Example, want: dict[str, np.ndarray]) -> str:
    """How the engine's outputs differ from the reference, or ''; an engine that is not there has no say."""
    if runners.available()[engine]:
        return ""
    try:
        got = engines.run(engine, report, example.feeds)
    except RunnerError as error:
        return str(error)
    if got.keys() != want.keys():
        return f"{engine}: outputs {sorted(got)}, not {sorted(want)}"
    for name, expected in want.items():
        actual = got[name].reshape(expected.shape) if engine == "opencv" and expected.ndim <= 1 else got[name]
        if fault := difference(expected, actual):
            return f"{engine}: {name} {fault}"
    return ""


def difference(want: np.ndarray, got: np.ndarray, tolerance: float = TOLERANCE) -> str:
    """How two outputs differ, or ''; NaN and infinities must stand in the same places."""
    if want.shape != got.shape:
        return f"has shape {got.shape}, not {want.shape}"
    want, got = want.astype(np.float64), got.astype(np.float64)
    finite = np.isfinite(want)
    if not np.array_equal(want[~finite], got[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return "has other infinities or NaN"
    if not finite.any():
        return ""
    error, size = np.abs(got[finite] - want[finite]).max(), np.abs(want[finite]).max()
    return f"differs by {error:.2e} at scale {size:.2e}" if error > tolerance * max(size, 1e-12) else ""
