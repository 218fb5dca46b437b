"""An ONNX file that was just imported from Caffe -> proof: a Caffe engine runs the network, onnxruntime the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.caffe_to_onnx import Report as Import
from converters.mapping import ConversionMap
from toolkit.parity.inputs import Inputs
from toolkit.parity.localise.prove import prove
from toolkit.parity.parity import Rule, Say, Subject
from toolkit.parity.report import Report, Verdict
from toolkit.runners.base import ORACLE, Load, Target

ENGINES = ("caffe", "opencv")  # what can judge an import, the one that decides what Caffe means first


@dataclass(frozen=True)
class Judged:
    """The report of the first engine that took the network, and why those before it did not."""

    report: Report | None
    refusals: tuple[str, ...] = ()


def verify_import(
    done: Import,
    model: Path,
    prototxt: Path,
    caffemodel: Path | None,
    runtimes: Sequence[str],
    load: Load,
    inputs: Inputs | None = None,
    on_step: Say = lambda text: None,
) -> Judged:
    """Compare the file `model` with the Caffe files, in the first of the runtimes that takes them.

    Both run on the same two inputs at least. See `prove` for what is tried before a file is called wrong.
    """
    ours = Subject(ORACLE, Target(str(model), outputs=tuple(done.output_shapes)))
    inputs = inputs or Inputs(shapes=done.input_shapes)
    refusals: list[str] = []
    for name in runtimes:
        engine = Subject(name, Target(str(prototxt), caffemodel, tuple(done.output_shapes)))
        conversion = _map(done, model, prototxt)
        report = prove(ours, [engine], load, load, inputs, Rule(), conversion, on_step)
        if report.verdict is Verdict.ERROR:
            refusals.extend(reason for row in report.rows for reason in row.reasons)
            continue
        return Judged(report, tuple(refusals))
    return Judged(None, tuple(refusals))


def _map(done: Import, model: Path, prototxt: Path) -> ConversionMap:
    """What holds what, told as for a conversion of the file `model` to Caffe."""
    return ConversionMap(
        source=str(model),
        prototxt=str(prototxt),
        inputs={name: name for name in done.input_shapes},
        input_shapes=done.input_shapes,
        outputs={name: name for name in done.output_shapes},
        output_shapes=done.output_shapes,
        blobs={value: blob for blob, value in done.blobs.items()},
    )
