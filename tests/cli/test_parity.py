"""`toolkit parity` on small ONNX files in onnxruntime, against itself and against engines with a fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from converters.onnx_to_caffe import convert_file
from toolkit import runners
from toolkit.runners.base import RUNTIMES, RunnerError, Runtime

Toolkit = Callable[..., Result]
Json = Callable[[str], Any]


def write(path: Path, change: float = 0.0, shape: tuple = ("n", 3, 4, 4), outputs: tuple[str, ...] = ("y",)) -> Path:
    """Flatten and Gemm; `change` is added to one weight. Output "bias" is a constant, "p q" the softmax."""
    weight = np.random.default_rng(0).standard_normal((10, 48)).astype(np.float32)
    weight[3, 3] += np.float32(change)
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], transB=1),
        helper.make_node("Softmax", ["y"], ["p q"], axis=1),
        helper.make_node("Identity", ["w"], ["bias"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return write(tmp_path / "net.onnx")


class Twin:
    """A Caffe engine in name: it runs the ONNX file beside the prototxt, and calls its values by other names."""

    def __init__(self, target: Any) -> None:
        onnx_target = type(target)(str(Path(target.path).with_suffix(".onnx")))
        self.name, self.runner = "caffe", RUNTIMES["onnxruntime"].make(onnx_target)

    def __enter__(self) -> Twin:
        self.runner.__enter__()
        self.inputs, self.version, self.seconds = {"data": self.runner.inputs["x"]}, "Twin 1", 0.0
        self.dtypes, self.values, self.layer_seconds, self.plain = {}, self.runner.values, {}, ""
        return self

    def __exit__(self, *error: Any) -> None:
        self.runner.__exit__(*error)

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {{"y": "fc"}.get(name, name): array for name, array in self.runner.run({"x": feeds["data"]}).items()}


class Crash(Twin):
    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise RunnerError("caffe crashed: Check failed: bottom.size() == 1")


@pytest.fixture
def caffe(net: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A prototxt that one engine reads."""

    def install(make: Any = Twin, missing: str = "") -> Path:
        for name in [name for name, runtime in RUNTIMES.items() if ".prototxt" in runtime.reads]:
            monkeypatch.delitem(RUNTIMES, name)
        monkeypatch.setitem(RUNTIMES, "caffe", Runtime("caffe", make, (".prototxt",), lambda: missing))
        layers = ('type: "Input" top: "data"', 'type: "InnerProduct" bottom: "data" top: "fc"')
        net.with_suffix(".prototxt").write_text("\n".join(f"layer {{ {layer} }}" for layer in layers))
        net.with_suffix(".caffemodel").touch()
        return net.with_suffix(".prototxt")

    assert "caffe" in runners.available()
    return install


def test_equal_files_pass(net: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, net)
    assert found.exit_code == 0
    assert "verdict: passed" in found.stdout
    assert "onnxruntime" in found.stdout
    assert found.stderr == ""


def test_a_changed_weight_fails(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, write(tmp_path / "bad.onnx", 0.1))
    assert found.exit_code == 1
    assert "onnxruntime, bad.onnx: sample 0: output 'y': differs by" in found.stdout
    assert "verdict: failed" in found.stdout


def test_one_failure_among_passes_fails(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, net, write(tmp_path / "bad.onnx", 0.1), net)
    assert found.exit_code == 1


def test_the_tolerance_that_it_names_is_the_one_that_passes(
    net: Path, tmp_path: Path, toolkit: Toolkit, as_json: Json
) -> None:
    bad = write(tmp_path / "bad.onnx", 0.1)
    found = toolkit("parity", net, bad, "--json")
    assert found.exit_code == 1
    required = as_json(found.stdout)["rows"][0]["required_tolerance"]
    assert toolkit("parity", net, bad, "--tolerance", required).exit_code == 0
    assert toolkit("parity", net, bad, "--tolerance", f"y={required}").exit_code == 0
    assert toolkit("parity", net, bad, "--tolerance", required * 0.999).exit_code == 1


def test_json_is_all_that_stdout_holds(net: Path, toolkit: Toolkit, as_json: Json) -> None:
    found = toolkit("parity", net, net, "--json", "--samples", 3, "--input-shape", "x:2,3,4,4")
    said = as_json(found.stdout)
    assert (found.exit_code, said["verdict"], said["samples"]) == (0, "passed", 3)
    assert said["rows"][0]["samples"][2][0]["shape"] == [2, 10]
    assert found.stderr == ""


