"""One job -> its results: export a model, or convert it and run the files in every engine that speaks the dialect."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.errors import ToolkitError
from converters.onnx_to_caffe import convert_file
from toolkit import runners
from toolkit.check.config import Model
from toolkit.check.plan import Job, result
from toolkit.parity.inputs import Inputs
from toolkit.parity.localise.inside import look_inside
from toolkit.parity.localise.prove import prove
from toolkit.parity.parity import Rule, Subject
from toolkit.parity.report import Report, Row, Verdict
from toolkit.parity.targets import oracle_of
from toolkit.parity.translation import of_map, translated
from toolkit.runners.base import ORACLE, Load, Target

Result = dict[str, Any]


@dataclass(frozen=True)
class Folders:
    """Where files are made, and where parts that are at fault are cut out to (None: nowhere)."""

    work: Path
    repro: Path | None = None

    def onnx(self, model: int) -> Path:
        """An exported model's file."""
        return self.work / f"{model}.onnx"


def run(job: Job, model: Model, folders: Folders) -> list[Result]:
    """The results of a job, one for each of its runtimes."""
    began = time.perf_counter()
    results = _export(job, model, folders) if not job.dialect else _compare(job, model, folders)
    each = (time.perf_counter() - began) / max(1, len(results))
    return [{**result, "seconds": round(each, 3)} for result in results]


def _export(job: Job, model: Model, folders: Folders) -> list[Result]:
    from toolkit.export import export, save
    from toolkit.models import create

    module = create(model.model, weights=model.weights, num_classes=model.num_classes, image_size=model.image_size)
    shapes = dict(model.input_shapes)
    made = export(
        module,
        input_shapes=shapes or None,
        image_size=None if shapes else model.image_size,
        keep_bn=model.keep_bn,
        dynamic_batch=bool(model.batch),
    )
    save(made, folders.onnx(job.model))
    if not job.runtimes:
        return []
    given = {"num_classes": model.num_classes, "image_size": model.image_size}
    options = {key: str(value) for key, value in given.items() if value is not None}
    if shapes:
        options["input_shape"] = " ".join(f"{name}:{','.join(map(str, shape))}" for name, shape in shapes.items())
    oracle = Subject(ORACLE, Target(str(folders.onnx(job.model))))
    return list(
        _answers(job, model, oracle, [Subject("torch", Target(model.model, model.weights, options=options))], folders)
    )


def _compare(job: Job, model: Model, folders: Folders) -> list[Result]:
    source = Path(model.model) if model.is_onnx else folders.onnx(job.model)
    prefix = folders.work / f"{job.number}-{Path(job.dialect).stem}-{job.style}"
    done = convert_file(
        source,
        prefix,
        dialect=job.dialect,
        style=job.style,
        input_shapes=model.input_shapes or None,
        outputs=model.outputs or None,
        keep_shuffle=model.keep_shuffle,
        drop_quantisation=model.drop_quantisation,
        map_file=True,
    )
    oracle = oracle_of(source, tuple(done.outputs))
    target = Target(done.prototxt, Path(done.caffemodel))
    # Engines that nobody named may be absent: what is there is what can be checked.
    others = [Subject(name, target, optional=not model.runtimes) for name in job.runtimes]
    load = translated(runners.load, {done.prototxt: of_map(done)})
    return list(_answers(job, model, oracle, others, folders, load))


def _answers(
    job: Job, model: Model, oracle: Subject, others: Sequence[Subject], folders: Folders, load: Load = runners.load
) -> Iterator[Result]:
    rule = Rule(model.tolerance, model.tolerances, model.constants, model.float64)
    report = prove(oracle, others, load, runners.load, _inputs(model), rule)
    for row, other in zip(report.rows, others, strict=True):
        own = replace(report, rows=(row,))
        why = "; ".join(row.reasons)
        if row.verdict in (Verdict.FAILED, Verdict.ERROR):
            own, where = _first_fault(job, own, oracle, other, rule, folders)
            why = f"{where}; {why}" if where else why
        found = own.to_json()
        required = found["rows"][0]["required_tolerance"]
        answer = result(model, job, row.runtime, _status(row), why)
        yield {**answer, "required_tolerance": required, "report": found}


def _inputs(model: Model) -> Inputs:
    return Inputs(
        seeds=model.seeds,
        samples=model.samples,
        shapes=model.input_shapes,
        ranges=model.ranges,
        arrays={"": model.files} if model.files else {},
        images=model.images,
        preprocessing=model.image_preprocessing,
        batches=model.batch,
    )


def _first_fault(
    job: Job, report: Report, oracle: Subject, other: Subject, rule: Rule, folders: Folders
) -> tuple[Report, str]:
    """The report with the layers of the engine that failed, and where the difference begins."""
    folder = folders.repro / str(job.number) if folders.repro else None
    try:
        inside = look_inside(report, oracle, [other], runners.load, rule, folder)
    except ToolkitError as error:
        return report, f"layer by layer: {error}"
    layers = inside.rows[0].layers
    return inside, layers.summary if layers else ""


def _status(row: Row) -> str:
    """An engine that is not installed is skipped where nobody asked for it by name."""
    if row.verdict is Verdict.NOT_RUN:
        return "skipped" if row.optional else "error"
    if row.verdict.proven:
        return "passed"
    return "error" if row.verdict is Verdict.ERROR else "failed"
