"""The examples of ONNX's own backend test suite, each as it is given and as a real model would hold it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")
FLOATS = {TensorProto.FLOAT}
PLAIN = {TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.UINT8}  # beside floats, as parameters


@dataclass(frozen=True)
class Example:
    """A model, what is fed to it, and the outputs that the suite expects."""

    name: str
    model: onnx.ModelProto
    feeds: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]


@functools.cache
def node_examples() -> tuple[Example, ...]:
    """The cases of onnx.backend.test.case.node that compute float32 from float32, as given: all operands are inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite divides by zero to make its infinities
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    found = []
    for case in cases:
        if case.model is None or not case.data_sets or not is_float32(case.model):
            continue
        given, expected = case.data_sets[0]
        inputs = [value.name for value in case.model.graph.input]
        outputs = [value.name for value in case.model.graph.output]
        feeds = {name: np.asarray(array) for name, array in zip(inputs, given, strict=False)}
        found.append(Example(case.name, case.model, feeds, dict(zip(outputs, map(np.asarray, expected), strict=True))))
    return tuple(found)


def folder_examples() -> list[Example]:
    """The models exported by torch, and the simple ones, that lie in the onnx package."""
    import onnx.backend.test

    data = Path(onnx.backend.test.__file__).parent / "data"
    found = []
    for folder in FOLDERS:
        for path in sorted((data / folder).iterdir()):
            model = onnx.load(path / "model.onnx")
            if is_float32(model):
                found.append(_from_folder(f"{folder}/{path.name}", model, path / "test_data_set_0"))
    return found


def _from_folder(name: str, model: onnx.ModelProto, data: Path) -> Example:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    outputs = [value.name for value in model.graph.output]
    feeds = {key: _read(data / f"input_{i}.pb") for i, key in enumerate(inputs)}
    return Example(name, model, feeds, {key: _read(data / f"output_{i}.pb") for i, key in enumerate(outputs)})


def _read(path: Path) -> np.ndarray:
    return np.asarray(numpy_helper.to_array(TensorProto.FromString(path.read_bytes())))


def is_float32(model: onnx.ModelProto) -> bool:
    """Whether the model computes float32 from float32; other types may stand beside them as axes, shapes or indices."""
    values = [*model.graph.input, *model.graph.output]
    if any(value.type.WhichOneof("value") != "tensor_type" for value in values):
        return False
    taken = {value.type.tensor_type.elem_type for value in model.graph.input}
    given = {value.type.tensor_type.elem_type for value in model.graph.output}
    return bool(taken & FLOATS) and taken <= FLOATS | PLAIN and given <= FLOATS | PLAIN


def with_constants(example: Example) -> Example | None:
    """All operands but the first float turned into initialisers, as trained models have them; None if there is none."""
    constants = {tensor.name for tensor in example.model.graph.initializer}
    first = next(name for name, array in example.feeds.items() if array.dtype == np.float32 and name not in constants)
    rest = [name for name in example.feeds if name != first and name not in constants]
    if not rest:
        return None
    model = onnx.ModelProto()
    model.CopyFrom(example.model)
    kept = [value for value in model.graph.input if value.name not in rest]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(example.feeds[name], name) for name in rest)
    return replace(example, name=f"{example.name}+constants", model=model, feeds={first: example.feeds[first]})


def examples(form: str) -> Iterator[Example]:
    """One part of the suite: the node cases as `given` or with `constants`, or the `folders`."""
    if form == "folders":
        yield from folder_examples()
    for example in node_examples() if form != "folders" else ():
        made = with_constants(example) if form == "constants" else example
        if made is not None:
            yield made
