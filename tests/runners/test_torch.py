"""What is torch's alone: its outputs have no names, and its model may be anybody's code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.errors import ToolkitError
from tests.runners.conftest import need
from toolkit import runners
from toolkit.runners.base import RunnerError, Target

MODELS = """
import torch

class Two(torch.nn.Module):
    def forward(self, a, b, scale=2.0):
        return {"sum": a + b, "rest": [a * scale, (b,)]}

class Odd(torch.nn.Module):
    def forward(self, data):
        return "text"

class Failing(torch.nn.Module):
    def forward(self, data):
        raise KeyError("the user's own mistake")

class Pooled(torch.nn.Module):
    image_size = 32
    def __init__(self):
        super().__init__()
        self.bn = torch.nn.BatchNorm2d(3)
    def forward(self, data):
        assert not torch.is_grad_enabled() and not self.training
        return self.bn(data).mean((2, 3))
"""


@pytest.fixture
def models(tmp_path: Path) -> str:
    need("torch")
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return str(path)


def load(spec: str, *outputs: str, **options: str) -> runners.base.Runner:
    return runners.load("torch", Target(spec, outputs=outputs, options=options))


def test_outputs_are_numbered_in_order(models: str) -> None:
    a, b = np.ones((1, 2), np.float32), np.full((1, 2), 5, np.float32)
    shapes = "a:1,2 b:1,2"
    with load(f"{models}:Two", input_shape=shapes) as runner:
        assert runner.inputs == {"a": (1, 2), "b": (1, 2)}
        got = runner.run({"b": b, "a": a})
    assert list(got) == ["output", "output_1", "output_2"]
    assert [float(value[0, 0]) for value in got.values()] == [6, 2, 5]
    with load(f"{models}:Two", "total", "double", input_shape=shapes) as runner:
        got = runner.run({"a": a, "b": b})
    assert [(name, float(value[0, 0])) for name, value in got.items()] == [("total", 6), ("double", 2)]
    with (
        load(f"{models}:Two", "p", "q", "r", "s", input_shape=shapes) as runner,
        pytest.raises(RunnerError, match="no value 's'; it returns 3"),
    ):
        runner.run({"a": a, "b": b})


def test_image_models_need_no_shape(models: str) -> None:
    with load(f"{models}:Pooled") as runner:
        assert runner.inputs == {"data": (None, 3, 32, 32)}
        data = np.random.default_rng(0).standard_normal((2, 3, 32, 32))
        got = runner.run({"data": data})["output"]
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, data.mean((2, 3)) / np.sqrt(1 + 1e-5), atol=1e-6)


def test_shapes_that_do_not_fit_are_refused(models: str) -> None:
    with pytest.raises(ToolkitError, match="inputs are a, b; option input_shape must give"), load(f"{models}:Two"):
        pass
    with pytest.raises(ToolkitError, match=r"names c; .* inputs are a, b"), load(f"{models}:Two", input_shape="c:1"):
        pass
    for text in ("a", "a:", "a:1,x", "a:-1"):
        with pytest.raises(ToolkitError, match="is not like"), load(f"{models}:Two", input_shape=text):
            pass
    with pytest.raises(ToolkitError, match="seed=one: it must be a whole number"), load(f"{models}:Two", seed="one"):
        pass


def test_the_models_own_faults_are_runner_errors(models: str) -> None:
    data = np.zeros((1, 3, 224, 224), np.float32)
    with load(f"{models}:Odd") as runner, pytest.raises(RunnerError, match="returns a str, not tensors"):
        runner.run({"data": data})
    with load(f"{models}:Failing") as runner, pytest.raises(RunnerError, match=r"KeyError: .*the user's own mistake"):
        runner.run({"data": data})


def test_threads_are_given_back(models: str) -> None:
    import torch

    before = torch.get_num_threads()
    with runners.load("torch", Target(f"{models}:Pooled", threads=before + 1)):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_our_own_network() -> None:
    need("torch")
    with load("shufflenet_v2_x0.25", num_classes="7", image_size="64") as runner:
        assert runner.inputs == {"data": (None, 3, 64, 64)}
        assert runner.run({"data": np.zeros((1, 3, 64, 64), np.float32)})["output"].shape == (1, 7)
