"""Files that a conversion just wrote -> proof: run in the engines that speak their dialect, against onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

import converters.dialects as dialects
from converters.caffe.passes.preprocess import Preprocessing
from converters.errors import ToolkitError
from converters.onnx_to_caffe import Report as Conversion
from toolkit.parity.inputs import Inputs
from toolkit.parity.parity import Load, Rule, Step, Subject, check
from toolkit.parity.report import Report, Verdict
from toolkit.runners.base import Arrays, Runner, Target

HOW_TO_GET = "pip install 'opencv-python-headless>=4.10,<5', or build Caffe with scripts/build_caffe.py"

# Nothing speaks against the files: they agree, or these inputs can't tell.
UNREFUTED = {Verdict.PASSED, Verdict.INSENSITIVE, Verdict.ILL_CONDITIONED}


class ParityFailed(ToolkitError):
    """The files do not compute what the model computes."""

    exit_code = 1

    def __init__(self, report: Report, where: str) -> None:
        self.report = report
        found = [reason for row in report.rows for reason in (f"{row.runtime}: {text}" for text in row.reasons)]
        super().__init__(f"verdict {report.verdict.value}: {'; '.join(found) or 'nothing was compared'} ({where})")


def engines(dialect: str) -> tuple[str, ...]:
    """The runtimes that speak a dialect, the quickest to start first."""
    return dialects.find(dialect).engines


def subjects(
    conversion: Conversion, prototxt: Path, caffemodel: Path, runtimes: Sequence[str], optional: bool
) -> tuple[Subject, list[Subject]]:
    """The ONNX file in onnxruntime as the reference, and the Caffe files in the given runtimes."""
    names = {**conversion.inputs, **conversion.outputs}
    oracle = Subject("onnxruntime", Target(conversion.source, outputs=tuple(conversion.outputs)))
    target = Target(str(prototxt), caffemodel, tuple(conversion.outputs.values()))
    return oracle, [Subject(name, target, names, optional) for name in runtimes]


def verify(
    conversion: Conversion,
    prototxt: Path,
    caffemodel: Path,
    runtimes: Sequence[str],
    load: Load,
    inputs: Inputs | None = None,
    others: Sequence[Subject] = (),
    optional: bool = False,
    on_step: Step = lambda text: None,
) -> Report:
    """Compare a conversion's files with its source on at least two inputs; `others` are compared as well."""
    inputs = inputs or Inputs(shapes=conversion.input_shapes)
    oracle, rivals = subjects(conversion, prototxt, caffemodel, runtimes, optional)
    views = {conversion.outputs[name]: shape for name, shape in conversion.views.items()}
    raw = conversion.preprocessing
    loader: Load = load
    if views or raw:
        images = {blob for name, blob in conversion.inputs.items() if len(conversion.input_shapes[name]) == 4}
        caffe = str(prototxt)

        def loader(name: str, target: Target) -> Runner:
            found = load(name, target)
            return Viewed(found, views, raw, images if raw else set()) if target.path == caffe else found

    return check(oracle, [*others, *rivals], loader, inputs, Rule(), on_step)


class Viewed:
    """A Caffe runner seen as the ONNX model: outputs with ONNX's axes (style train has others), and images as the model
    takes them, which are turned back into the raw ones that the network preprocesses itself.
    """

    def __init__(
        self, runner: Runner, views: Mapping[str, tuple[int, ...]], raw: Preprocessing, images: set[str]
    ) -> None:
        self.runner, self.views, self.raw, self.images, self.name = runner, views, raw, images, runner.name

    def __enter__(self) -> Viewed:
        self.runner.__enter__()
        self.inputs, self.version = self.runner.inputs, self.runner.version
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.__exit__(kind, error, trace)

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        found = self.runner.run({name: self.raw.raw(a) if name in self.images else a for name, a in feeds.items()})
        self.seconds = self.runner.seconds
        return {name: a.reshape(self.views[name]) if name in self.views else a for name, a in found.items()}
