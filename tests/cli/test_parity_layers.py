"""`toolkit parity` on a converted network: by its map, layer by layer, in batches, on images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import onnx
import pytest
from click.testing import Result
from PIL import Image

from converters.preprocessing import Preprocessing
from tests.cli.test_parity import write
from tests.parity import planted
from tests.parity.looking import need

Toolkit = Callable[..., Result]
Json = Callable[[str], Any]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return write(tmp_path / "net.onnx")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> planted.Converted:
    """A small network with preprocessing in its Caffe files."""
    raw = Preprocessing(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), swap=True)
    return planted.small(tmp_path_factory.mktemp("converted"), preprocessing=raw)


def test_the_map_beside_the_files_is_used(converted: planted.Converted, toolkit: Toolkit) -> None:
    """Without it, raw images would be fed as if they were normalised."""
    need("opencv")
    target = f"opencv:{converted.prototxt}"
    assert toolkit("parity", converted.onnx, target).exit_code == 0
    assert toolkit("parity", target, converted.onnx).exit_code == 0
    known = Path(f"{converted.prefix}.map.json")
    moved = known.rename(known.with_name("elsewhere.json"))
    try:
        assert toolkit("parity", converted.onnx, target).exit_code == 1
        assert toolkit("parity", converted.onnx, target, "--map", moved).exit_code == 0
    finally:
        moved.rename(known)


def test_without_a_map_a_blob_has_the_value_of_what_was_folded_into_its_layer(
    toolkit: Toolkit, as_json: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stem.0` has the BatchNorm in it, and `pool` stands before its ReLU: named like other values, blamed for none."""
    need("opencv")
    monkeypatch.chdir(tmp_path)
    sound = planted.small(tmp_path)
    Path(f"{sound.prefix}.map.json").unlink()
    found = toolkit("parity", sound.onnx, f"opencv:{sound.prototxt}", "--layers", "--json")
    assert found.exit_code == 0, found.stderr
    assert as_json(found.stdout)["rows"][0]["layers"]["compared"] == 11


def test_layer_by_layer(
    converted: planted.Converted, toolkit: Toolkit, as_json: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("opencv")
    monkeypatch.chdir(tmp_path)
    target = f"opencv:{converted.prototxt}"
    found = toolkit("parity", converted.onnx, target, "--layers")
    assert found.exit_code == 0
    assert "compared values agree, the worst to" in found.stdout
    assert "the least equal layers" in found.stdout
    assert not list(tmp_path.iterdir())

    net, name = planted.plant(converted.net, "weight", 3)
    bad = planted.write(net, converted, tmp_path)
    found = toolkit("parity", bad.onnx, f"opencv:{bad.prototxt}", "--layers", "--junit", "j.xml", "--report", "r.html")
    assert found.exit_code == 1
    assert "the first to differ is" in found.stdout
    assert "cut out into parity-repro/opencv" in found.stdout
    assert Path("parity-repro/opencv/net.prototxt").is_file()
    (suite,) = ElementTree.parse("j.xml").getroot()
    failed = [case.attrib["name"] for case in suite if len(case)]
    said = as_json(toolkit("parity", bad.onnx, f"opencv:{bad.prototxt}", "--layers", "--json").stdout)
    culprit = said["rows"][0]["layers"]["first_fault"]
    assert name in culprit["layers"]
    assert failed[:2] == ["output output", culprit["value"]]
    assert said["graph"]["links"]
    assert said["conversion"]["preprocessing"]["swap"] is True
    assert "data" not in said["conversion"]["channel_orders"], "it is told by the preprocessing"
    assert culprit["value"] in Path("r.html").read_text("utf-8")


def test_a_dynamic_batch_is_run_in_several_sizes(net: Path, toolkit: Toolkit, as_json: Json) -> None:
    found = as_json(toolkit("parity", net, net, "--batch", "1,3", "--json").stdout)
    assert (found["verdict"], found["samples"]) == ("passed", 4)
    assert [sample[0]["shape"] for sample in found["rows"][0]["samples"]] == [[1, 10], [1, 10], [3, 10], [3, 10]]
    refused = toolkit("parity", net, net, "--batch", "0")
    assert refused.exit_code == 2


def test_caffe_files_take_other_batches(converted: planted.Converted, toolkit: Toolkit, tmp_path: Path) -> None:
    need("opencv")
    model = onnx.load(converted.onnx)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "dynamic.onnx")
    found = toolkit("parity", tmp_path / "dynamic.onnx", f"opencv:{converted.prototxt}", "--batch", "1,3")
    assert found.exit_code == 0, found.output
    assert "4 samples" in found.stdout


def test_many_seeds_and_ranges(net: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, net, "--seed", 1, "--seed", 2, "--range", "x=-1,1", "--range", "x=0,255")
    assert found.exit_code == 0
    assert "4 samples" in found.stdout


def test_a_folder_of_images_is_prepared(net: Path, toolkit: Toolkit, as_json: Json, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for shade in (0, 255):
        Image.new("RGB", (9, 9), (shade,) * 3).save(photos / f"{shade}.png")
    words = ("--image", photos, "--scale", 255, "--mean", "127.5", "--std", "2", "--json")
    found = as_json(toolkit("parity", net, net, *words).stdout)
    assert found["inputs"] == [{"name": "x", "shape": [1, 3, 4, 4], "minimum": -63.75, "maximum": -63.75}]
    refused = toolkit("parity", net, net, "--mean", "0.5")
    assert refused.exit_code == 2
    assert "there is none" in refused.stderr


def test_the_references_own_error_is_shown(net: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, net, "--float64")
    assert found.exit_code == 0
    assert "output 'y': the reference differs from itself in float64 by" in found.stdout
