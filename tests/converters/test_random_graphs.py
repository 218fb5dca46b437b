"""Random small graphs of many operators with random attributes: equal to onnxruntime, or refused; nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import onnx.printer
import pytest
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from converters.dialects import DIALECTS
from converters.errors import ConversionError, InvalidInput
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.converters.random_graphs import random_graph
from toolkit import runners
from toolkit.runners.base import RunnerError, Target

PRESENT = [name for name in ("opencv", "caffe") if not runners.available()[name]]
TOLERANCE = 1e-4


def agrees(model: onnx.ModelProto, dialect: str, folder: Path) -> bool:
    """Convert and compare in every engine of the dialect; False where the model was refused."""
    path = folder / "net.onnx"
    onnx.save(model, path)
    try:
        report = convert_file(path, folder / "net", dialect=dialect)
    except ConversionError:
        return False
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    feeds = {"x": np.random.default_rng(1).uniform(-2, 2, shape).astype(np.float32)}
    try:
        with runners.load("onnxruntime", Target(str(path))) as oracle:
            want = oracle.run(feeds)
    except (RunnerError, InvalidInput):
        reject()  # onnx's shape inference lets windows larger than the image through
    for engine in set(DIALECTS[dialect].engines) & set(PRESENT):
        for name, got in engines.run(engine, report, feeds).items():
            reference = want[name]
            if engine == "opencv" and reference.ndim <= 1:
                got = got.reshape(reference.shape)
            assert got.shape == reference.shape, f"{engine}: {got.shape}, not {reference.shape}"
            scale = max(np.abs(reference).max(), 1e-3)
            assert np.abs(got - reference).max() <= TOLERANCE * scale, (
                f"{engine}: {np.abs(got - reference).max() / scale:.1e}"
            )
    return True


@pytest.mark.skipif(not PRESENT, reason="no Caffe engine is installed")
@pytest.mark.parametrize("dialect", ["portable", "bvlc"])
def test_random_graphs(tmp_path_factory: pytest.TempPathFactory, dialect: str) -> None:
    """Every graph that converts agrees; most do."""
    converted: list[bool] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(choose=st.randoms(use_true_random=False))
    def run(choose: random.Random) -> None:
        model = random_graph(choose)
        note(onnx.printer.to_text(model.graph))
        converted.append(agrees(model, dialect, tmp_path_factory.mktemp("net")))

    run()
    assert sum(converted) > len(converted) / 2
