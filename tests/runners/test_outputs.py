"""An output is called by its blob, whatever its layer is called: importers name what they make after layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.caffe.net import Layer, Net
from tests import engines
from tests.runners.conftest import need

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 2, 3, 4)
INPUT = Layer("Input", "x", (), ("x",), {"input_param": {"shape": [{"dim": [1, 2, 3, 4]}]}})
RELU = Layer("ReLU", "positive", ("x",), ("y",))
IN_PLACE = Layer("Sigmoid", "squashed/layer", ("y",), ("y",))


@pytest.mark.parametrize("engine", ["caffe", "opencv", "openvino", "mnn"])
def test_a_layer_has_another_name_than_the_output_it_makes(engine: str, tmp_path: Path) -> None:
    need(engine)
    for layers, want in (((RELU,), np.maximum(X, 0)), ((RELU, IN_PLACE), 1 / (1 + np.exp(-np.maximum(X, 0))))):
        (got,) = engines.run_net(engine, Net("n", (INPUT, *layers), ("y",)), {"x": X}, tmp_path).values()
        assert np.abs(got - want).max() < 1e-5


@pytest.mark.parametrize("engine", ["caffe", "openvino"])
def test_two_outputs_are_not_mistaken_for_each_other(engine: str, tmp_path: Path) -> None:
    """Each layer is called like the other's blob."""
    need(engine)
    turned = (Layer("ReLU", "b", ("x",), ("a",)), Layer("Sigmoid", "a", ("x",), ("b",)))
    got = engines.run_net(engine, Net("n", (INPUT, *turned), ("a", "b")), {"x": X}, tmp_path)
    assert np.abs(got["a"] - np.maximum(X, 0)).max() < 1e-5
    assert np.abs(got["b"] - 1 / (1 + np.exp(-X))).max() < 1e-5
