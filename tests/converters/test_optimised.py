"""Models that onnxruntime saved after optimising them convert as they did before, whatever it fused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from click.testing import CliRunner, Result

from converters.caffe import text
from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import seeded
from toolkit import runners
from toolkit.cli import main
from toolkit.parity import float64
from toolkit.runners.base import Target

LEVEL = onnxruntime.GraphOptimizationLevel
SHAPE = (1, 4, 8, 8)
WEIGHTS = "float[8,4,3,3] w1, float[8] b1, float[8,8,3,3] w2, float[8] b2, float[8,8] m, float[8] n"
NETS = {
    "vision": (
        f"float[1,4,8,8] x, {WEIGHTS}",
        """c1 = Conv<pads=[1,1,1,1]>(x, w1, b1)
        r1 = LeakyRelu<alpha=0.1>(c1)
        c2 = Conv<pads=[1,1,1,1]>(r1, w2, b2)
        gate = Sigmoid(c2)
        s = Mul(c2, gate)
        g = GlobalAveragePool(s)
        f = Flatten(g)
        d = Gemm(f, m, n)
        y = Elu(d)""",
        {"FusedConv", "QuickGelu", "FusedGemm"},
    ),
    "tokens": (
        f"float[1,4,8] x, {WEIGHTS}",
        """two = Constant<value = float {2.0}>()
        eps = Constant<value = float {0.00001}>()
        root = Constant<value = float {1.4142135}>()
        one = Constant<value = float {1.0}>()
        half = Constant<value = float {0.5}>()
        three = Constant<value = float {3.0}>()
        q = MatMul(x, m)
        t = Transpose<perm=[0,2,1]>(x)
        p = MatMul(q, t)
        ps = Div(p, three)
        a = Softmax<axis=-1>(ps)
        v = MatMul(a, q)
        r = Add(x, v)
        mean = ReduceMean<axes=[-1]>(r)
        away = Sub(r, mean)
        sq = Pow(away, two)
        var = ReduceMean<axes=[-1]>(sq)
        vare = Add(var, eps)
        sd = Sqrt(vare)
        norm = Div(away, sd)
        scaled = Mul(norm, n)
        l = Add(scaled, b1)
        e = MatMul(l, m)
        d = Div(e, root)
        er = Erf(d)
        er1 = Add(er, one)
        ge = Mul(e, er1)
        y = Mul(ge, half)""",
        {"FusedMatMul", "SkipLayerNormalization", "Gelu"},
    ),
}


def toolkit(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def saved(net: str, path: Path) -> Path:
    """The network as a file, with seeded weights and names as torch gives them."""
    inputs, body, _ = NETS[net]
    used = set(body.replace("(", " ").replace(")", " ").replace(",", " ").split())
    head = f'<ir_version: 8, opset_import: ["" : 13]> {net} ({inputs}) => (float y) {{\n'
    model = onnx.parser.parse_model(f"{head}{body}\n}}")
    kept = []
    for value in model.graph.input:
        if value.name == "x":
            kept.append(value)
        elif value.name in used:
            shape = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            model.graph.initializer.append(
                onnx.numpy_helper.from_array(seeded(value.name, shape, -0.5, 0.5), value.name)
            )
    del model.graph.input[:]
    model.graph.input.extend(kept)
    told = {
        name: f"/{name}/{node.op_type}_output_0" for node in model.graph.node for name in node.output if name != "y"
    }
    for node in model.graph.node:
        node.name = f"/{node.output[0]}/{node.op_type}"
        node.input[:] = [told.get(name, name) for name in node.input]
        node.output[:] = [told.get(name, name) for name in node.output]
    onnx.save(model, path)
    return path


def optimised(path: Path, level: LEVEL, target: Path) -> set[str]:
    """Save a model as onnxruntime optimises it; which operators of other domains it has then."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return {node.op_type for node in onnx.load(target).graph.node if node.domain.startswith("com.microsoft")}


