"""A conversion leaves Python's garbage collector as it found it, and is not held up by it meanwhile."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from converters.errors import ConversionError
from converters.onnx_passes import load
from converters.onnx_to_caffe import convert
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.uncollected import uncollected


@pytest.fixture(autouse=True)
def collector_on() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def model(folder: Path, kind: str = "Relu") -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4)) for name in "xy")
    graph = helper.make_graph([helper.make_node(kind, ["x"], ["y"])], "net", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "net.onnx")
    return folder / "net.onnx"


def test_it_is_off_while_a_model_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    relu = LOWERINGS["Relu"]

    def looking(x: object) -> object:
        seen.append(gc.isenabled())
        return relu(x)

    monkeypatch.setitem(LOWERINGS, "Relu", looking)
    convert(load(model(tmp_path)))
    assert seen == [False]
    assert gc.isenabled()


def test_a_refusal_turns_it_on_again(tmp_path: Path) -> None:
    with pytest.raises(ConversionError):
        convert(load(model(tmp_path, "Det")))
    assert gc.isenabled()


def test_who_has_it_off_finds_it_off(tmp_path: Path) -> None:
    gc.disable()
    convert(load(model(tmp_path)))
    assert not gc.isenabled()


def test_inside_each_other_the_outermost_decides() -> None:
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_other_threads_leave_it_alone() -> None:
    seen: list[bool] = []

    @uncollected()
    def look() -> None:
        seen.append(gc.isenabled())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]
