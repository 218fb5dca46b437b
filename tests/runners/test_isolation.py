"""An engine that dies must not take us along, and must leave its reason."""

from __future__ import annotations

import ast
import io
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.errors import ToolkitError
from tests.runners import files
from tests.runners.conftest import Tiny, need
from toolkit import runners
from toolkit.runners.base import RunnerError, Target
from toolkit.runners.process import Isolated, Worker, _reasons
from toolkit.runners.worker import wire

ENGINES = ["caffe", "mnn", "opencv", "openvino"]
WEIGHTS = {  # what each has to say of weights that do not fit
    "caffe": "number of blobs",
    "mnn": "the run ended with code 3",
    "opencv": "input channels",
    "openvino": "list index out of range",
}


def entered(name: str, tiny: Tiny, **options: str) -> Isolated:
    need(name)
    path, weights = tiny[name]
    runner = runners.load(name, Target(path, weights, options=options))
    assert isinstance(runner, Isolated)
    return runner


def test_failed_check_in_caffe_is_quoted(tmp_path: Path) -> None:
    need("caffe")
    path = tmp_path / "net.prototxt"
    path.write_text(files.input_layer("data", (1, 3, 5, 5)) + 'layer { name: "n" type: "Nonsense" bottom: "data" }')
    with pytest.raises(RunnerError, match="Unknown layer type: Nonsense"), runners.load("caffe", Target(str(path))):
        pass
    path.write_text(files.input_layer("data", (1, 3, 5, 5)) + 'layer { nome: "n" }')
    with pytest.raises(RunnerError, match='has no field named "nome"'), runners.load("caffe", Target(str(path))):
        pass


def test_division_by_zero_in_caffe_is_survived(tmp_path: Path) -> None:
    need("caffe")
    path = tmp_path / "net.prototxt"
    layer = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 1 '
    path.write_text(
        files.input_layer("data", (1, 3, 5, 5)) + layer + "kernel_h: 1 kernel_w: 1 stride_h: 0 stride_w: 0 } }"
    )
    with pytest.raises(RunnerError, match="ended by SIGFPE"), runners.load("caffe", Target(str(path))):
        pass


@pytest.mark.parametrize("name", ENGINES)
def test_weights_that_do_not_fit(name: str, tiny: Tiny, tmp_path: Path) -> None:
    need(name)
    path = tiny[name][0]
    weights = files.caffemodel(tmp_path / "w.caffemodel", {"conv": [np.zeros((4, 2, 3, 3), np.float32)]})
    with (
        pytest.raises(RunnerError, match=f"^{name}: .*{WEIGHTS[name]}"),
        runners.load(name, Target(path, weights)) as runner,
    ):
        runner.run({"data": files.image()})
    weights.write_bytes(b"\xff" * 1000)
    with (
        pytest.raises(RunnerError, match=f"^{name}: .*(parse|Pars|Invalid model file)"),
        runners.load(name, Target(path, weights)),
    ):
        pass


@pytest.mark.parametrize("name", ENGINES)
def test_killed_engine_is_an_error_and_stays_one(name: str, tiny: Tiny) -> None:
    with entered(name, tiny) as runner:
        runner.run({"data": files.image()})
        os.kill(runner.worker.process.pid, signal.SIGKILL)
        with pytest.raises(RunnerError, match=f"{name}: the engine ended by SIGKILL and gave no reason"):
            runner.run({"data": files.image()})
        with pytest.raises(RunnerError, match="load the model again"):
            runner.run({"data": files.image()})


@pytest.mark.parametrize("name", ENGINES)
def test_hanging_engine_is_given_up(name: str, tiny: Tiny) -> None:
    with entered(name, tiny, timeout="60") as runner:
        assert runner.worker.timeout == 60
        runner.worker.timeout = 0.5
        os.kill(runner.worker.process.pid, signal.SIGSTOP)
        with pytest.raises(RunnerError, match=r"no answer within 0\.5 s"):
            runner.run({"data": files.image()})
        assert runner.worker.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e30", "soon"])
