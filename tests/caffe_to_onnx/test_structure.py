"""A caffemodel alone: the network in it is that of its prototxt, whatever fork wrote it, or is refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format

from converters.caffe import binary, files, structure, text
from converters.caffe.net import Layer, Net
from converters.caffe.schema import message
from converters.caffe_to_onnx import convert, convert_file
from converters.errors import ConversionError, InvalidInput
from converters.wire import encode_bytes, encode_varint, tag
from tests.caffe_to_onnx.networks import NETWORKS, layer
from tests.caffe_to_onnx.rows import ROWS
from tests.caffe_to_onnx.running import assert_close, caffe, imported, seeded
from tests.caffe_to_onnx.test_networks import written
from tests.runners import files as writer
from tests.runners.conftest import need

SAVE = """
import sys
from toolkit.runners.worker import caffe_engine
caffe = caffe_engine._import(caffe_engine.find())
net = caffe.Net(sys.argv[1], caffe_engine.TEST)
net.copy_from(sys.argv[2])
net.save(sys.argv[3])
"""


@pytest.mark.parametrize("name", NETWORKS)
def test_what_real_caffe_saved(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("caffe")
    prototxt, caffemodel, net = written(NETWORKS[name], tmp_path, monkeypatch)
    saved = tmp_path / "snapshot.caffemodel"
    command = [sys.executable, "-c", SAVE, *map(str, (prototxt, caffemodel, saved))]
    subprocess.run(command, check=True, capture_output=True)
    whole = name == "char-lstm"
    fed = {
        blob: seeded(blob, shape, 0, 9 if blob == "data" and whole else 1, whole) for blob, shape in net.inputs.items()
    }
    assert_close(imported(saved, None, fed), caffe(prototxt, caffemodel, net.outputs, fed))


def bare(net: Net) -> list[tuple[object, ...]]:
    return [(one.type, one.name, one.bottoms, one.tops, one.params) for one in net.layers]


def test_every_row_and_network_is_read_as_its_text_is(tmp_path: Path) -> None:
    """All but the fields that have a number of our own, since their forks' numbers clash: those are refused by name."""
    refused = 0
    sources = {**NETWORKS, **{name: row.layers for name, row in ROWS.items()}}
    for source in sources.values():
        prototxt, caffemodel = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
        prototxt.write_text(source)
        wanted = text.read(prototxt)
        proto = text_format.Parse(source, message("NetParameter")(), allow_unknown_field=True)
        caffemodel.write_bytes(proto.SerializeToString())
        found = Net("", tuple(one for one in structure.read(caffemodel).layers if one.params != UNTOLD))
        if any("field " in str(one.params) for one in found.layers):
            refused += 1
            assert any(word in source for word in ("round_mode", "ceil_mode", "scale_bias", "scale_h", "pad_out"))
        else:
            assert bare(found) == bare(wanted)
    assert len(sources) - refused > 100


UNTOLD = {"input_param": {"shape": [{"dim": []}]}}


def told(kind: str, *content: bytes, bottoms: str = "x") -> bytes:
    """A layer of V2, with these fields."""
    wires = b"".join(encode_bytes(3, name.encode()) for name in bottoms.split())
    head = encode_bytes(1, b"l") + encode_bytes(2, kind.encode()) + wires + encode_bytes(4, b"y")
    return encode_bytes(100, head + b"".join(content))


def number(field: int, value: int) -> bytes:
    return tag(field, 0) + encode_varint(value)


def real(field: int, value: bytes = b"\0\0\x80\x3f") -> bytes:
    return tag(field, 5) + value


def read(tmp_path: Path, content: bytes) -> Layer:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(encode_bytes(3, b"x") + b"".join(number(4, size) for size in (1, 4, 6, 6)) + content)
    return structure.read(path).layers[-1]


