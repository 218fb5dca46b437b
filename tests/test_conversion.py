"""`toolkit.convert`: every form of model in one call, with the proof in the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch

import toolkit
from converters.errors import ConversionError, ToolkitError
from tests.cli.test_conversion import HAS_ENGINE, model
from toolkit.verify import ParityFailed

CODE = "import torch\ndef build():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())\n"
needs_engine = pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
FORMS: dict[str, Callable[[Path], Any]] = {
    "str": str,
    "Path": Path,
    "ModelProto": onnx.load,
    "onnx_ir": ir.load,
}


@needs_engine
@pytest.mark.parametrize("form", FORMS)
def test_an_onnx_model_in_every_form(form: str, tmp_path: Path) -> None:
    file = model(tmp_path / "net.onnx")
    made = toolkit.convert(FORMS[form](file), tmp_path / "out" / "new")
    assert made.proven
    assert made.report is not None
    assert made.report.rows[0].run is not None
    assert made.onnx == (file if form in ("str", "Path") else tmp_path / "out" / "new.onnx")
    assert made.prototxt.read_text().count("layer {") == sum(made.map.layers.values())
    assert made.caffemodel.stat().st_size > 4 * made.map.parameters


@needs_engine
def test_a_module_and_a_model_by_name(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())
    made = toolkit.convert(module, str(tmp_path / "net"), image_size=8)
    assert made.proven
    assert made.map.parameters == 3 * 2 * 9 + 2
    (tmp_path / "mine.py").write_text(CODE)
    torch.save(module.state_dict(), tmp_path / "net.pth")
    built, prefix = f"{tmp_path}/mine.py:build", tmp_path / "again" / "net"
    again = toolkit.convert(built, prefix, weights=tmp_path / "net.pth", image_size=8, dialect="bvlc")
    assert again.proven
    assert again.caffemodel.read_bytes() == made.caffemodel.read_bytes()


def test_nothing_is_proven_without_a_run(tmp_path: Path) -> None:
    made = toolkit.convert(model(tmp_path / "net.onnx"), tmp_path / "net", verify=False)
    assert made.report is None
    assert not made.proven


@needs_engine
def test_files_that_differ_raise_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = import_module("converters.onnx_to_caffe.convert")
    real = library.files.write

    def wrong(net: Any, *rest: Any) -> Any:
        conv = next(item for item in net.layers if item.type == "Convolution")
        blobs = tuple(np.asarray(blob) * np.float32(1.01) for blob in conv.blobs)
        layers = tuple(replace(item, blobs=blobs) if item is conv else item for item in net.layers)
        return real(replace(net, layers=layers), *rest)

    monkeypatch.setattr(library.files, "write", wrong)
    with pytest.raises(ParityFailed, match="failed"):
        toolkit.convert(model(tmp_path / "net.onnx"), tmp_path / "net")
    assert not (tmp_path / "net.prototxt").exists()
    assert (tmp_path / "net.failed.prototxt").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"outputs": "y"}, r"outputs is a list of names, not a text: write \['y'\]"),
        ({"engines": "opencv"}, r"engines is a list of names, not a text: write \['opencv'\]"),
        ({"weights": "net.pth"}, "weights and num_classes go with a model by name"),
        ({"image_size": 8}, "image_size goes with a model by name or a module"),
        ({"outputs": ["none"]}, "no node makes 'none'"),
        ({"engines": ["none"]}, "unknown runtime 'none'"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=message):
        toolkit.convert(model(tmp_path / "net.onnx"), tmp_path / "net", **options)
    assert not (tmp_path / "net.prototxt").exists()


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"a torch\.nn\.Module, not int"):
        toolkit.convert(3, tmp_path / "net")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        toolkit.nothing  # noqa: B018


def test_blockers_are_listed(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Det", ["x"], ["y"])
    with pytest.raises(ConversionError, match="Det"):
        toolkit.convert(model(tmp_path / "net.onnx", node, shape=(1, 3, 3)), tmp_path / "net")
