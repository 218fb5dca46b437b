"""`toolkit export-onnx`, as a user sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch
from click.testing import CliRunner, Result

from toolkit.cli import main
from toolkit.cli.output import size
from toolkit.models import checkpoint, create

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=2):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)
        self.bn = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, num_classes)

    def forward(self, x):
        print("noise from the model")
        return self.fc(self.bn(self.conv(x)).mean((2, 3)))

class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["export-onnx", *(str(word) for word in words)])


def test_a_users_own_file(net: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    done = run(
        f"{net}:Net", "-o", out, "--input-shape", "x:2,1,8,8", "--num-classes", 4, "--dynamic-batch", "--opset", 13
    )
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"wrote {out} ({size(out)})",
        "opset 13, 3 nodes",
        "inputs: x [batch, 1, 8, 8]",
        "outputs: output [batch, 4]",
        f"without --weights the weights are what {net}:Net made",
    ]
    assert onnx.load(out).opset_import[0].version == 13


def test_json_is_one_object_on_stdout(net: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.onnx"
    done = run(f"{net}:Net", "-o", out, "--input-shape", "x:1,1,8,8", "--keep-bn", "--json")
    assert json.loads(done.stdout) == {
        "files": [{"path": str(out), "bytes": out.stat().st_size}],
        "opset": 18,
        "nodes": 4,
        "inputs": {"x": [1, 1, 8, 8]},
        "outputs": {"output": [1, 2]},
    }
    assert [node.op_type for node in onnx.load(out).graph.node][:2] == ["Conv", "BatchNormalization"]


def test_a_checkpoint_of_ours(tmp_path: Path) -> None:
    state = create("shufflenet_v2_x0.25", num_classes=3, seed=1).state_dict()
    checkpoint.save(state, tmp_path / "net.pth")
    words = ("shufflenet_v2_x0.25", "--weights", tmp_path / "net.pth", "--image-size", 32, "-o", tmp_path / "net.onnx")
    assert run(*words, "--num-classes", 3).exit_code == 0
    weights = {tensor.name: tensor for tensor in onnx.load(tmp_path / "net.onnx").graph.initializer}
    found = torch.from_numpy(onnx.numpy_helper.to_array(weights["network.8.weight"]).copy())
    assert torch.equal(found, state["network.8.weight"])

    assert run(*words).exit_code == 0  # the checkpoint tells how many classes it has
    (output,) = onnx.load(tmp_path / "net.onnx").graph.output
    assert [dim.dim_value for dim in output.type.tensor_type.shape.dim] == [1, 3]

    (tmp_path / "net.onnx").unlink()
    failed = run(*words, "--num-classes", 4)
    assert (failed.exit_code, failed.stderr.count("\n")) == (4, 1)
    assert failed.stderr.endswith("it looks like 3 classes (--num-classes 3)\n")
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("shufflenet_v2_x0.7",), 2, "there are shufflenet_v2_x0.25"),
        (("shufflenet_v2_x0.25", "--image-size", "100"), 2, "not a positive multiple of 32"),
        (("shufflenet_v2_x0.25", "--opset", "7"), 2, "choose one from 11 to 23"),
        (("shufflenet_v2_x0.25", "--image-size", "32", "--input-shape", "x:1,3,8,8"), 2, "not both"),
        (("NET:Branching", "--input-shape", "x:1,3"), 3, "control flow depends on the values of a tensor"),
        (("NET:Net", "--input-shape", "y:1,3"), 2, "the model has no input 'y'; its inputs are x"),
        (("none.py:Net",), 4, "there is no file none.py"),
    ],
)
def test_failures_are_a_sentence_an_exit_code_and_no_file(
    words: tuple[str, ...], code: int, sentence: str, net: Path, tmp_path: Path
) -> None:
    done = run(*(word.replace("NET", str(net)) for word in words), "-o", tmp_path / "out.onnx")
    assert done.exit_code == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_an_unwritable_output(net: Path, tmp_path: Path) -> None:
    done = run(f"{net}:Net", "--input-shape", "x:1,1,8,8", "-o", tmp_path / "none" / "net.onnx")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "No such file or directory" in done.stderr


def test_help_needs_no_torch() -> None:
    code = "import sys; sys.modules['torch'] = None; from toolkit.cli import main; main(['export-onnx', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "shufflenet_v2_x0.5" in done.stdout
    assert "toolkit export-onnx my_net.py:build" in done.stdout