ORDER = b"".join(number(1, axis) for axis in (0, 2, 3, 1))
BOX = real(1) + real(3) + number(5, 1)
FORKS = {
    "ssd": ("Permute", 202, ORDER, {"permute_param": {"order": [0, 2, 3, 1]}}),
    "opencv": ("Permute", 148, ORDER, {"permute_param": {"order": [0, 2, 3, 1]}}),
    "packed": (
        "Permute",
        148,
        encode_bytes(1, bytes([0, 2, 3, 1])),
        {"permute_param": {"order": [0, 2, 3, 1]}},
    ),
    "opencv's norm": ("Normalize", 149, number(1, 0), {"norm_param": {"across_spatial": False}}),
    "opencv's boxes": (
        "PriorBox",
        150,
        BOX,
        {"prior_box_param": {"min_size": [1.0], "aspect_ratio": [1.0], "clip": True}},
    ),
    "opencv's detections": ("DetectionOutput", 147, number(1, 3), {"detection_output_param": {"num_classes": 3}}),
    "ncnn's shuffle": ("ShuffleChannel", 145, number(1, 2), {"shuffle_channel_param": {"group": 2}}),
    "ascend's shuffle": ("ShuffleChannel", 159, number(1, 2), {"shuffle_channel_param": {"group": 2}}),
    "mnn's clip": ("Clip", 2202, real(1) + real(2), {"clip_param": {"min": 1.0, "max": 1.0}}),
    "yolo's upsample": ("Upsample", 149, number(1, 2), {"upsample_param": {"scale": 2}}),
    "deeplab's interp": ("Interp", 143, number(1, 9) + number(2, 9), {"interp_param": {"height": 9, "width": 9}}),
    "r-fcn's pooling": (
        "ROIPooling",
        147,
        number(1, 7) + number(2, 7) + real(3),
        {"roi_pooling_param": {"pooled_h": 7, "pooled_w": 7, "spatial_scale": 1.0}},
    ),
    "bvlc's swish": ("Swish", 147, real(1), {"swish_param": {"beta": 1.0}}),
}


@pytest.mark.parametrize("name", FORKS)
def test_a_forks_number_is_read_by_the_type_of_the_layer(name: str, tmp_path: Path) -> None:
    kind, field, content, params = FORKS[name]
    assert read(tmp_path, told(kind, encode_bytes(field, content))).params == params


