"""What stands in the files: layers of the dialect's table alone, and an output that the plain call of an engine gives.

The networks are the zoo's kinds in small: what they are made of is what chips lack or engines take for something else.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from converters.caffe import files
from converters.caffe.graph import Blob, rebuild
from converters.caffe.unshare import unshare
from converters.dialects import DIALECTS, NAMES, find
from converters.errors import ConversionError
from converters.mapping import ConversionMap
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, all_cases, build, refusals
from tests.cases.upsampling import up
from toolkit import runners
from toolkit.runners.base import Target

POOL = "MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>"
SIX = "lo = Constant<value_float=0.0>(); hi = Constant<value_float=6.0>()"
HEAD = "g = GlobalAveragePool({0}); f = Flatten(g); y = Gemm<transB=1>(f, m)"
NETWORKS = {
    "resnet": Case(
        "float[1,3,16,16] x, float[4,3,3,3] w, float[4] b, float[4,4,3,3] v, float[5,4] m",
        f"c = Conv<pads=[1,1,1,1], strides=[2,2]>(x, w, b); r = Relu(c); p = {POOL}(r); d = Conv<pads=[1,1,1,1]>(p, v);"
        f"a = Add(d, p); k = Relu(a); {HEAD.format('k')}",
    ),
    "mobilenet_v2": Case(
        "float[1,3,12,12] x, float[6,3,1,1] w, float[6,1,3,3] v, float[3,6,1,1] u, float[5,3] m",
        f"{SIX}; c = Conv(x, w); r = Clip(c, lo, hi); d = Conv<group=6, pads=[1,1,1,1]>(r, v); s = Clip(d, lo, hi);"
        f"l = Conv(s, u); a = Add(l, x); {HEAD.format('a')}",
    ),
    "mobilenet_v3": Case(
        "float[1,4,10,10] x, float[2,4,1,1] w, float[4,2,1,1] v, float[5,4] m",
        "p = GlobalAveragePool(x); c = Conv(p, w); r = Relu(c); d = Conv(r, v); k = HardSigmoid<alpha=0.16666667>(d);"
        f"s = Mul(k, x); h = HardSwish(s); {HEAD.format('h')}",
    ),
    "efficientnet": Case(
        "float[1,4,10,10] x, float[2,4,1,1] w, float[4,2,1,1] v, float[5,4] m",
        "s = Sigmoid(x); n = Mul(x, s); p = GlobalAveragePool(n); c = Conv(p, w); r = Relu(c); d = Conv(r, v);"
        f"k = Sigmoid(d); t = Mul(n, k); {HEAD.format('t')}",
    ),
    "googlenet": Case(
        "float[1,3,17,17] x, float[4,3,1,1] w, float[2,3,3,3] v, float[5,6] m",
        "q = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x); c = Conv(q, w);"
        "d = Conv<pads=[1,1,1,1]>(q, v);"
        "a = Concat<axis=1>(c, d); n = LRN<size=5>(a); o = AveragePool<kernel_shape=[2,2], strides=[2,2]>(n);"
        f"r = Relu(o); {HEAD.format('r')}",
    ),
    "shufflenet_v2": Case(
        "float[1,4,8,8] x, float[2,2,1,1] w, float[2,1,3,3] v, float[5,4] m",
        "a, b = Split<axis=1, num_outputs=2>(x); c = Conv(b, w); r = Relu(c); d = Conv<group=2, pads=[1,1,1,1]>(r, v);"
        "k = Concat<axis=1>(a, d); s = Constant<value=int64[5] {1,2,2,8,8}>();"
        "z = Constant<value=int64[4] {1,4,8,8}>();"
        f"i = Reshape(k, s); t = Transpose<perm=[0,2,1,3,4]>(i); j = Reshape(t, z); {HEAD.format('j')}",
    ),
    "unet": Case(
        "float[1,2,8,8] x, float[3,2,3,3] w, float[2,5,3,3] v, float[2] b",
        f"c = Conv<pads=[1,1,1,1]>(x, w); r = Relu(c); q = {POOL}(r); {up('q')}; a = Concat<axis=1>(u, x);"
        "d = Conv<pads=[1,1,1,1]>(a, v, b); y = Sigmoid(d)",
    ),
    "transformer": Case(
        "float[1,6,8] x, float[8,8] w, float[8] g, float[8] b, float[8,5] m",
        "n = LayerNormalization(x, g, b); q = MatMul(n, w); t = Transpose<perm=[0,2,1]>(n); k = MatMul(q, t);"
        "p = Softmax<axis=-1>(k); z = MatMul(p, n); a = Add(z, x); y = MatMul(a, m)",
    ),
}
ROWS = {name: case for name, case in all_cases().items() if not case.refused}
CASES = NETWORKS | dict(list(ROWS.items())[::60])  # all would take minutes


def converted(case: Case, dialect: str, folder: Path) -> ConversionMap:
    model, _ = build(case)
    onnx.save(model, folder / "model.onnx")
    return convert_file(folder / "model.onnx", folder / "net", dialect=dialect)


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("name", CASES)
def test_every_layer_that_is_written_is_one_of_the_dialect(name: str, dialect: str, tmp_path: Path) -> None:
    try:
        report = converted(CASES[name], dialect, tmp_path)
    except ConversionError:
        assert name not in NETWORKS or dialect not in DIALECTS, "only chips refuse whole networks"
        assert not list(tmp_path.glob("*.prototxt"))
        return
    named: dict[str, Blob] = {}
    for item in unshare(files.read(Path(report.prototxt), Path(report.caffemodel))).layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        assert not find(dialect).blocks(node), f"{item.type} '{item.name}'"


def plain_call(engine: str, report: ConversionMap, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the engine gives where nobody names an output, by blob name; OpenCV gives what its last layer makes."""
    blobs = {report.inputs[name]: array for name, array in feeds.items()}
    if engine == "caffe":
        return engines.run_target(engine, Target(report.prototxt, Path(report.caffemodel)), blobs)
    net = cv2.dnn.readNetFromCaffe(report.prototxt, report.caffemodel)
    for name, array in blobs.items():
        net.setInput(array, name)
    return {list(report.outputs.values())[-1]: net.forward()}


@pytest.mark.parametrize("dialect", ["portable", "opencv"])
@pytest.mark.parametrize(
    "name", sorted(CASES.keys() - {row for row, found in refusals().items() if "portable" in found})
)
def test_the_plain_call_gives_the_outputs(name: str, dialect: str, tmp_path: Path) -> None:
    _, feeds = build(CASES[name])
    report = converted(CASES[name], dialect, tmp_path)
    with runners.load("onnxruntime", Target(str(tmp_path / "model.onnx"))) as oracle:
        want = {report.outputs[output]: array for output, array in oracle.run(feeds).items()}
    read = {bottom for item in files.read(Path(report.prototxt)).layers for bottom in item.bottoms}
    for engine in DIALECTS[dialect].engines:
        if runners.available()[engine]:
            continue
        got = plain_call(engine, report, feeds)
        assert got.keys() == want.keys() - read if engine == "caffe" else got.keys() <= want.keys()
        for blob, array in got.items():
            error = np.abs(array.reshape(want[blob].shape) - want[blob]).max()
            assert error <= CASES[name].tolerance * max(np.abs(want[blob]).max(), 1e-12), f"{engine}: {blob}"