def test_a_missing_output_fails(tmp_path: Path, net: Path, toolkit: Toolkit) -> None:
    both = write(tmp_path / "both.onnx", outputs=("y", "p q"))
    found = toolkit("parity", both, net)
    assert found.exit_code == 1
    assert "output 'p q' is missing: there is 'y'" in found.stdout
    found = toolkit("parity", net, both)
    assert found.exit_code == 1
    assert "output 'p q' is extra" in found.stdout


def test_chosen_outputs_are_compared_alone(tmp_path: Path, net: Path, toolkit: Toolkit) -> None:
    both = write(tmp_path / "both.onnx", outputs=("y", "p q"))
    assert toolkit("parity", both, net, "--output", "y").exit_code == 0
    assert toolkit("parity", net, net, "--output", "f", "--output", "y").exit_code == 0  # an inner value
    found = toolkit("parity", net, net, "--output", "z")
    assert found.exit_code == 2
    assert "the model has no value 'z'" in found.stderr


def test_a_constant_output_proves_nothing_unless_declared(tmp_path: Path, toolkit: Toolkit) -> None:
    net = write(tmp_path / "net.onnx", outputs=("y", "bias"))
    found = toolkit("parity", net, net)
    assert found.exit_code == 1
    assert "output 'bias' hardly depends on the input" in found.stdout
    assert "verdict: insensitive" in found.stdout
    assert toolkit("parity", net, net, "--constant", "bias").exit_code == 0


def test_another_shape_fails(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, write(tmp_path / "other.onnx", shape=(1, 3, 2, 8)))
    assert found.exit_code == 1
    assert "input 'x' takes shape (1, 3, 2, 8), the reference was fed (1, 3, 4, 4)" in found.stdout


def test_a_file_is_fed_as_it_is(net: Path, tmp_path: Path, toolkit: Toolkit, as_json: Json) -> None:
    np.save(tmp_path / "x.npy", np.full((1, 3, 4, 4), np.nan, np.float32))
    found = toolkit("parity", net, net, "--input", f"x={tmp_path / 'x.npy'}", "--json")
    assert found.exit_code == 4
    assert "NaN or infinity" in as_json(found.stdout)["error"]
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 4, 4), np.float32))
    found = toolkit("parity", net, net, "--input", f"x={tmp_path / 'x.npy'}", "--json")
    assert found.exit_code == 0
    first, second = (sample[0] for sample in as_json(found.stdout)["rows"][0]["samples"])
    assert (first["shape"], first["max_reference"]) == ([2, 10], 0)
    assert second["max_reference"] > 0


def test_ranges_and_seeds_reach_the_engines(net: Path, toolkit: Toolkit, as_json: Json) -> None:
    def largest(*words: object) -> float:
        said = as_json(toolkit("parity", net, net, "--json", *words).stdout)
        return said["rows"][0]["samples"][0][0]["max_reference"]

    assert largest() == largest("--seed", 0)
    assert largest() != largest("--seed", 1)
    assert largest("--range", "x=0,100") == pytest.approx(100 * largest(), rel=1e-4)


def test_an_image_is_fed(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)).save(path)
    assert toolkit("parity", net, net, "--image", path).exit_code == 0
    path.write_bytes(b"no image")
    found = toolkit("parity", net, net, "--image", path)
    assert found.exit_code == 4
    assert "not an image" in found.stderr