def test_timeout_must_be_a_time(text: str, tiny: Tiny) -> None:
    with pytest.raises(ToolkitError, match=f"timeout={text}: it must be a number of seconds"):
        entered("opencv", tiny, timeout=text)


@pytest.mark.parametrize("name", ENGINES)
def test_leaving_ends_the_process(name: str, tiny: Tiny) -> None:
    with entered(name, tiny) as runner:
        assert runner.worker.process.poll() is None
    assert runner.worker.process.returncode == 0


def test_interpreter_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAFFE_BRIDGE_PYTHON", str(tmp_path / "python"))
    assert "CAFFE_BRIDGE_PYTHON=" in runners.available()["caffe"]
    with pytest.raises(RunnerError, match="can't be started: No such file"):
        Worker("caffe", 1, 10, (str(tmp_path / "python"),))


def test_another_interpreter_may_hold_caffe(monkeypatch: pytest.MonkeyPatch, tiny: Tiny, tmp_path: Path) -> None:
    need("caffe")
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv("CAFFE_BRIDGE_PYTHON", str(other))
    assert runners.available()["caffe"] == ""
    with entered("caffe", tiny) as runner:
        assert runner.worker.process.args[0] == str(other)
        assert runner.run({"data": files.image()})["prod"].shape == (1, 2, 5, 5)
    monkeypatch.setenv("CAFFE_BRIDGE_CAFFE", str(tmp_path))
    assert "real Caffe is not found" in runners.available()["caffe"]


def test_worker_code_suits_an_old_python() -> None:
    """Who has a compiled Caffe often has it for an old Python."""
    for path in Path(wire.__file__).parent.glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 7))


def test_reasons_are_found_among_other_lines() -> None:
    log = [
        "WARNING: Logging before InitGoogleLogging() is written to STDERR",
        "F20240101 03:34:01.756484  7373 net.cpp:37] Check failed: a == b (1 vs. 2) ",
        "*** Check failure stack trace: ***",
        "    @     0x7f google::LogMessage::Fail()",
    ]
    assert _reasons(log) == ["net.cpp:37] Check failed: a == b (1 vs. 2) "]
    assert _reasons(["F1124 03:34:01.756484  7373 io.cpp:1] no"]) == ["io.cpp:1] no"]  # glog before 0.5
    assert _reasons(["one", "Segmentation fault", ""]) == []
    assert _reasons([]) == []


@pytest.mark.parametrize(
    "array",
    [np.float32(3).reshape(()), np.zeros((0, 3), np.int64), np.arange(12.0).reshape(3, 4).T, np.array([True, False])],
)
def test_wire_carries_any_plain_array(array: np.ndarray) -> None:
    stream = io.BytesIO()
    wire.send(stream, {"seconds": 1.5}, {"naïve name": array, "b": np.ones(2)})
    stream.seek(0)
    header, arrays = wire.receive(stream)
    assert header == {"seconds": 1.5}
    assert arrays["naïve name"].dtype == array.dtype
    assert arrays["naïve name"].shape == array.shape
    np.testing.assert_array_equal(arrays["naïve name"], array)
    np.testing.assert_array_equal(arrays["b"], np.ones(2))


def test_wire_refuses_objects_and_strangers() -> None:
    with pytest.raises(ValueError, match="not a plain number"):
        wire.send(io.BytesIO(), {}, {"x": np.array([None])})
    with pytest.raises(wire.Closed, match="protocol"):
        wire.receive(io.BytesIO(b"HTTP/1.1 200 OK"))
    with pytest.raises(wire.Closed, match="closed"):
        wire.receive(io.BytesIO(b"CB"))


def test_what_a_crash_printed_is_told_with_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that merely came last is no reason: the signal is told before it."""
    engine = tmp_path / "loud_engine.py"
    engine.write_text(
        "import os\ndef load(request):\n    print('about to crash', end='')\n    os.kill(os.getpid(), 11)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = Worker("loud", 1, 10)
    with pytest.raises(RunnerError, match=r"^loud: the engine ended by SIGSEGV; its last words: about to crash$"):
        worker.ask({})
