"""Models by name: every form of the name, every way to get it wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from converters.errors import InvalidInput, ToolkitError
from toolkit.models import available, create
from toolkit.models.shufflenet_v2 import ShuffleNetV2

FILE = """
from torch import nn
from beside import WIDTH

class Net(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.fc = nn.Linear(WIDTH, num_classes)

def build(num_classes=7, image_size=3):
    return nn.Linear(image_size, num_classes)

def plain():
    return nn.Linear(2, 2)

def broken():
    raise KeyError("oops")

def wrong():
    return 3

ready = nn.ReLU()
number = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "beside.py").write_text("WIDTH = 5\n")
    (tmp_path / "my_nets_for_create.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    return tmp_path / "my_nets_for_create.py"


def test_ours_in_eval_mode_with_its_options() -> None:
    model = create("shufflenet_v2_x0.25", num_classes=5, image_size=64)
    assert isinstance(model, ShuffleNetV2)
    assert (model.width, model.num_classes, model.image_size, model.training) == (0.25, 5, 64, False)
    assert create("shufflenet_v2_x0.25").num_classes == 1000


def test_the_seed_decides_the_weights_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, again, other = (create("shufflenet_v2_x0.25", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["network.8.weight"], other["network.8.weight"])


def test_a_factory_in_a_file_sees_its_neighbours_and_only_the_options_it_takes(nets: Path) -> None:
    path = list(sys.path)
    assert create(f"{nets}:Net", num_classes=9).fc.weight.shape == (9, 5)
    assert create(f"{nets}:build", image_size=6).weight.shape == (7, 6)
    assert create(f"{nets}:plain", image_size=224).weight.shape == (2, 2)
    assert isinstance(create(f"{nets}:ready"), torch.nn.ReLU)
    assert sys.path == path


def test_a_factory_in_a_package_of_the_current_folder(nets: Path) -> None:
    assert create("my_nets_for_create:build", num_classes=2).weight.shape == (2, 3)
    assert isinstance(create("torch.nn:ReLU"), torch.nn.ReLU)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("shufflenet_v2_x0.7", "there are shufflenet_v2_x0.25, shufflenet_v2_x0.33"),
        ("resnet18", "no model is called 'resnet18'; give shufflenet_v2_x0.5"),
        ("no_such_package:build", "can't import no_such_package: ModuleNotFoundError"),
        ("torch.nn:ReLu", "there is no 'ReLu'; did you mean"),
        ("no/such/file.py:build", "there is no file no/such/file.py"),
        ("FILE:biuld", "there is no 'biuld'; did you mean build"),
        ("FILE:broken", "failed: KeyError: 'oops'"),
        ("FILE:wrong", "gave is of type int, not a torch.nn.Module"),
        ("FILE:number", "neither a function, a class nor a module"),
    ],
)
def test_a_wrong_name_is_one_sentence(spec: str, reason: str, nets: Path) -> None:
    with pytest.raises(ToolkitError, match=reason) as caught:
        create(spec.replace("FILE", str(nets)))
    assert "\n" not in str(caught.value)


def test_classes_that_a_factory_does_not_take_are_refused(nets: Path) -> None:
    for spec in (f"{nets}:plain", f"{nets}:ready"):
        with pytest.raises(ToolkitError, match="has no parameter num_classes"):
            create(spec, num_classes=3)


def test_a_file_that_does_not_run_is_broken_input(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def build(:\n")
    with pytest.raises(InvalidInput, match=r"can't import .*bad\.py: SyntaxError"):
        create(f"{tmp_path / 'bad.py'}:build")


def test_torchvision_where_it_is_installed() -> None:
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    assert create("torchvision:resnet18", num_classes=3).fc.out_features == 3
    with pytest.raises(ToolkitError, match="no model 'resnet19'; did you mean"):
        create("torchvision:resnet19")


def test_torchvision_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ToolkitError, match="torchvision is not installed: pip install torchvision"):
        create("torchvision:resnet18")
    widths = ("0.25", "0.33", "0.5", "1.0", "1.5", "2.0")
    theirs = [f"{width}-torchvision" for width in widths[2:]]
    assert available() == [f"shufflenet_v2_x{name}" for name in (*widths, *theirs)]


def test_without_torch_the_package_imports_and_says_what_to_install() -> None:
    code = """
import sys
import toolkit.models, toolkit.export
assert "torch" not in sys.modules
sys.modules["torch"] = None
try:
    toolkit.models.create("shufflenet_v2_x0.5")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ToolkitError torch is not installed: pip install 'caffe-bridge-toolkit[torch]'\n"
