"""Sound networks agree layer by layer, in every pair of engines and however they were converted."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.errors import InvalidInput, ToolkitError
from tests.parity.looking import Sound, look, need, subjects
from tests.parity.planted import Converted
from toolkit import runners
from toolkit.parity.inputs import Inputs, make
from toolkit.parity.layer_report import EDGES
from toolkit.parity.localise.alone import Trials, run_alone
from toolkit.parity.localise.layers import chunks, histogram
from toolkit.parity.localise.pair import pair_of
from toolkit.parity.parity import Rule
from toolkit.parity.report import Verdict


def targets(files: Converted) -> dict[str, str]:
    here = Path(__file__).parent
    return {
        "onnxruntime": str(files.onnx),
        "opencv": f"opencv:{files.prototxt}",
        "caffe": f"caffe:{files.prototxt}",
        "opencv's onnx": f"opencv:{files.onnx}",
        "torch": f"torch:{here / 'planted.py'}:seeded",
    }


@pytest.mark.parametrize(
    "first, second",
    [
        *itertools.permutations(("onnxruntime", "opencv", "caffe", "torch"), 2),
        ("onnxruntime", "opencv's onnx"),
    ],
)
def test_any_two_engines_agree_at_every_value_that_both_know(first: str, second: str, sound: Sound) -> None:
    for engine in (first, second):
        need(engine.partition("'")[0])
    files = sound("small")
    row, layers = look(targets(files)[first], targets(files)[second])
    assert row.verdict is Verdict.PASSED
    assert layers.first_fault is None
    assert all(layer.status == "passed" for layer in layers.layers), layers.summary
    assert f"all {len(layers.layers)} compared values agree" in layers.summary
    known = {"stem.1", "pool", "body.2", "relu", "left.2", "right.2", "down.2"}
    assert known <= {layer.value for layer in layers.layers}


@pytest.mark.parametrize("net, engine", [("trainable", "opencv"), ("trainable", "caffe"), ("raw", "opencv")])
def test_training_style_and_raw_images_agree(net: str, engine: str, sound: Sound) -> None:
    need(engine)
    files = sound(net)
    row, layers = look(str(files.onnx), f"{engine}:{files.prototxt}")
    assert row.verdict is Verdict.PASSED, row.reasons
    assert len(layers.layers) >= 9
    assert all(layer.status == "passed" for layer in layers.layers), layers.summary


def test_permuted_channels_are_put_back(sound: Sound) -> None:
    files = sound("shufflenet")
    _, layers = look(str(files.onnx), f"opencv:{files.prototxt}")
    permuted = [layer for layer in layers.layers if layer.permuted]
    assert len(permuted) > 20
    assert len(layers.layers) > 70
    assert all(layer.status == "passed" for layer in layers.layers), layers.summary


def test_a_layer_knows_what_makes_it(sound: Sound) -> None:
    files = sound("small")
    _, layers = look(str(files.onnx), f"opencv:{files.prototxt}")
    found = {layer.value: layer for layer in layers.layers}
    assert found["stem.1"].ops == ("Conv", "BatchNormalization")
    assert found["stem.1"].types == ("Convolution",)
    assert found["stem.1"].parents == ()
    assert found["pool"].ops == ("Relu", "MaxPool"), "the activation moves behind the pooling"
    assert found["pool"].parents == ("stem.1",)
    assert found["relu"].parents == ("pool", "body.2")
    assert found["relu"].types == ("Eltwise", "ReLU")
    assert "planted.py" in found["stem.1"].source
    assert found["stem.1"].seconds is not None
    assert 0 < found["stem.1"].seconds < 1
    assert found["stem.1"].reference_seconds is not None
    made = [node for layer in layers.layers for node in layer.nodes]
    assert len(made) == len(set(made)), "a node belongs to one layer"


def test_the_report_is_plain_data(sound: Sound) -> None:
    files = sound("small")
    _, layers = look(str(files.onnx), f"opencv:{files.prototxt}")
    found = layers.to_json()
    assert found["compared"] == len(found["layers"]) == len(layers.layers)
    assert found["first_fault"] is None
    told = [one for one in found["layers"] if one["histogram"]]
    assert 0 < len(told) <= 12
    assert all(sum(one["histogram"]) == np.prod(one["shape"]) for one in told)
    assert all(len(one["histogram"]) + 1 == len(found["histogram_edges"]) for one in told)
    graph = layers.graph
    assert {link["value"] for link in graph["links"]} == {layer.value for layer in layers.layers}
    assert [node["op"] for node in graph["onnx"]["nodes"]].count("Conv") == 6
    assert "kernel_size" in graph["caffe"]["layers"][0]["params"]
    skipped = {one["value"] for one in found["skipped"]}
    assert not skipped & {layer.value for layer in layers.layers}
    made = {value for node in graph["onnx"]["nodes"] for value in node["outputs"]}
    assert skipped | {layer.value for layer in layers.layers} == made


def test_in_parts_of_little_memory_it_comes_out_alike(sound: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    files = sound("small")
    started = []

    def load(name: str, target: runners.Target) -> runners.Runner:
        started.append((name, target.outputs))
        return runners.load(name, target)

    _, whole = look(str(files.onnx), f"opencv:{files.prototxt}")
    _, parts = look(str(files.onnx), f"opencv:{files.prototxt}", load=load, limit=2 * 2 * 4 * 8 * 32 * 32)
    runs = [outputs for name, outputs in started if name == "opencv" and outputs]
    assert len(runs) > 4
    assert [layer.value for layer in parts.layers] == [layer.value for layer in whole.layers]
    assert [layer.comparison for layer in parts.layers] == [layer.comparison for layer in whole.layers]


def test_chunks_hold_no_more_than_the_limit() -> None:
    sizes = {"a": 5, "b": 5, "c": 20, "d": 1, "e": 9}
    assert list(chunks(tuple("abcde"), sizes, 10)) == [("a", "b"), ("c",), ("d", "e")]
    assert list(chunks((), sizes, 10)) == []


def test_differences_are_counted_by_decades() -> None:
    reference = np.float32([1, 2, 4, 0])
    counts = histogram(reference, reference + np.float32([0, 4e-3, 4, 0]), 4.0)
    assert sum(counts) == 4
    assert counts[0] == 2  # exact
    assert counts[-1] == 1  # as large as the reference itself
    (place,) = (place for place, count in enumerate(counts) if count and 0 < place < len(counts) - 1)
    assert EDGES[place] <= 1e-3 < EDGES[place + 1] * 1.001


@pytest.mark.parametrize("net", ["small", "shufflenet", "trainable", "raw"])
def test_what_is_cut_out_of_a_sound_network_agrees(net: str, sound: Sound, tmp_path: Path) -> None:
    """Or a part would prove nothing when it fails."""
    files = sound(net)
    pair = pair_of(*subjects(str(files.onnx), f"opencv:{files.prototxt}"), runners.load)
    with runners.load("onnxruntime", pair.reference.target) as runner:
        feeds = make(Inputs(), runner.inputs)
    trials = Trials(pair, feeds, Rule(), tmp_path)
    values = pair.shared()
    for value in (values[0], *values[1 : -1 : max(1, len(values) // 5)], values[-1]):
        trial = run_alone(trials, value, values)
        assert trial.comparison is not None, trial
        assert trial.comparison.passed, trial.comparison
        onnx.checker.check_model(onnx.load(trial.folder / "net.onnx"), full_check=True)


def test_without_a_map_names_tell(sound: Sound, tmp_path: Path) -> None:
    """In-place layers: the blob has the name of the first that writes it and the value of the last."""
    files = sound("small")
    for suffix in ("prototxt", "caffemodel"):
        (tmp_path / f"net.{suffix}").write_bytes(Path(f"{files.prefix}.{suffix}").read_bytes())
    row, layers = look(str(files.onnx), f"opencv:{tmp_path / 'net.prototxt'}")
    assert row.verdict is Verdict.PASSED
    found = {layer.value for layer in layers.layers}
    assert {"stem.1", "pool", "relu", "body.2", "down.2"} <= found
    assert not {"stem.2", "down.1"} & found
    assert all(layer.status == "passed" for layer in layers.layers), layers.summary


def test_a_map_of_another_file_is_refused(sound: Sound, tmp_path: Path) -> None:
    files = sound("small")
    other = tmp_path / "other.onnx"
    model = onnx.load(files.onnx)
    model.doc_string = "changed"
    onnx.save(model, other)
    with pytest.raises(InvalidInput, match=r"was made from another file than .*other\.onnx"):
        pair_of(*subjects(str(other), f"opencv:{files.prototxt}"), runners.load)


def test_two_models_without_anything_between_them_are_refused(sound: Sound, tmp_path: Path) -> None:
    files = sound("small")
    for suffix in ("prototxt", "caffemodel"):
        (tmp_path / f"net.{suffix}").write_bytes(Path(f"{files.prefix}.{suffix}").read_bytes())
    with pytest.raises(ToolkitError, match="can't be compared layer by layer: neither is an ONNX file"):
        pair_of(*subjects("torch:shufflenet_v2_x0.25", f"opencv:{tmp_path / 'net.prototxt'}"), runners.load)
