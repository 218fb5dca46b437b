"""Lists of checks that pass, fail, crash and can't be done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx.parser
import pytest

from converters.errors import ToolkitError
from tests.parity.looking import need
from toolkit.check import pool
from toolkit.check.plan import Job
from toolkit.check.run import Checked, run

Listed = Callable[[str], Path]

NETS = """
import os, signal
import torch
from torch import nn

class Net(nn.Module):
    image_size = 16
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, 2, 1), nn.Linear(4, 5)
    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((2, 3)))

def crash():
    print("about to crash")
    os.kill(os.getpid(), signal.SIGSEGV)

def broken():
    raise ValueError("no such\\nlayer")
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(NETS, "utf-8")
    return tmp_path / "nets.py"


def by_name(found: Checked) -> dict[str, dict[str, Any]]:
    return {result["name"]: result for result in found.results}


def test_everything_that_is_listed_is_checked(small: Path, listed: Listed) -> None:
    need("caffe")
    heard: list[tuple[str, int]] = []
    file = listed(f"""
        dialects = ["portable", "bvlc"]
        [[models]]
        model = "{small}"
        name = "small"
        styles = ["deploy", "train"]
    """)
    found = run(file, workers=2, on_result=lambda result, total: heard.append((result["name"], total)))
    assert found.passed
    names = [
        "small / portable / deploy / opencv",
        "small / portable / deploy / caffe",
        "small / portable / train / opencv",
        "small / portable / train / caffe",
        "small / bvlc / deploy / caffe",
        "small / bvlc / train / caffe",
    ]
    assert [result["name"] for result in found.results] == names
    assert sorted(heard) == sorted((name, 6) for name in names)
    said = found.to_json()
    assert json.loads(json.dumps(said, allow_nan=False))["verdict"] == "passed"
    assert all(0 < result["required_tolerance"] < 1e-5 for result in said["checks"])
    assert all(result["report"]["verdict"] == "passed" for result in said["checks"])
    assert next(case.name for case in found.test_cases()) == "portable / deploy / opencv"


def test_a_crash_and_an_error_fail_alone(nets: Path, small: Path, listed: Listed) -> None:
    need("opencv")
    refused = nets.with_name("det.onnx")
    text = '<ir_version: 8, opset_import: ["" : 17]> net (float[1, 3, 3] x) => (float[1] y) { y = Det(x) }'
    onnx.save(onnx.parser.parse_model(text), refused)
    found = run(
        listed(f"""
            runtimes = ["opencv", "torch"]
            models = [
                "{nets}:Net",
                "{nets}:crash",
                "{nets}:broken",
                "{refused}",
                {{ model = "{small}", name = "last" }},
            ]
        """),
        workers=1,
    )
    results = by_name(found)
    assert not found.passed
    statuses = {name.replace(f"{nets.name}:", ""): result["status"] for name, result in results.items()}
    assert statuses == {
        "Net / torch": "passed",
        "Net / portable / deploy / opencv": "passed",
        "crash / torch": "error",
        "crash / portable / deploy / opencv": "error",
        "broken / torch": "error",
        "broken / portable / deploy / opencv": "error",
        "det.onnx / portable / deploy / opencv": "error",
        "last / portable / deploy / opencv": "passed",
    }
    crash = results["nets.py:crash / portable / deploy / opencv"]["message"]
    assert crash == "the model can't be exported: the worker process ended by SIGSEGV: about to crash"
    assert r"ValueError: no such\nlayer" in results["nets.py:broken / torch"]["message"]  # on one line, as told
    assert "can't be converted" in results["det.onnx / portable / deploy / opencv"]["message"]


