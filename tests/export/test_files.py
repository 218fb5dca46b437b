"""Files are written whole or not at all, the same every time, with their weights beside them where asked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from converters.errors import ToolkitError
from tests.export import nets
from tests.export.graphs import graph
from tests.export.running import assert_same
from toolkit.export import export, files, save
from toolkit.export.source import place

SHAPES = {"image": (1, 3, 32, 32)}


def test_the_same_export_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(export(nets.randomised(nets.ResNet()), input_shapes=SHAPES), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_weights_beside_the_file(tmp_path: Path) -> None:
    net = nets.randomised(nets.ResNet())
    model = export(net, input_shapes=SHAPES)
    written = save(model, tmp_path / "net.onnx", external_data=True)
    assert written == [str(tmp_path / "net.onnx.data"), str(tmp_path / "net.onnx")]
    assert sorted(os.listdir(tmp_path)) == ["net.onnx", "net.onnx.data"]
    onnx.checker.check_model(written[1], full_check=True)
    loaded = ir.from_proto(onnx.load(written[1]))
    assert_same(loaded, net, [(1, 3, 32, 32)])
    assert_same(model, net, [(1, 3, 32, 32)])  # saving leaves the model as it was


def test_a_model_beyond_protobufs_limit_takes_a_data_file_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = np.arange(4000, dtype=np.float32)
    model = graph("g (float[4000] x) => (float[4000] y) { y = Add(x, big) }", big=big)
    monkeypatch.setattr(files, "_INLINE_LIMIT", big.nbytes - 1)
    assert len(save(model, tmp_path / "net.onnx")) == 2
    with pytest.raises(ToolkitError, match="do not fit into one ONNX file; allow external data"):
        save(model, tmp_path / "other.onnx", external_data=False)
    assert sorted(os.listdir(tmp_path)) == ["net.onnx", "net.onnx.data"]


def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = graph("g (float[1] x) => (float[1] y) { y = Relu(x) }")
    (tmp_path / "net.onnx").write_text("precious")

    def full(*args: object, **options: object) -> None:
        Path(str(args[1])).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ir, "save", full)
    with pytest.raises(ToolkitError, match=r"can't write .*net\.onnx: No space left on device"):
        save(model, tmp_path / "net.onnx")
    assert os.listdir(tmp_path) == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    model = graph("g (float[1] x) => (float[1] y) { y = Relu(x) }")
    with pytest.raises(ToolkitError, match=r"can't write .*net\.onnx: No such file or directory"):
        save(model, tmp_path / "none" / "net.onnx")


def test_a_place_is_told_from_the_import_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable install may import a package from a folder that is not on sys.path."""
    package = tmp_path / "root" / "nets" / "small"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    path = str(package / "net.py")
    monkeypatch.setattr(sys, "path", [])
    assert place(path, 3, "forward") == 'File "nets/small/net.py", line 3, in forward'
    monkeypatch.setattr(sys, "path", [str(tmp_path / "root")])
    assert place(path, 3, "forward") == 'File "nets/small/net.py", line 3, in forward'
    assert place(str(tmp_path / "net.py"), 3, "f") == 'File "net.py", line 3, in f'
