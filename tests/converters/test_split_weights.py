"""Weights viewed where they lie in the ONNX file: the model is the same, and a broken file is refused as before."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converters.errors import InvalidInput
from converters.onnx.split_weights import split
from converters.onnx_passes import canonicalise, load
from converters.wire import encode_bytes

RANDOM = np.random.default_rng(4)
BIG = RANDOM.normal(size=(30, 20)).astype(np.float32)


def model(*weights: onnx.TensorProto) -> onnx.ModelProto:
    """x + each of the weights."""
    nodes, last = [], "x"
    for tensor in weights:
        nodes.append(helper.make_node("Add", [last, tensor.name], [f"y_{tensor.name}"]))
        last = nodes[-1].output[0]
    kind = weights[0].data_type
    ends = [helper.make_tensor_value_info(name, kind, [30, 20]) for name in ("x", last)]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def stored(tmp_path: Path, proto: onnx.ModelProto) -> list[np.ndarray]:
    """The initialisers of the canonical model."""
    path = tmp_path / "m.onnx"
    onnx.save(proto, path)
    values = canonicalise(load(path)).graph.initializers.values()
    return [value.const_value.numpy() for value in values]


def as_floats(array: np.ndarray, name: str) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel())


@pytest.mark.parametrize("make", [numpy_helper.from_array, as_floats])
def test_weights_come_out_as_they_went_in(make, tmp_path: Path) -> None:
    proto = model(make(BIG, "w"), make(BIG[:, ::-1].copy(), "v"))
    taken = split(memoryview(proto.SerializeToString()))
    assert {number: len(data) for number, data in taken.data.items()} == {0: BIG.nbytes, 1: BIG.nbytes}
    assert len(taken.proto) < 500
    found = stored(tmp_path, proto)
    assert np.array_equal(found[0], BIG)
    assert np.array_equal(found[1], BIG[:, ::-1])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
def test_other_floats(dtype, tmp_path: Path) -> None:
    array = BIG.astype(dtype)
    (found,) = stored(tmp_path, model(numpy_helper.from_array(array, "w")))
    assert np.array_equal(found.astype(np.float32), array.astype(np.float32))


def test_a_view_is_no_copy(tmp_path: Path) -> None:
    (found,) = stored(tmp_path, model(numpy_helper.from_array(BIG, "w")))
    assert not found.flags.owndata
    assert not found.flags.writeable, "it is the file itself"


def test_a_graph_in_two_parts_is_one_graph() -> None:
    """What a parser does with a message field that comes twice; the numbers of the initialisers go on counting."""
    whole = model(numpy_helper.from_array(BIG, "w"))
    more = onnx.GraphProto(initializer=[numpy_helper.from_array(BIG, "v")])
    data = whole.SerializeToString() + encode_bytes(7, more.SerializeToString())
    taken = split(memoryview(data))
    assert sorted(taken.data) == [0, 1]
    parsed = onnx.ModelProto.FromString(taken.proto)
    for number, raw in taken.data.items():
        parsed.graph.initializer[number].raw_data = bytes(raw)
    assert parsed == onnx.ModelProto.FromString(data)


@pytest.mark.parametrize("cut", [1, 40, 300, -1, -BIG.nbytes])
def test_a_file_that_is_cut_off(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model(numpy_helper.from_array(BIG, "w")).SerializeToString()[:cut])
    with pytest.raises(InvalidInput, match=r"not an ONNX model"):
        load(path)


def test_too_few_bytes_for_the_shape(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(BIG, "w")
    tensor.dims[0] = 31
    with pytest.raises(InvalidInput, match=r"'w' have 2400 bytes, not 2480"):
        stored(tmp_path, model(tensor))


def test_sympy_stays_out(tmp_path: Path) -> None:
    """onnx_ir imports it for what a conversion never does; it would cost half of a small conversion's time."""
    import subprocess
    import sys

    path = tmp_path / "m.onnx"
    onnx.save(model(numpy_helper.from_array(BIG, "w")), path)
    code = (
        "import sys; from pathlib import Path; from converters.onnx_passes import canonicalise, load;"
        f"canonicalise(load(Path({str(path)!r})));"
        "assert 'sympy.core' not in sys.modules;"
        "import onnx_ir; assert str(onnx_ir.SymbolicDim('n') + 1) == 'n + 1'; assert 'sympy.core' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