def test_a_fault_is_red_and_named(small: Path, listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that computes one weight wrong: here a Caffe whose files are turned after they are written."""
    need("opencv")
    (tmp_path / "sitecustomize.py").write_text(TURNED, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    text = f'runtimes = ["opencv"]\n[[models]]\nmodel = "{small}"\nname = "small"'
    found = run(listed(text), repro=tmp_path / "repro")
    (result,) = found.results
    assert (found.passed, result["status"]) == (False, "failed")
    assert "the first to differ is 'right.2'" in result["message"]
    assert result["report"]["rows"][0]["layers"]["first_fault"]["layers"] == ["right.0", "right.2"]
    assert len(list((tmp_path / "repro").rglob("README.md"))) == 1


TURNED = """
import sys
if "toolkit.check.worker" in sys.orig_argv:
    import numpy as np
    from dataclasses import replace
    from converters.caffe import binary
    write = binary.write

    def turned(net, file):
        layers = []
        for layer in net.layers:
            blobs = [np.array(blob) for blob in layer.blobs]
            if layer.name == "right.0":
                blobs[0].flat[5] += 0.5 * np.abs(blobs[0]).max()
            layers.append(replace(layer, blobs=tuple(blobs)))
        write(replace(net, layers=tuple(layers)), file)

    binary.write = turned
"""


def test_an_engine_that_is_not_there_is_skipped_where_nobody_named_it(
    small: Path, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("opencv")
    monkeypatch.setenv("CAFFE_BRIDGE_CAFFE", "/nowhere")
    found = run(listed(f'dialects = ["portable", "bvlc"]\n[[models]]\nmodel = "{small}"\nname = "small"'))
    statuses = {name: result["status"] for name, result in by_name(found).items()}
    assert statuses == {
        "small / portable / deploy / opencv": "passed",
        "small / portable / deploy / caffe": "skipped",
        "small / bvlc / deploy / caffe": "skipped",
    }
    assert found.passed
    assert "real Caffe is not found" in by_name(found)["small / bvlc / deploy / caffe"]["message"]
    assert not run(listed(f'dialects = ["bvlc"]\nmodels = ["{small}"]')).passed
    named = run(listed(f'runtimes = ["opencv", "caffe"]\nmodels = ["{small}"]'))
    assert [result["status"] for result in named.results] == ["passed", "error"]


def test_nothing_to_check_is_an_error(small: Path, listed: Listed) -> None:
    file = listed(f'dialects = ["bvlc"]\nruntimes = ["opencv"]\nmodels = ["{small}"]')
    with pytest.raises(ToolkitError, match="no check is left: no engine that a model names speaks one of its dialects"):
        run(file)
    with pytest.raises(ToolkitError, match="no check is left: none has nonsense in its name"):
        run(listed(f'models = ["{small}"]'), only=["nonsense"])


def test_no_results_are_no_pass() -> None:
    assert not Checked((), 0).passed
    assert not Checked(({"status": "skipped"},), 0).passed
    assert Checked(({"status": "passed"}, {"status": "skipped"}), 0).passed
    assert not Checked(({"status": "passed"}, {"status": "error"}), 0).passed


PROGRAM = """
import os, sys, time
for line in sys.stdin:
    if line == "1\\n":
        print("half a", flush=True, end=""); sys.stderr.write("one\\nfatal: gone\\n"); sys.stderr.flush(); os._exit(3)
    if line == "2\\n":
        time.sleep(60)
    print('{"results": [%d], "error": ""}' % int(line), flush=True)
"""


def test_the_pool_survives_what_its_workers_do_not(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    heard: dict[int, Any] = {}
    command = [*pool.python()[:1], str(tmp_path / "program.py")]
    pool.run(
        command, [Job(number, 0) for number in range(5)], 2, 1.5, lambda job, answer: heard.update({job.number: answer})
    )
    assert [heard[number]["results"] for number in (0, 3, 4)] == [[0], [3], [4]]
    assert heard[1] == {"results": [], "error": "the worker process ended with code 3: fatal: gone"}
    assert heard[2] == {"results": [], "error": "took more than 1.5 s"}


def test_an_error_of_ours_is_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")

    def fail(job: Job, answer: pool.Answer) -> None:
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        pool.run([*pool.python()[:1], str(tmp_path / "program.py")], [Job(0, 0)], 1, 5, fail)