KERNEL = number(2, 3) + number(3, 2)
REFUSED = {
    "rounding that forks mean otherwise": (
        told("Pooling", encode_bytes(121, KERNEL + number(13, 1))),
        "field 13 .round_mode in BVLC, ceil_mode in brocolli and OpenCV: give the prototxt as well. in pooling_param",
    ),
    "nvidia's scale": (told("BatchNorm", encode_bytes(139, number(7, 1))), "sets field 7 in batch_norm_param"),
    "our own number": (
        told("Pooling", encode_bytes(121, KERNEL + number(1013, 0))),
        "sets field 1013 in pooling_param",
    ),
    "intel's engine": (told("ReLU", encode_bytes(149, b"MKL2017")), "does not take: field 149"),
    "another layer's number": (told("ReLU", encode_bytes(202, ORDER)), "does not take: field 202"),
    "two that fit": (
        told("ShuffleChannel", encode_bytes(145, number(1, 2)), encode_bytes(164 + 1, number(1, 3))),
        "does not take: field 145, field 165",
    ),
    "none that fits": (told("ShuffleChannel", encode_bytes(159, real(1))), "does not take: field 159"),
    "mnn's scale": (told("Upsample", encode_bytes(2203, real(1))), "does not take: field 2203"),
    "an unknown method": (
        told("Pooling", encode_bytes(121, KERNEL + number(1, 7))),
        "sets field 1 with the value 7 in pooling_param",
    ),
    "a number of a rule": (told("ReLU", encode_bytes(8, number(9, 1))), "does not take: field 9 of include"),
    "a number of the layer itself": (told("ReLU", number(12, 1)), "does not take: field 12"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused_by_name(name: str, tmp_path: Path) -> None:
    content, sentence = REFUSED[name]
    read(tmp_path, content)
    with pytest.raises(ConversionError, match=sentence):
        convert(files.read(tmp_path / "net.caffemodel"))


def snapshot(source: str, tmp_path: Path) -> Path:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(text_format.Parse(source, message("NetParameter")()).SerializeToString())
    return path


TRAINED = (
    'layer { name: "data" type: "Data" top: "data" top: "label" phase: TRAIN include { phase: TRAIN } }'
    + layer("ReLU", "relu", "data", "relu", "phase: TRAIN")
    + layer("SoftmaxWithLoss", "loss", "relu label", "loss", "phase: TRAIN")
)


def test_a_snapshot_of_training_is_the_network(tmp_path: Path) -> None:
    """Its data layer is for TRAIN alone, and has no shape; the label is no input."""
    path = snapshot(TRAINED, tmp_path)
    with pytest.raises(ConversionError, match="has no shape for 'data'"):
        convert(files.read(path))
    report = convert_file(path, None, tmp_path / "net.onnx", input_shapes={"data": (1, 3, 4, 4)})
    assert report.input_shapes == {"data": (1, 3, 4, 4)}
    assert report.layers == {"Input": 1, "ReLU": 1, "Softmax": 1}
    assert not report.unchanged


def test_both_phases_in_one_file_are_told_apart(tmp_path: Path) -> None:
    source = TRAINED.replace("phase: TRAIN include", "include")
    net = structure.read(snapshot(source, tmp_path))
    assert [one.params["include"] for one in net.layers if one.name == "data"] == [[{"phase": "TRAIN"}]]


@pytest.mark.parametrize("declared", ["", 'input: "data" '])
def test_an_input_without_a_shape_is_asked_for(declared: str, tmp_path: Path) -> None:
    source = declared + 'layers { name: "relu" type: RELU bottom: "data" top: "relu" }'
    path = snapshot(source, tmp_path)
    with pytest.raises(ConversionError, match="has no shape for 'data'"):
        convert(files.read(path))
    assert convert(files.read(path), input_shapes={"data": (2, 3)}).net.inputs == {"data": (2, 3)}


BROKEN = {
    "nothing": (b"", "it is empty"),
    "text": (b'name: "net"', "not a caffemodel"),
    "weights without layers": (encode_bytes(1, b"net"), "it has no layers"),
    "a layer cut off": (told("ReLU")[:-3], "past the end"),
    "a type of another Caffe's V1": (encode_bytes(2, number(5, 45)), "field 5 with the value 45"),
    "millions of fields": (encode_bytes(100, number(10, 0) * 300_000), "more than 200,000 fields"),
    "megabytes of structure": (told("ReLU", encode_bytes(123, bytes(9 * 2**20))), "MiB beside its weights|wire type"),
    "a blob's name that is no text": (told("ReLU", encode_bytes(4, b"\xff")), "not a caffemodel"),
    "a name that is no text": (encode_bytes(100, encode_bytes(2, b"\xff\xfe")), "not a caffemodel"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_ends_in_one_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = BROKEN[name]
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=sentence):
        structure.read(path)


def test_hdf5_has_no_structure(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InvalidInput, match="weights alone"):
        files.read(path)


def test_weights_of_another_file_go_into_the_structure(tmp_path: Path) -> None:
    source = layer("InnerProduct", "ip", "x", "", "inner_product_param { num_output: 2 bias_term: false }")
    path = snapshot(f'input: "x" input_shape {{ dim: 1 dim: 3 }} {source}', tmp_path)
    other = writer.caffemodel(tmp_path / "other.caffemodel", {"ip": [seeded("w", (2, 3), -1, 1)]})
    (blob,) = files.read(path, other).layers[-1].blobs
    assert (blob == binary.read(other)["ip"][0]).all()
