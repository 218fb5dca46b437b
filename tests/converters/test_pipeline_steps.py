"""Between two passes a net is what the passes say, and without any one of them the numbers are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper

from converters.caffe.shapes import prove
from converters.dialects import DIALECTS
from converters.onnx_passes import canonicalise, load
from converters.onnx_to_caffe import convert, convert_file
from converters.onnx_to_caffe.facts import CHECKS, verify
from converters.onnx_to_caffe.lower import lower
from converters.onnx_to_caffe.pipeline import DEPLOY, PIPELINES, TRAIN, task_for
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.onnx_to_caffe.run import CHANGED, LEFT_OUT, run, start
from tests import engines
from tests.cases import all_cases, build
from tests.converters.test_pipeline import model, weights
from toolkit import runners
from toolkit.runners.base import Target

CASES = all_cases()
ENGINES = [name for name in ("caffe", "opencv") if not runners.available()[name]]
TIDY = {fact for one in (*DEPLOY, *TRAIN) for fact in one.requires} - CHECKS.keys()  # facts that no check proves


def facts_and_shapes(model: ir.Model, dialect: str, style: str) -> None:
    """Run the passes one by one and prove all that is said of each net, and every shape that ONNX knows."""
    lowered = lower(model)
    task = task_for(lowered, DIALECTS[dialect])
    state = start(lowered.net)
    for one in PIPELINES[style]:
        assert set(one.requires) <= {*state.facts, *TIDY}
        state = run(state, [one], task)
        if state.problems:
            return
        verify(state.net, task.dialect, state.facts)
        held = {name: place for name, place in state.places.items() if place.blob and name in lowered.shapes}
        prove(state.net, {place.blob: lowered.shapes[name] for name, place in held.items() if not place.view})
        assert {place.blob for name, place in held.items() if name in lowered.net.outputs} == set(state.net.outputs)


@pytest.mark.parametrize("style", PIPELINES)
@pytest.mark.parametrize("family", sorted({name.split("/")[0] for name in CASES}))
def test_every_net_between_two_passes_is_what_they_say(family: str, style: str, tmp_path: Path) -> None:
    for name, case in CASES.items():
        if name.split("/")[0] != family or case.refused:
            continue
        onnx.save(build(case)[0], tmp_path / "model.onnx")
        facts_and_shapes(
            canonicalise(load(tmp_path / "model.onnx"), None, None, frozenset(LOWERINGS)), case.dialects[0], style
        )
        (tmp_path / "model.onnx").unlink()


def optional(style: str) -> list[str]:
    return [one.name for one in PIPELINES[style] if not one.needed]


LEFT_OUTS = [(style, (name,)) for style in PIPELINES for name in optional(style)]
LEFT_OUTS += [(style, tuple(optional(style))) for style in PIPELINES]


@pytest.mark.parametrize("style, skip", LEFT_OUTS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_without_any_pass_the_numbers_are_the_same(style: str, skip: tuple[str, ...], tmp_path: Path) -> None:
    """On a network that has something for each of them."""
    path, feeds = everything(tmp_path)
    done = convert_file(path, tmp_path / "net", style=style, skip=skip)
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    for engine in ENGINES:
        got = engines.run(engine, done, feeds)
        for name, reference in want.items():
            assert np.abs(got[name].reshape(reference.shape) - reference).max() < 1e-4 * np.abs(reference).max()


def test_that_network_has_something_for_every_pass(tmp_path: Path) -> None:
    path, _ = everything(tmp_path)
    for style in PIPELINES:
        found = {one.name: one.outcome for one in convert(load(path), style=style).passes}
        idle = {name for name, outcome in found.items() if outcome != CHANGED}
        assert idle <= {"preprocess", "legalise_again"}
        skipped = convert(load(path), style=style, skip=optional(style)).passes
        assert {one.name for one in skipped if one.outcome == LEFT_OUT} == set(optional(style))


def everything(folder: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """Transposes, scores, a pad, a normalisation, a shuffle, an upsampling, hard functions, a large mean, a Flatten."""
    node = helper.make_node
    c = {f"c{i}": weights(12) / 4 for i in range(3)}
    nodes = [
        node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
        node("MatMul", ["last", "m"], ["product"]),
        node("Transpose", ["product"], ["first"], perm=[0, 3, 1, 2]),
        node("Tanh", ["first"], ["rows"]),
        node("Transpose", ["rows"], ["columns"], perm=[0, 1, 3, 2]),
        node("MatMul", ["rows", "columns"], ["scores"]),
        node("MatMul", ["scores", "rows"], ["seen"]),
        node("Tanh", ["seen"], ["bounded"]),
        node("Pad", ["bounded", "pads"], ["padded"]),
        node("Relu", ["padded"], ["positive"]),
        node("Conv", ["positive", "w"], ["conv"]),
        node("BatchNormalization", ["conv", "c0", "c1", "c2", "v"], ["norm"]),
        node("Reshape", ["norm", "split"], ["groups"]),
        node("Transpose", ["groups"], ["swapped"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["swapped", "join"], ["shuffled"]),
        node("Relu", ["shuffled"], ["r"]),
        node("MaxPool", ["r"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["pooled", "", "twice"], ["large"], coordinate_transformation_mode="asymmetric"),
        node("Conv", ["large", "w"], ["conv2"], pads=[1, 1, 1, 1]),
        node("HardSwish", ["conv2"], ["hard"]),
        node("HardSigmoid", ["conv2"], ["gate"], alpha=1 / 6),
        node("Mul", ["hard", "gate"], ["both"]),
        node("Sigmoid", ["both"], ["sigmoid"]),
        node("Mul", ["both", "sigmoid"], ["silu"]),
        node("Add", ["silu", "sigmoid"], ["all"]),
        node("GlobalAveragePool", ["all"], ["mean"]),
        node("Flatten", ["mean"], ["y"]),
    ]
    constants = {
        **c,
        "m": weights(12, 12) / 4,
        "w": weights(12, 12, 3, 3) / 10,
        "v": np.abs(weights(12)) + 1,
        "twice": np.array([1, 1, 2, 2], np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "split": np.array([1, 3, 4, 72, 72]),
        "join": np.array([1, 12, 72, 72]),
    }
    path = model(folder, *nodes, shape=(1, 12, 72, 72), **constants)
    return path, {"x": weights(1, 12, 72, 72)}
