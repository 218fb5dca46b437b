"""Networks that prove nothing as a whole are proven in steps; a fault that the whole hides is found there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import pytest
import torch
from torch import nn

from converters.onnx_to_caffe import convert_file
from tests.parity import planted
from tests.parity.looking import Sound, need
from tests.parity.planted import Converted
from toolkit import runners
from toolkit.export import export, save
from toolkit.parity.inputs import Inputs, make
from toolkit.parity.localise.pair import Pair, pair_of
from toolkit.parity.localise.steps import Steps, prove_in_steps
from toolkit.parity.parity import Rule, Subject
from toolkit.parity.report import Report, Verdict
from toolkit.runners.base import ORACLE, Target
from toolkit.verify import verify

ENGINES = ("opencv", "caffe")


class Faint(nn.Module):
    """Its input is added, a hundred-thousandth of it, to what the network would answer anyway."""

    image_size = 16

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.head = nn.Conv2d(8, 4, 1)
        with torch.no_grad():
            self.head.weight *= 1e-5
            self.head.bias.fill_(1.0)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.head(self.stem(data)))


@pytest.fixture(scope="module")
def faint(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    folder = tmp_path_factory.mktemp("faint")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save(export(Faint().eval()), folder / "net.onnx")
    convert_file(folder / "net.onnx", folder / "net", map_file=True)
    return Converted(folder / "net.onnx", folder / "net")


def verified(files: Converted, engine: str) -> Report:
    known = Subject(engine, Target(str(files.prototxt), Path(f"{files.prefix}.caffemodel"))).conversion_map()
    assert known is not None
    return verify(known, files.prototxt, Path(f"{files.prefix}.caffemodel"), [engine], runners.load)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_output_that_hardly_moves_is_proven_in_steps(faint: Converted, engine: str) -> None:
    need(engine)
    report = verified(faint, engine)
    assert report.verdict is Verdict.IN_STEPS
    assert report.passed
    (row,) = report.rows
    assert not row.reasons
    assert any("hardly depends on the input" in note for note in row.notes)
    assert any(note.startswith("proven in ") for note in row.notes)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layer", ["stem.1", "stem.2"])
def test_a_fault_that_the_output_hides_is_found_in_steps(
    faint: Converted, engine: str, layer: str, tmp_path: Path
) -> None:
    """One weight off by half: the output moves by less than the tolerance."""
    need(engine)
    net = faint.net
    names = [one.name for one in net.layers if one.blobs]
    chosen = names[0] if layer == "stem.1" else names[1]
    layers = [_off(one) if one.name == chosen else one for one in net.layers]
    bad = planted.write(replace(net, layers=tuple(layers)), faint, tmp_path)
    report = verified(bad, engine)
    assert report.verdict is Verdict.FAILED
    assert "by itself" in "; ".join(report.rows[0].reasons)


def _off(layer: planted.Layer) -> planted.Layer:
    weight = np.array(layer.blobs[0])
    weight.flat[0] += 0.5 * np.abs(weight).max()
    return replace(layer, blobs=(weight, *layer.blobs[1:]))


def in_steps(files: Converted) -> tuple[Steps, Pair]:
    """What the steps of files of a conversion prove in OpenCV, and the two sides."""
    pair = pair_of(
        Subject(ORACLE, Target(str(files.onnx))),
        Subject("opencv", Target(str(files.prototxt), Path(f"{files.prefix}.caffemodel"))),
        runners.load,
    )
    with runners.load(ORACLE, Target(str(files.onnx))) as runner:
        feeds = make(Inputs(), runner.inputs, runner.dtypes)
    return prove_in_steps(pair, feeds, Rule()), pair


@pytest.mark.parametrize("name", ["small", "trainable", "shufflenet", "raw"])
def test_the_steps_hold_every_layer(sound: Sound, name: str) -> None:
    need("opencv")
    files = sound(name)
    found, pair = in_steps(files)
    assert found.lacking == found.wrong == []
    assert found.count > 1
    assert len(found.covered) == sum(bool(step.writes) for step in pair.other.graph.steps)
    assert 0 < found.worst <= 1e-4


def test_an_output_that_another_one_reads_in_onnx_alone_has_a_step_of_its_own(tmp_path: Path) -> None:
    """Caffe's layer for `flat` is read by nobody: the maximum is taken of another view of the convolution."""
    need("opencv")
    chain = " ".join(f"s{place + 1} = Max(s{place}, s{place - 1})" for place in range(1, 14))
    proto = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,3,4,4] x) => (float[1,6,16] flat, float[1,16] most) <int64[3] sizes={{1,6,16}}> {{
        s0 = Conv<kernel_shape=[1,1]>(x, w) s1 = Sigmoid(s0) {chain}
        flat = Reshape(s14, sizes)
        most = ReduceMax<axes=[1], keepdims=0>(flat)
    }}""")
    weight = np.random.default_rng(0).standard_normal((6, 3, 1, 1)).astype(np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(proto, tmp_path / "net.onnx")
    convert_file(tmp_path / "net.onnx", tmp_path / "net", map_file=True)
    files = Converted(tmp_path / "net.onnx", tmp_path / "net")
    found, _ = in_steps(files)
    assert found.lacking == found.wrong == []


@pytest.mark.parametrize("faulty", [False, True], ids=["sound", "faulty"])
@pytest.mark.parametrize("engine", ENGINES)
def test_zeros_that_only_the_reference_has_are_rounding(engine: str, faulty: bool, tmp_path: Path) -> None:
    """onnxruntime's sigmoid of -20 is 0 or 9e-8; Caffe's is 2e-9, which is the truth."""
    need(engine)
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
    net (float[1,2,3,3] x) => (float[1,2,3,3] y) { s = Conv<kernel_shape=[1,1]>(x, w) y = Sigmoid(s) }""")
    weight = np.array([[1, 0.1], [-0.1, 1]], np.float32).reshape(2, 2, 1, 1)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(proto, tmp_path / "net.onnx")
    done = convert_file(tmp_path / "net.onnx", tmp_path / "net", map_file=True)
    files = Converted(tmp_path / "net.onnx", tmp_path / "net")
    if faulty:
        layers = tuple(_off(layer) if layer.blobs else layer for layer in files.net.layers)
        files = planted.write(replace(files.net, layers=layers), files, tmp_path)
    rng = np.random.default_rng(0)
    arrays = tuple(rng.uniform(*ends, (1, 2, 3, 3)).astype(np.float32) for ends in ((-1, 1), (-25, -19)))
    caffemodel = Path(f"{files.prefix}.caffemodel")
    report = verify(done, files.prototxt, caffemodel, [engine], runners.load, Inputs(arrays={"x": arrays}))
    expected = Verdict.FAILED if faulty else Verdict.IN_STEPS
    assert report.verdict is expected, report.rows
