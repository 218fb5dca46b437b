"""Recurrent layers beyond the rows: the batch first, which onnxruntime does not load, and which layers they become."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, build
from tests.cases.recurrent import use
from toolkit import runners
from toolkit.runners.base import Target

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def pair(op: str, layout: int) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A bidirectional layer over 5 steps of 2 sequences with computed initial states, the batch first or second."""
    g, lstm = GATES[op] * 4, op == "LSTM"
    shape, state = ("2,5,3", "2,2,4") if layout else ("5,2,3", "2,2,4")
    states = ["xh", "xc"] if lstm else ["xh"]
    inputs = [f"float[{shape}] x", *(f"float[{state}] {name}" for name in states)]
    inputs += [f"float[2,{g},3] w", f"float[2,{g},4] r", f"float[2,{2 * g}] b"]
    outputs = ("y", "h", "c") if lstm else ("y", "h")
    settings = f'hidden_size=4, direction="bidirectional", layout={layout}'
    body = f"{', '.join(outputs)} = {op}<{settings}>(x, w, r, b, , {', '.join(states)})"
    return build(Case(", ".join(inputs), body, low=-1, high=1, outputs=outputs))


@pytest.mark.parametrize("op", GATES)
def test_the_batch_may_come_first(op: str, tmp_path: Path) -> None:
    """The same numbers as with the batch second, transposed."""
    if reason := runners.available()["opencv"]:
        pytest.skip(reason)
    first, feeds = pair(op, 1)
    second, _ = pair(op, 0)
    onnx.save(first, tmp_path / "first.onnx")
    onnx.save(second, tmp_path / "second.onnx")
    with runners.load("onnxruntime", Target(str(tmp_path / "second.onnx"))) as oracle:
        want = oracle.run({name: array.swapaxes(0, 1) for name, array in feeds.items()})
    report = convert_file(tmp_path / "first.onnx", tmp_path / "net")
    got = engines.run("opencv", report, feeds)
    for name, array in want.items():
        expected = array.transpose(2, 0, 1, 3) if name == "y" else array.swapaxes(0, 1)
        assert got[name].shape == expected.shape
        assert np.abs(got[name] - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(("dialect", "kind", "count"), [("bvlc", "LSTM", 2), ("portable", "TanH", 20)])
def test_an_lstm_is_caffes_where_the_dialect_has_it(dialect: str, kind: str, count: int, tmp_path: Path) -> None:
    """One LSTM layer a direction, or two TanH in each of 5 steps of 2 directions."""
    model, _ = build(use("LSTM", direction="bidirectional"))
    onnx.save(model, tmp_path / "model.onnx")
    report = convert_file(tmp_path / "model.onnx", tmp_path / "net", dialect=dialect)
    assert Counter(report.layers)[kind] == count
