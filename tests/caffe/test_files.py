"""prototxt and caffemodel: what is written reads back, and broken files are refused with a sentence."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from converters.caffe import binary, text
from converters.caffe.net import Layer, Lazy, Net
from converters.caffe.schema import message
from converters.caffe.traits import TABLE
from converters.errors import ConversionError, InvalidInput

HERE = Path(__file__).parents[2] / "converters" / "caffe"


def net_of(*layers: Layer) -> Net:
    return Net("test", layers)


def encoded(net: Net) -> bytes:
    file = io.BytesIO()
    binary.write(net, file)
    return file.getvalue()


def test_caffemodel_is_what_protobuf_reads() -> None:
    weights = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    net = net_of(
        Layer("Convolution", "stage/conv", ("x",), ("y",), {}, (weights, np.ones(2, np.float32))),
        Layer("ReLU", "relu", ("y",), ("y",)),
        Layer("PReLU", "shared", ("y",), ("z",), {}, (np.full((), 0.25, np.float32),)),
    )
    proto = message("NetParameter").FromString(encoded(net))
    assert [(item.name, item.type, len(item.blobs)) for item in proto.layer] == [
        ("stage/conv", "Convolution", 2),
        ("relu", "ReLU", 0),
        ("shared", "PReLU", 1),
    ]
    assert list(proto.layer[0].blobs[0].shape.dim) == [2, 3, 2, 2]
    assert list(proto.layer[0].blobs[0].data) == weights.ravel().tolist()
    scalar = proto.layer[2].blobs[0]
    assert not scalar.HasField("shape"), "an empty shape crashes OpenCV"
    assert (scalar.num, scalar.channels, scalar.height, scalar.width, list(scalar.data)) == (1, 1, 1, 1, [0.25])


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=20), st.lists(st.integers(1, 4), max_size=4)),
        max_size=4,
        unique_by=lambda p: p[0],
    )
)
def test_caffemodel_round_trip(tmp_path_factory: pytest.TempPathFactory, layers: list[tuple[str, list[int]]]) -> None:
    rng = np.random.default_rng(1)
    net = net_of(
        *(
            Layer("Scale", name, ("x",), ("x",), {}, (rng.normal(size=dims).astype(np.float32),))
            for name, dims in layers
        )
    )
    path = tmp_path_factory.mktemp("model") / "net.caffemodel"
    path.write_bytes(encoded(net))
    found = binary.read(path)
    assert list(found) == [item.name for item in net.layers]
    for item in net.layers:
        np.testing.assert_array_equal(found[item.name][0].ravel(), np.asarray(item.blobs[0]).ravel())


def test_reader_takes_what_other_writers_write(tmp_path: Path) -> None:
    proto = message("NetParameter")(name="n")
    layer = proto.layer.add(name="a", type="InnerProduct")
    layer.blobs.add(num=1, channels=1, height=2, width=3, data=range(6))
    layer.blobs.add(double_data=[1.5, 2.5]).shape.dim.append(2)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(proto.SerializeToString())
    weight, bias = binary.read(path)["a"]
    assert weight.shape == (1, 1, 2, 3)
    assert weight.ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert bias.tolist() == [1.5, 2.5]


def test_every_cut_of_a_caffemodel_is_refused_or_shorter(tmp_path: Path) -> None:
    whole = encoded(net_of(Layer("Scale", "s", ("x",), ("y",), {}, (np.ones(5, np.float32),))))
    path = tmp_path / "net.caffemodel"
    refused = 0
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            assert binary.read(path) == {}
        except InvalidInput as error:
            refused += str(path) in str(error)
    assert refused > len(whole) - 10


def test_lazy_weights_must_keep_their_promise() -> None:
    with pytest.raises(ValueError, match="came out as"):
        np.asarray(Lazy((3,), lambda: np.ones(4)))


def test_over_two_gibibytes_is_refused_before_anything_is_computed() -> None:
    huge = Lazy((2**15, 2**15), lambda: pytest.fail("the weights were computed"))
    file = io.BytesIO()
    with pytest.raises(ConversionError, match="Caffe reads at most"):
        binary.write(net_of(Layer("InnerProduct", "fc", ("x",), ("y",), {}, (huge,))), file)
    assert file.getvalue() == b""


def test_prototxt_round_trip(tmp_path: Path) -> None:
    net = Net(
        "n",
        (
            Layer("Input", "x", (), ("x",), {"input_param": {"shape": [{"dim": [1, 3, 8, 8]}]}}),
            Layer("Pooling", "p", ("x",), ("p",), {"pooling_param": {"pool": "AVE", "kernel_size": 3, "stride": 2}}),
            Layer("Power", "w", ("p",), ("w",), {"power_param": {"scale": 0.1, "shift": -1e-7}}),
        ),
    )
    path = tmp_path / "net.prototxt"
    path.write_text(text.write(net, "made by a test"))
    assert path.read_text().startswith("# made by a test\n")
    again = text.read(path)
    assert text.write(again) == text.write(net)
    assert again.layers[1] == net.layers[1]
    assert again.outputs == ("w",)


def test_a_field_that_caffe_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="no field 'kernel'"):
        text.write(net_of(Layer("Pooling", "p", ("x",), ("y",), {"pooling_param": {"kernel": 3}})))


def test_legacy_inputs_become_input_layers(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text('input: "data" input_dim: [1, 3, 4, 5] layer { name: "r" type: "ReLU" bottom: "data" top: "r" }')
    net = text.read(path)
    assert net.inputs == {"data": (1, 3, 4, 5)}
    path.write_text('input: "data" input: "more" input_dim: [1, 3, 4, 5]')
    with pytest.raises(InvalidInput, match="2 inputs but 1 input shapes"):
        text.read(path)


@pytest.mark.parametrize("content", ["layer {", "layer { nme: 1 }", "\xff\xfe", "layer { type: ReLU }"])
def test_broken_prototxt_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match="not a prototxt"):
        text.read(path)


@pytest.mark.parametrize("kind", [kind for kind, row in TABLE.items() if row.composite])
def test_a_layer_that_no_caffe_has_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(f'layer {{ name: "one" type: "{kind}" bottom: "x" top: "y" product_param {{ trans_a: true }} }}')
    with pytest.raises(InvalidInput, match=f"layer 'one' has the type {re.escape(kind)}, which Caffe does not"):
        text.read(path)


def test_compiled_schema_is_that_of_the_proto_file() -> None:
    """Every field of caffe.proto is in caffe.desc under its number: a change of the one alone is noticed."""
    files = descriptor_pb2.FileDescriptorSet.FromString((HERE / "caffe.desc").read_bytes())
    compiled = {(name.name, field.name, field.number) for name in files.file[0].message_type for field in name.field}
    written: set[tuple[str, str, int]] = set()
    current = ""
    for line in (HERE / "caffe.proto").read_text().splitlines():
        current = found.group(1) if (found := re.match(r"message (\w+)", line)) else current
        for name, number in re.findall(r"(?:optional|required|repeated) [\w.]+ (\w+) = (\d+)", line.split("//")[0]):
            written.add((current, name, int(number)))
    assert written == compiled