@pytest.mark.parametrize("level", [LEVEL.ORT_ENABLE_BASIC, LEVEL.ORT_ENABLE_EXTENDED], ids=["basic", "extended"])
@pytest.mark.parametrize("net", NETS)
def test_it_is_the_network_from_before(net: str, level: LEVEL, tmp_path: Path) -> None:
    path = saved(net, tmp_path / "net.onnx")
    fused = optimised(path, level, tmp_path / "fast.onnx")
    assert fused == (NETS[net][2] if level == LEVEL.ORT_ENABLE_EXTENDED else set())
    shape = SHAPE if net == "vision" else (1, 4, 8)
    feeds = {"x": np.random.default_rng(3).normal(size=shape).astype(np.float32)}
    with runners.load("onnxruntime", Target(str(path))) as reference:
        want = reference.run(feeds)["y"]
    done = convert_file(tmp_path / "fast.onnx", tmp_path / "fast")
    for engine in [name for name in ("opencv", "caffe") if not runners.available()[name]]:
        got = engines.run(engine, done, feeds)["y"]
        assert np.abs(got - want).max() < 1e-5 * np.abs(want).max()
    if net == "vision":
        before = text.read(Path(convert_file(path, tmp_path / "net").prototxt)).layers
        assert [(one.type, one.name) for one in text.read(tmp_path / "fast.prototxt").layers] == [
            (one.type, one.name) for one in before
        ]


@pytest.mark.parametrize("net", NETS)
def test_every_command_takes_it(net: str, tmp_path: Path) -> None:
    optimised(saved(net, tmp_path / "net.onnx"), LEVEL.ORT_ENABLE_EXTENDED, tmp_path / "fast.onnx")
    done = toolkit("onnx-to-caffe", tmp_path / "fast.onnx", "--strict")
    assert done.exit_code == 0, done.output
    engine = "opencv" if not runners.available()["opencv"] else "caffe-via-onnx"
    judged = toolkit(
        "parity", tmp_path / "fast.onnx", f"{engine}:{tmp_path}/fast.prototxt", "--layers", "--float64"
    )  # fmt: skip
    assert judged.exit_code == 0, judged.output
    assert "differs from itself in float64 by" in judged.output
    seen = toolkit("inspect", tmp_path / "fast.onnx", "--json")
    assert seen.exit_code == 0
    assert "FusedConv" not in seen.output


@pytest.mark.parametrize("net", NETS)
def test_it_is_run_in_float64(net: str, tmp_path: Path) -> None:
    """Node by node like the reference, and as a whole equal to what the network was before."""
    path = saved(net, tmp_path / "net.onnx")
    fast = tmp_path / "fast.onnx"
    optimised(path, LEVEL.ORT_ENABLE_EXTENDED, fast)
    shape = SHAPE if net == "vision" else (1, 4, 8)
    feeds = {"x": np.random.default_rng(3).normal(size=shape).astype(np.float32)}
    with runners.load("onnxruntime", Target(str(fast), outputs=float64.values(fast))) as reference:
        known = reference.run(feeds)
    float64.audit(fast, {**feeds, **known})
    (want,), (got,) = (float64.run(one, [feeds], ["y"]) for one in (path, fast))
    np.testing.assert_allclose(got["y"], want["y"], rtol=1e-6, atol=1e-6)


def test_a_layout_of_its_own_is_refused_with_what_to_do(tmp_path: Path) -> None:
    inputs = "float[1,16,8,8] x, float[16,16,3,3] w"
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 13]> net ({inputs}) => (float y) {{ c = Conv(x, w) y = Relu(c) }}'
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(seeded("w", (16, 16, 3, 3), -1, 1), "w"))
    del model.graph.input[1]
    onnx.save(model, tmp_path / "net.onnx")
    if "ReorderOutput" not in optimised(tmp_path / "net.onnx", LEVEL.ORT_ENABLE_ALL, tmp_path / "fast.onnx"):
        pytest.skip("onnxruntime has no such layout for this processor")
    with pytest.raises(ConversionError, match="saved anew at level ORT_ENABLE_EXTENDED"):
        convert_file(tmp_path / "fast.onnx", tmp_path / "fast")
    assert not list(tmp_path.glob("*.prototxt"))


@pytest.mark.parametrize(("shapes", "made"), [(("3,4", "3"), "4"), (("2,4,5", "4"), "2,5")], ids=["matrix", "batch"])
def test_a_vector_behind_a_transposed_operand_is_refused(shapes: tuple[str, str], made: str, tmp_path: Path) -> None:
    """onnxruntime multiplies by the operand as if it were not transposed: its numbers are no product."""
    a, b = shapes
    opsets = 'opset_import: ["" : 17, "com.microsoft" : 1]'
    text = f"<ir_version: 8, {opsets}> net (float[{a}] a, float[{b}] b) => (float[{made}] y) "
    model = onnx.parser.parse_model(text + "{ y = com.microsoft.FusedMatMul<transA=1>(a, b) }")
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ConversionError, match="its first operand is transposed, and the second is a vector"):
        convert_file(tmp_path / "net.onnx", tmp_path / "net")
