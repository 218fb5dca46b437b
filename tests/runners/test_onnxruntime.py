"""What is onnxruntime's alone: it is the oracle, and it reads files from strangers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from converters.errors import InvalidInput, ToolkitError
from tests.runners import files
from tests.runners.conftest import Tiny, need
from toolkit import runners
from toolkit.runners.base import RunnerError, Target
from toolkit.runners.onnxruntime import kernel_times


@pytest.fixture(autouse=True)
def _onnxruntime() -> None:
    need("onnxruntime")


def save(text: str, path: Path) -> Target:
    onnx.save(onnx.parser.parse_model(text), path)
    return Target(str(path))


HEAD = '<ir_version: 8, opset_import: ["": 17]>'


def test_oracle_settings_unless_told_otherwise(tiny: Tiny) -> None:
    path, _ = tiny["onnxruntime"]
    for level in ("", "basic", "extended", "all"):
        options = {"optimisation": level} if level else {}
        with runners.load("onnxruntime", Target(path, threads=2, options=options)) as runner:
            used = runner.session.get_session_options()
            assert (used.intra_op_num_threads, used.inter_op_num_threads) == (2, 1)
            want = f"ORT_ENABLE_{level.upper()}" if level else "ORT_DISABLE_ALL"
            assert used.graph_optimization_level.name == want
            assert runner.session.get_providers() == ["CPUExecutionProvider"]
            assert runner.version.endswith(f"2 threads, optimisation {level}" if level else "2 threads")
            got = runner.run({"data": files.image()})["prod"]
        want_values = files.expected(files.image())["prod"]
        assert np.abs(got - want_values).max() <= 1e-5 * np.abs(want_values).max()
    with pytest.raises(ToolkitError, match="optimisation=max: it can be disabled, basic, extended, all"):
        runners.load("onnxruntime", Target(path, options={"optimisation": "max"}))


HEAVY = (
    "g (float[64,400] x) => (float[64,400] y) "
    "{ c = Constant<value_float: float = 2.0>() a = Mul(x, c) heavy = MatMul(a, w) b = Neg(heavy) y = Relu(b) }"
)


@pytest.mark.parametrize("level", ["disabled", "all"])
def test_times_are_those_of_the_nodes_that_they_are_told_of(tmp_path: Path, level: str) -> None:
    """onnxruntime does not count Constants where it numbers nodes: counted along, all that follow would be one off."""
    model = onnx.parser.parse_model(HEAD + HEAVY)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((400, 400), np.float32), "w"))
    onnx.save(model, tmp_path / "m.onnx")
    target = Target(str(tmp_path / "m.onnx"), options={"profile": "on", "optimisation": level})
    with runners.load("onnxruntime", target) as runner:
        got = runner.run({"x": np.ones((64, 400), np.float32)})
        times, whole = runner.layer_seconds, runner.seconds
        assert np.all(got["y"] == 0)
    slowest = max(times, key=times.__getitem__)
    if level == "disabled":
        assert list(times) == ["a", "heavy", "b", "y"]
        assert slowest == "heavy"
    else:  # as onnxruntime runs them, under names of its own
        assert "MatMul" in slowest.split()[0]
    assert 0 < sum(times.values()) <= whole


def test_only_one_run_counts_and_what_runs_inside_a_node_once() -> None:
    def event(name: str, began: int, took: int) -> dict[str, Any]:
        return {"name": name, "ts": began, "dur": took, "args": {"node_index": "0", "op_name": "Op"}}

    told = [
        *(event("a_kernel_time", 3, 90), event("model_run", 0, 100)),
        *(event("a_kernel_time", 210, 10), event("body_kernel_time", 223, 5), event("loop_kernel_time", 221, 20)),
        *(event("a_kernel_time", 241, 7), event("model_run", 200, 60)),
        *(event("a_kernel_time", 303, 50), event("model_run", 300, 80)),
    ]
    found = kernel_times(told, 1, lambda event: event["name"].removesuffix("_kernel_time"))
    assert found == {"a": pytest.approx(17e-6), "loop": pytest.approx(20e-6)}


def test_inputs_keep_their_types(tmp_path: Path) -> None:
    target = save(HEAD + "g (int64[2] i, bool[2] c, double[N] d) => (int64[2] j, bool[2] e, double[N] f) "
                  "{ j = Neg(i) e = Not(c) f = Neg(d) }", tmp_path / "m.onnx")  # fmt: skip
    with runners.load("onnxruntime", target) as runner:
        assert runner.inputs == {"i": (2,), "c": (2,), "d": (None,)}
        feeds = {"i": np.array([1, -(2**40)]), "c": np.array([True, False]), "d": np.array([1.0], np.float32)}
        got = runner.run(feeds)
        assert got["j"].tolist() == [-1, 2**40]
        assert got["e"].tolist() == [False, True]
        assert got["f"].dtype == np.float64
        with pytest.raises(RunnerError, match="input 'i' takes int64, it was fed float32"):
            runner.run({**feeds, "i": np.ones(2, np.float32)})


def test_external_weights_are_found_with_any_outputs(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(HEAD + "g (float[4] x) => (float[4] z) { y = Add(x, w) z = Neg(y) }")
    w = np.arange(4, dtype=np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    for outputs in ((), ("y", "z")):
        with runners.load("onnxruntime", Target(str(path), outputs=outputs)) as runner:
            got = runner.run({"x": np.ones(4, np.float32)})
        np.testing.assert_array_equal(got["z"], -(w + 1))
    (tmp_path / "m.data").unlink()
    with pytest.raises((InvalidInput, RunnerError)), runners.load("onnxruntime", Target(str(path))):
        pass


@pytest.mark.parametrize("outputs", [(), ("y",)])
def test_weights_outside_the_models_folder_are_refused(tmp_path: Path, outputs: tuple[str, ...]) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.full(4, 42, np.float32).tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    model = onnx.parser.parse_model(HEAD + "g (float[4] x) => (float[4] y) { y = Add(x, w) }")
    for location in ("../secret", str(secret)):
        tensor = onnx.TensorProto(name="w", dims=[4], data_type=onnx.TensorProto.FLOAT)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        del model.graph.initializer[:]
        model.graph.initializer.append(tensor)
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        target = Target(str(folder / "m.onnx"), outputs=outputs)
        with pytest.raises((InvalidInput, RunnerError)), runners.load("onnxruntime", target):
            pass


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        ("y = Nonsense(x)", InvalidInput, "Nonsense"),
        ("y = Add(x, missing)", InvalidInput, "missing"),
        ("y = Reshape(x, x)", InvalidInput, "Type Error"),
    ],
)
def test_invalid_graphs(tmp_path: Path, body: str, error: type[Exception], reason: str) -> None:
    target = save(HEAD + f"g (float[4] x) => (float[4] y) {{ {body} }}", tmp_path / "m.onnx")
    with pytest.raises(error, match=reason) as caught, runners.load("onnxruntime", target):
        pass
    assert "\n" not in str(caught.value)


def test_what_only_fails_when_it_runs(tmp_path: Path) -> None:
    target = save(HEAD + "g (float[N] x, float[M] z) => (float[K] y) { y = Add(x, z) }", tmp_path / "m.onnx")
    with runners.load("onnxruntime", target) as runner, pytest.raises(RunnerError, match=r"^onnxruntime: "):
        runner.run({"x": np.ones(2), "z": np.ones(3)})