def test_saved_runs_take_the_place_of_engines(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    bad = write(tmp_path / "bad.onnx", 0.1)
    assert toolkit("parity", net, net, bad, "--save", tmp_path / "runs", "--seed", 4).exit_code == 1
    names = [f"{index}-onnxruntime{suffix}" for index in range(3) for suffix in (".json", ".npz")]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == names
    saved = [tmp_path / "runs" / name for name in names if name.endswith(".json")]
    for reference in (net, saved[0]):
        assert toolkit("parity", reference, saved[1]).exit_code == 0
        assert toolkit("parity", reference, saved[2]).exit_code == 1
    assert toolkit("parity", saved[0], net).exit_code == 0
    assert toolkit("parity", saved[0], bad).exit_code == 1
    assert toolkit("parity", saved[0], net, "--output", "y").exit_code == 0


def test_a_saved_run_brings_its_inputs(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    toolkit("parity", net, net, "--save", tmp_path)
    for words in (("--seed", 0), ("--samples", 2), ("--range", "x=0,1")):
        found = toolkit("parity", net, tmp_path / "1-onnxruntime.json", *words)
        assert found.exit_code == 2
        assert "brings its inputs along" in found.stderr


def test_a_prototxt_runs_under_its_own_names(caffe: Callable[..., Path], net: Path, toolkit: Toolkit) -> None:
    """One input and one output on each side need no map; a given one is used in either direction."""
    prototxt = caffe()
    assert toolkit("parity", net, prototxt).exit_code == 0
    assert toolkit("parity", net, f"caffe:{prototxt}", "--name", "y=fc", "--name", "x=data").exit_code == 0
    assert toolkit("parity", prototxt, net, "--name", "y=fc", "--name", "x=data").exit_code == 0
    found = toolkit("parity", net, prototxt, "--name", "y=nowhere")
    assert found.exit_code == 2
    assert "the name map speaks of 'nowhere' in" in found.stderr
    assert "there is no 'nowhere' there but data, fc" in found.stderr
    assert toolkit("parity", net, prototxt, "--name", "nowhere=fc").exit_code == 2


def test_a_map_is_used_from_either_side(
    caffe: Callable[..., Path], net: Path, tmp_path: Path, toolkit: Toolkit
) -> None:
    prototxt, both = caffe(), write(net, outputs=("y", "p q"))
    for reference, other in ((both, prototxt), (prototxt, both)):
        assert toolkit("parity", reference, other).exit_code == 1
        assert toolkit("parity", reference, other, "--name", "y=fc").exit_code == 0


def test_a_crash_fails_with_its_reason(caffe: Callable[..., Path], net: Path, toolkit: Toolkit, as_json: Json) -> None:
    found = toolkit("parity", net, caffe(Crash), "--json")
    said = as_json(found.stdout)
    assert (found.exit_code, said["verdict"]) == (1, "error")
    assert said["rows"][0]["reasons"] == ["caffe crashed: Check failed: bottom.size() == 1"]


def test_a_reference_that_crashes_is_an_error(caffe: Callable[..., Path], net: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", caffe(Crash), net)
    assert found.exit_code == 1
    assert "error: caffe crashed" in found.stderr


def test_a_model_that_passes_does_not_speak_for_one_that_nothing_ran(
    caffe: Callable[..., Path], net: Path, toolkit: Toolkit
) -> None:
    found = toolkit("parity", net, net, caffe(missing="real Caffe is not found: build it"))
    assert found.exit_code == 1
    assert "verdict: not run" in found.stdout


def test_no_engine_for_a_prototxt_is_no_pass(caffe: Callable[..., Path], net: Path, toolkit: Toolkit) -> None:
    prototxt = caffe(missing="real Caffe is not found: build it")
    for target in (prototxt, f"caffe:{prototxt}"):
        found = toolkit("parity", net, target)
        assert found.exit_code == 1
        assert "not run: real Caffe is not found: build it" in found.stdout
        assert "verdict: not run" in found.stdout


USAGE = {
    "no other": (["{net}"], "Missing argument 'OTHER...'"),
    "no file": (["{net}", "nowhere.onnx"], "there is no file 'nowhere.onnx'"),
    "no runtime": (["{net}", "tvm:{net}"], "unknown runtime 'tvm'"),
    "tolerance of one": (["{net}", "{net}", "--tolerance", "1"], "below 1"),
    "two tolerances": (["{net}", "{net}", "--tolerance", "1e-3", "--tolerance", "1e-4"], "--tolerance is given twice"),
    "one sample": (["{net}", "{net}", "--samples", "1"], "--samples"),
    "no such input": (["{net}", "{net}", "--range", "z=0,1"], "a range is given for input 'z'"),
    "other rank": (["{net}", "{net}", "--input-shape", "x:1,3"], "does not fit the model's (?, 3, 4, 4)"),
    "no such constant": (["{net}", "{net}", "--constant", "z"], "'z' is declared constant"),
    "no such tolerance": (
        ["{net}", "{net}", "--tolerance", "z=1e-3"],
        "'z' is given a tolerance, but the outputs are y",
    ),
    "no such output": (["{net}", "{net}", "--output", "z"], "the model has no value 'z'"),
    "no blobs to name": (["{net}", "{net}", "--name", "y=fc"], "a name map tells which blob"),
    "no such image": (["{net}", "{net}", "--image", "nowhere.png"], "nowhere.png"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage_exits_2_with_its_own_message(case: str, net: Path, toolkit: Toolkit) -> None:
    words, message = USAGE[case]
    found = toolkit("parity", *(word.format(net=net) for word in words))
    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stdout == ""


EMPTY = {"": "is empty\n", "  \n\n": "is empty\n", "# a layer, once\n\n": "is empty, apart from comments\n"}
EMPTY['name: "net"'] = "is not a network: it has no layers\n"


@pytest.mark.parametrize("content", EMPTY)
def test_a_prototxt_without_a_network_exits_4_whoever_reads_it(
    content: str, net: Path, tmp_path: Path, toolkit: Toolkit
) -> None:
    empty = tmp_path / "empty.prototxt"
    empty.write_text(content)
    for words in (("parity", net, empty), ("parity", net, f"opencv:{empty},{net}"), ("benchmark", empty)):
        found = toolkit(*words)
        assert (found.exit_code, found.stderr) == (4, f"error: {empty} {EMPTY[content]}")
    for words in (("caffe-to-onnx", empty), ("inspect", empty)):
        found = toolkit(*words)
        assert (found.exit_code, found.stderr) == (4, f"error: {empty} {EMPTY[content]}")
    assert list(tmp_path.glob("empty*")) == [empty]


def test_a_broken_model_exits_4(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(net.read_bytes()[:200])
    for words in ((net, broken), (broken, net)):
        found = toolkit("parity", *words)
        assert found.exit_code == 4
        assert "broken.onnx" in found.stderr


def test_a_broken_saved_run_exits_4(net: Path, tmp_path: Path, toolkit: Toolkit) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert toolkit("parity", net, tmp_path / "run.json").exit_code == 4


def test_a_folder_that_can_not_be_written_is_a_sentence(net: Path, toolkit: Toolkit) -> None:
    found = toolkit("parity", net, net, "--save", "/proc/nowhere")
    assert found.exit_code == 2
    assert "error: " in found.stderr
    assert "/proc/nowhere" in found.stderr


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted network whose output has a name that no prototxt can hold, and a copy with one weight changed."""
    folder = tmp_path_factory.mktemp("converted")
    for name, change in (("net", 0.0), ("bad", 0.1)):
        write(folder / f"{name}.onnx", change, (1, 3, 4, 4), ("y", "p q"))
        convert_file(folder / f"{name}.onnx", folder / name)
    return folder


@pytest.mark.parametrize("engine", ["opencv", "caffe"])
def test_a_converted_network_agrees_and_a_changed_weight_is_found(
    engine: str, converted: Path, toolkit: Toolkit
) -> None:
    if reason := runners.available()[engine]:
        pytest.skip(reason)
    net = converted / "net.onnx"
    assert toolkit("parity", net, f"{engine}:{converted / 'net.prototxt'}").exit_code == 0
    assert toolkit("parity", f"{engine}:{converted / 'net.prototxt'}", net, "--output", "p q").exit_code == 0
    assert toolkit("parity", net, f"{engine}:{converted / 'net.prototxt'}", "--output", "p q").exit_code == 0
    found = toolkit("parity", net, f"{engine}:{converted / 'net.prototxt'},{converted / 'bad.caffemodel'}")
    assert found.exit_code == 1
    assert f"{engine}, net.prototxt: sample 0: output 'y': differs by" in found.stdout


@pytest.mark.parametrize("reference", ["torch", "onnx"])
def test_a_module_of_ones_own_is_fed_what_the_onnx_file_takes(reference: str, tmp_path: Path, toolkit: Toolkit) -> None:
    """Its images are of one channel; nothing but the file says so."""
    (tmp_path / "own.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 3))\n"
    )
    module, file = f"{tmp_path / 'own.py'}:build", tmp_path / "own.onnx"
    refused = toolkit("export-onnx", module, "-o", file)
    assert "it was fed input 1x3x224x224: if that is not what it takes, say what is (--input-shape)" in refused.stderr
    exported = toolkit("export-onnx", module, "--input-shape", "input:1,1,6,6", "-o", file)
    assert exported.exit_code == 0, exported.output
    ends = (f"torch:{module}", file)
    found = toolkit("parity", *(ends if reference == "torch" else ends[::-1]))
    assert found.exit_code == 0, found.output
    assert "verdict: passed" in found.stdout
