"""Plain networks go without onnxruntime, and come out as they would with it; what is doubtful takes the long way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
import pytest

from converters.errors import InvalidInput
from converters.onnx_passes import canonicalise, load
from converters.onnx_passes.proto.skip_folding import PLAIN, skip_folding
from converters.onnx_to_caffe.lower import lower
from converters.onnx_to_caffe.registry import LOWERINGS

NETWORK = """
<ir_version: 8, opset_import: ["" : 13]>
net (float[N,3,9,9] x, float[8,3,3,3] w, float[8] b, float[8] s, float[5,8] m) => (float y)
<float lo = {0}, float hi = {6}>
{
    c = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w, b)
    n = BatchNormalization<epsilon=0.001>(c, s, b, b, s)
    r = Clip(n, lo, hi)
    p = MaxPool<kernel_shape=[2,2]>(r)
    q = Concat<axis=1>(p, p)
    g = GlobalAveragePool(p)
    f = Flatten(g)
    d = Dropout(f)
    y = Gemm<transB=1>(d, m)
}
"""


def network(text: str = NETWORK) -> onnx.ModelProto:
    model = onnx.parser.parse_model(text)
    random = np.random.default_rng(1)
    for value in model.graph.input[1:]:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        model.graph.initializer.append(onnx.numpy_helper.from_array(random.random(shape, np.float32), value.name))
    return model


def canonical(tmp_path: Path, model: onnx.ModelProto) -> ir.Model:
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    return canonicalise(load(path), supported=frozenset(LOWERINGS))


def described(model: ir.Model) -> list[tuple[object, ...]]:
    """The layers that are made of it, weights by shape. onnxruntime writes defaults out, which makes no difference."""
    return [
        (item.type, item.name, item.bottoms, item.tops, item.params, [blob.shape for blob in item.blobs])
        for item in lower(model).net.layers
    ]


def test_the_short_way_and_the_long_way_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = canonical(tmp_path, network())
    module = sys.modules["converters.onnx_passes.canonicalise"]
    monkeypatch.setattr(module, "skip_folding", lambda *model: None)
    long = canonical(tmp_path, network())
    assert described(short) == described(long)
    assert short.opset_imports[""] == long.opset_imports[""] == 21
    assert [value.name for value in short.graph.inputs] == ["x"] == [value.name for value in long.graph.inputs]
    assert sorted(short.graph.initializers) == sorted(long.graph.initializers)


def test_no_onnxruntime(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(network(), path)
    code = f"import sys; from converters.onnx_to_caffe import convert_file; convert_file({str(path)!r}, 'net')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'onnxruntime' not in sys.modules"], check=True, cwd=tmp_path)


@pytest.mark.parametrize("op, since", [("Softmax", 13), ("Clip", 12), ("PRelu", 9), ("Add", 7)])
def test_an_operator_that_meant_something_else_is_not_plain(op: str, since: int) -> None:
    """onnx's own history: the opset in the table is not older than the last change of the operator's inputs."""
    old, new = (onnx.defs.get_schema(op, version) for version in (since - 1, 21))
    assert PLAIN[op] == since
    assert old.since_version < since <= new.since_version
    node = onnx.helper.make_node(op, ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [], [])
    imports = [onnx.helper.make_opsetid("", since - 1)]
    assert skip_folding(onnx.helper.make_model(graph, opset_imports=imports)) is None


def test_table_names_operators_with_a_lowering() -> None:
    assert set(PLAIN) - {"Dropout", "Identity"} <= set(LOWERINGS)


@pytest.mark.parametrize(
    "change, text",
    [
        (("Flatten(g)", "Flatten<axis=1, mystery=3>(g)"), "mystery"),
        (("MaxPool<kernel_shape=[2,2]>(r)", "MaxPool<kernel_shape=[2,2]>(nobody)"), "nobody"),
    ],
)
def test_what_is_not_sound_is_refused_as_before(change: tuple[str, str], text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=text):
        canonical(tmp_path, network(NETWORK.replace(*change)))
