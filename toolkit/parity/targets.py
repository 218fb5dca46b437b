"""What a user writes for a model and an engine -> what to run.

net.onnx                        in onnxruntime
net.prototxt                    in every runtime present that reads Caffe; weights from net.caffemodel
net.prototxt,other.caffemodel   the same with these weights
caffe:net.prototxt              in that runtime alone
torch:shufflenet_v2_x0.5        a model by name; `,weights.pth` may follow
opencv:net.prototxt,fusion=off  with an option of the runtime
run.json                        what was computed and saved before, here or elsewhere
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from converters.errors import ToolkitError, listed
from converters.names import safe
from toolkit.onnx_file import FLOAT32, PRECISION, reduced, structure
from toolkit.parity.parity import Subject
from toolkit.parity.run import Run, load
from toolkit.runners.base import ORACLE, Runtime, Target, need_file

DEFAULTS = {".onnx": ORACLE}  # a suffix that several runtimes may read, and the one that is the oracle
WEIGHTS = {".prototxt": ".caffemodel"}


def parse(text: str, runtimes: Mapping[str, Runtime]) -> tuple[Subject, ...]:
    """A target -> one subject, or for a bare prototxt one for each runtime that reads it (optional where absent)."""
    prefix, colon, rest = text.partition(":")
    if colon and prefix in runtimes:
        return (Subject(prefix, _target(rest, runtimes[prefix], runtimes)),)
    if colon and prefix.isidentifier() and not Path(text).exists():
        raise ToolkitError(f"'{text}': unknown runtime '{prefix}'; known: {', '.join(sorted(runtimes))}")
    suffix = _suffix(text)
    if suffix == ".json":
        run = load(_existing(text))
        return (Subject(run.runtime, run),)
    if suffix in DEFAULTS:
        return (Subject(DEFAULTS[suffix], _target(text, runtimes[DEFAULTS[suffix]], runtimes)),)
    readers = [runtime for runtime in runtimes.values() if suffix in runtime.reads]
    if not suffix or not readers:
        raise ToolkitError(
            f"can't tell how to run '{text}': give a .onnx, .prototxt or saved .json, or RUNTIME:MODEL with one of "
            f"{', '.join(sorted(runtimes))}"
        )
    return tuple(Subject(one.name, _target(text, one, runtimes), optional=bool(one.missing())) for one in readers)


def parse_reference(text: str, runtimes: Mapping[str, Runtime]) -> Subject:
    """A target for the reference: one engine, so a prototxt that several could run must say which."""
    subjects = parse(text, runtimes)
    present = [subject for subject in subjects if not subject.optional]
    if len(present) > 1:
        names = " or ".join(f"{subject.runtime}:{text}" for subject in present)
        raise ToolkitError(f"the reference '{text}' can run in {len(present)} runtimes: write {names}")
    return replace((present or subjects)[0], optional=False)


def oracle_of(path: Path, outputs: Sequence[str]) -> Subject:
    """The reference for Caffe files that were made from an ONNX file."""
    return in_float32(Subject(ORACLE, Target(str(path), outputs=tuple(outputs))))


def in_float32(subject: Subject) -> Subject:
    """An ONNX file in onnxruntime is read as the float32 network that it stands for; who says how it is read wins."""
    target = subject.target
    if subject.runtime != ORACLE or isinstance(target, Run) or PRECISION in target.options:
        return subject
    options = {**target.options, PRECISION: FLOAT32} if reduced(need_file(Path(target.path))) else target.options
    return replace(subject, target=replace(target, options=options))


def only(subject: Subject, outputs: Sequence[str], mapped: Collection[str] = ()) -> Subject:
    """The subject with these outputs of the reference alone, under the names that it has for them.

    `mapped` are models that answer to the reference's names, by the map of their conversion.
    """
    caffe = subject.is_caffe and subject.model not in mapped
    wanted = tuple(subject.names.get(name, safe(name) if caffe else name) for name in outputs)
    if isinstance(subject.target, Target):
        return replace(subject, target=replace(subject.target, outputs=wanted))
    run = subject.target
    for name in wanted:
        if name not in run.outputs[0]:
            raise ToolkitError(
                f"the saved run of {run.model} has no output '{name}' but {listed(name, run.outputs[0])}"
            )
    kept = tuple({name: sample[name] for name in wanted} for sample in run.outputs)
    return replace(subject, target=replace(run, outputs=kept))


def shaped(subjects: Sequence[Subject]) -> list[Subject]:
    """PyTorch models of the user's own, which tell no sizes, with those of the ONNX file that they stand beside."""
    own = [one.runtime == "torch" and ":" in one.model for one in subjects]
    file = next((Path(one.model) for one in subjects if one.is_onnx and isinstance(one.target, Target)), None)
    shapes = _shapes(file) if file and any(own) else ""
    return [
        replace(one, target=replace(one.target, options={"input_shape": shapes, **one.target.options}))
        if shapes and is_own and isinstance(one.target, Target)
        else one
        for one, is_own in zip(subjects, own, strict=True)
    ]


def _shapes(path: Path) -> str:
    """`x:?,3,224,224` for the inputs of a file, where no more is free than the batch; else ""."""
    graph = structure(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    told = []
    for value in graph.input:
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if value.name not in constants:
            if min(dims[1:], default=0) < 1:
                return ""
            told.append(f"{value.name}:{','.join(map(str, [dims[0] or '?', *dims[1:]]))}")
    return " ".join(told)


def _target(text: str, runtime: Runtime, runtimes: Mapping[str, Runtime]) -> Target:
    model, *more = text.split(",")
    options = dict(part.split("=", 1) for part in more if "=" in part)
    weights = [part for part in more if "=" not in part]
    suffix = _suffix(model)
    if any(suffix in other.reads for other in runtimes.values()):
        if suffix not in runtime.reads:
            reads = ", ".join(runtime.reads) or "models by name"
            raise ToolkitError(f"{runtime.name} can't run '{model}': it reads {reads}")
        _existing(model)
    if suffix in WEIGHTS:
        from converters.caffe import text as prototxt  # protobuf's schema is read then

        prototxt.need_layers(Path(model))
    if len(weights) > 1:
        raise ToolkitError(f"'{text}' names {len(weights)} files of weights")
    if weights:
        return Target(model, _existing(weights[0]), options=options)
    if suffix not in WEIGHTS:
        return Target(model, options=options)
    beside = Path(model).with_suffix(WEIGHTS[suffix])
    if not beside.is_file():
        raise ToolkitError(f"'{model}' has no weights: {beside} is not there; write {model},FILE{WEIGHTS[suffix]}")
    return Target(model, beside, options=options)


def _suffix(text: str) -> str:
    return Path(text.partition(",")[0]).suffix.lower()


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ToolkitError(f"there is no file '{text}'")
    return path
