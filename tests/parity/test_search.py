"""Faults that a look at the layers does not show at once: they need fusion, gather on the way, or end the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.parity import planted
from tests.parity.looking import Sound, look, subjects
from toolkit import runners
from toolkit.parity.compare import OutputComparison
from toolkit.parity.inputs import Inputs, make
from toolkit.parity.layer_report import FirstFault
from toolkit.parity.localise.alone import Trials
from toolkit.parity.localise.bisect import bisect
from toolkit.parity.localise.first_fault import roots, suspects
from toolkit.parity.localise.layers import Layer
from toolkit.parity.localise.pair import pair_of
from toolkit.parity.parity import Rule
from toolkit.parity.report import Verdict
from toolkit.runners.base import Load, Runner, RunnerError, Target


def opencv(target: Target, layer: str, only_fused: bool, folder: Path) -> Runner:
    """OpenCV with a fault of its own in one layer: its net is changed before it is read."""
    net = planted.read_caffe(Path(target.path), target.weights)
    fused = target.options.get("fusion") != "off"
    if not any(one.name == layer for one in net.layers) or (only_fused and not fused):
        return runners.load("opencv", target)
    layers = [
        replace(one, blobs=tuple(np.array(blob) * np.float32(1.01) for blob in one.blobs)) if one.name == layer else one
        for one in net.layers
    ]
    made = planted.write_files(replace(net, layers=tuple(layers)), folder / "changed")
    return runners.load("opencv", replace(target, path=str(made[0]), weights=made[1]))


@pytest.fixture
def faulty(tmp_path: Path) -> Callable[..., Load]:
    def install(layer: str, only_fused: bool) -> Load:
        def load(name: str, target: Target) -> Runner:
            return opencv(target, layer, only_fused, tmp_path) if name == "opencv" else runners.load(name, target)

        return load

    return install


@pytest.mark.parametrize("layer", ["stem.0", "right.0", "output"])
def test_a_fault_of_the_fused_engine_is_found_by_cutting(
    layer: str, sound: Sound, faulty: Callable[..., Load], tmp_path: Path
) -> None:
    files = sound("small")
    load = faulty(layer, only_fused=True)
    row, layers = look(str(files.onnx), f"opencv:{files.prototxt}", tmp_path / "repro", load)
    assert row.verdict is Verdict.FAILED
    assert layers.first_fault is not None
    assert layer in layers.first_fault.layer.layers
    assert layers.first_fault.confirmed
    said = (tmp_path / "repro/opencv/README.md").read_text("utf-8")
    assert "opencv:net.prototxt --input" in said, "fused, as it was when it failed"


def test_the_same_fault_without_fusion_is_seen_at_once(sound: Sound, faulty: Callable[..., Load]) -> None:
    files = sound("small")
    _, layers = look(str(files.onnx), f"opencv:{files.prototxt}", load=faulty("right.0", only_fused=False))
    assert layers.first_fault is not None
    assert layers.first_fault.layer.value == "right.2"
    assert layers.first_fault.own_error == pytest.approx(0.01, rel=0.05)
    assert "alone, on the reference's inputs, it differs by 0.01" in layers.first_fault.sentence


def test_an_engine_that_fails_on_everything_is_told_apart(sound: Sound) -> None:
    class Broken:
        def __enter__(self) -> None:
            raise RunnerError("opencv: out of order")

        def __exit__(self, *error: Any) -> None: ...

    files = sound("small")
    row, layers = look(
        str(files.onnx),
        f"opencv:{files.prototxt}",
        load=lambda name, target: Broken() if name == "opencv" else runners.load(name, target),  # type: ignore[return-value]
    )
    assert row.verdict is Verdict.ERROR
    assert layers.first_fault is not None
    assert layers.first_fault.layer.value == "stem.1", "the first part fails as well"
    assert "the engine fails: opencv: out of order" in layers.summary


def test_bisection_takes_about_the_logarithm_of_the_number_of_values(
    sound: Sound, faulty: Callable[..., Load], tmp_path: Path
) -> None:
    files = sound("shufflenet")
    load = faulty("stage_3_4/conv2", only_fused=False)
    pair = pair_of(*subjects(str(files.onnx), f"opencv:{files.prototxt}"), load)
    with runners.load("onnxruntime", pair.reference.target) as runner:
        feeds = make(Inputs(), runner.inputs)
    (tmp_path / "work").mkdir()
    trials = Trials(pair, feeds, Rule(), tmp_path / "work", fused=True)
    values = [value for value in pair.reference_graph.order if value in pair.other.translation.names]
    found = bisect(trials, "output", values, ())
    assert found is not None
    assert found.first_wrong == "stage_3_4/conv2/bn"
    assert len(values) > 70
    assert len(found.trials) <= 9
    assert "stage_2_1/conv1/relu" in found.agreeing
    assert bisect(trials, "stage1/pool", values, ()) is None, "which is right"


def layer(value: str, required: float, *parents: str, noise: float = 0.0, **more: Any) -> Layer:
    found = OutputComparison(value, value, (1, 2), 1e-4, required=required, max_abs=required, scale=1.0)
    return Layer(value, value, found, parents, noise=noise, **more)


def test_where_a_difference_begins() -> None:
    layers = [
        layer("a", 1e-6),
        layer("b", 0.1, "a"),
        layer("c", 0.2, "b"),
        layer("d", 0.3, "a"),
        layer("e", 1, "c", "d"),
    ]
    assert [one.value for one in roots(layers)] == ["b", "d"]
    assert roots([layer("a", 1e-5)]) == []


def test_what_the_reference_itself_can_not_hold_is_noise() -> None:
    assert layer("a", 5e-4, noise=2e-4).status == "noise"
    assert layer("a", 5e-3, noise=2e-4).status == "failed"
    assert layer("a", 5e-4, noise=9e-5).status == "failed"
    assert roots([layer("a", 5e-4, noise=2e-4)]) == []


def test_an_error_that_gathers_is_traced_to_the_largest_step() -> None:
    layers = [layer("a", 1e-6), layer("b", 9e-5, "a"), layer("c", 9.5e-5, "b"), layer("d", 2e-4, "c"), layer("x", 8e-5)]
    (first,) = roots(layers)
    assert first.value == "d"
    assert [one.value for one in suspects(first, layers)] == ["b"]


def test_sentences() -> None:
    found = layer("conv", 0.25, ops=("Conv", "Relu"), types=("Convolution", "ReLU"))
    assert FirstFault(found, 0.25, 1e-4).sentence == (
        "the first to differ is 'conv' (Conv+Relu -> Convolution+ReLU): differs by 0.25 of its largest value, 0.0001 "
        "is allowed; alone, on the reference's inputs, it differs by 0.25"
    )
    assert "it agrees to 1e-07: the error gathers before it" in FirstFault(found, 1e-7, 1e-4).sentence
    assert "comes from 'conv'" in FirstFault(found, 2e-5, 1e-5, first="fc").sentence
    assert "2 more differ though their inputs agree" in FirstFault(found, 0.25, 1e-4, others=("a", "b")).sentence
    assert not FirstFault(found, None, 1e-4, note="it can't be cut out: no").confirmed


@pytest.mark.parametrize("change", [0.5, 0.0])
def test_two_onnx_files_are_cut_each_for_itself(change: float, sound: Sound, tmp_path: Path) -> None:
    files = sound("small")
    model = onnx.load(files.onnx)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "left.0.weight")
    array = onnx.numpy_helper.to_array(weight).copy()
    array[3, 0, 1, 1] += change
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    onnx.save(model, tmp_path / "changed.onnx")
    row, layers = look(str(files.onnx), str(tmp_path / "changed.onnx"), tmp_path / "repro")
    if not change:
        assert (row.verdict, layers.first_fault) == (Verdict.PASSED, None)
        return
    assert layers.first_fault is not None
    assert layers.first_fault.layer.value == "left.0"
    assert layers.first_fault.confirmed
    assert {file.name for file in (tmp_path / "repro/onnxruntime").glob("*.onnx")} == {"net.onnx", "other.onnx"}


def cancelling(path: Path, weight: float) -> Path:
    """y = x * weight - x * 0.999: a small error of the product is a thousand times larger in the difference."""
    nodes = [
        onnx.helper.make_node("Mul", ["x", "weight"], ["product"]),
        onnx.helper.make_node("Mul", ["x", "almost"], ["other"]),
        onnx.helper.make_node("Sub", ["product", "other"], ["y"]),
    ]
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 8]) for name in ("x", "y")]
    constants = {"weight": weight, "almost": 0.999}
    tensors = [onnx.numpy_helper.from_array(np.float32([value]), name) for name, value in constants.items()]
    graph = onnx.helper.make_graph(nodes, "cancelling", values[:1], values[1:], tensors)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_fault_within_tolerance_that_grows_beyond_it_is_named(tmp_path: Path) -> None:
    sound, bad = cancelling(tmp_path / "sound.onnx", 1.0), cancelling(tmp_path / "bad.onnx", 1.00005)
    row, layers = look(str(sound), str(bad), tmp_path / "repro")
    assert row.verdict is Verdict.FAILED
    assert [(one.value, one.status) for one in layers.layers] == [
        ("product", "passed"),
        ("other", "passed"),
        ("y", "failed"),
    ]
    found = layers.first_fault
    assert found is not None
    assert (found.layer.value, found.first) == ("product", "y")
    assert found.own_error == pytest.approx(5e-5, rel=0.05)
    assert "--tolerance 1e-05" in (tmp_path / "repro/onnxruntime/README.md").read_text("utf-8")
