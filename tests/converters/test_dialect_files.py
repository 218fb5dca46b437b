"""A chip described in a TOML file: the example of the documentation, every key, and every way to get it wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, emit, layer
from converters.dialects import DIALECTS, Dialect, find, legalise
from converters.errors import ConversionError, ToolkitError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, build
from tests.conformance.judge import difference
from toolkit import runners
from toolkit.runners.base import Target

EXAMPLE = Path(__file__).parents[2] / "docs" / "example-npu.toml"


def read(tmp_path: Path, text: str) -> Dialect:
    path = tmp_path / "chip.toml"
    path.write_text(text, encoding="utf-8")
    return find(str(path))


def save(model: onnx.ModelProto, folder: Path) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def image(*shape: int) -> Blob:
    return layers.input_("x", shape or (1, 4, 8, 8))


def conv(weight: np.ndarray, **options: Any) -> Blob:
    return layers.convolution(image(), weight, **options)


def blocks(dialect: Dialect, blob: Blob) -> str:
    return dialect.blocks(blob.node)


def test_the_example_is_the_chip_it_describes() -> None:
    chip = find(str(EXAMPLE))
    assert (chip.name, chip.engines) == ("example-npu", ("caffe",))  # OpenCV has no Clip
    assert {"Clip", "Permute", "Input"} <= chip.layers.keys()
    assert not {"LRN", "AbsVal", "Exp"} & chip.layers.keys()
    assert chip.forbidden == {"permute_by_slices", "permute_by_convolution", "permute_by_many_slices"}
    assert "example-npu has no LRN layer" in blocks(chip, layers.neuron("LRN", image(), lrn_param={}))


CONVOLUTION = {
    "kernel 4": ({"weight": ones(4, 4, 4, 4)}, "kernel of 4; the chip takes 1, 2, 3, 5, 7"),
    "stride 5": ({"weight": ones(4, 4, 3, 3), "stride": (1, 5)}, "stride 5; the chip takes 4"),
    "pad 4": ({"weight": ones(4, 4, 5, 5), "pad": (4, 4)}, "pad 4; the chip takes 3"),
    "dilation 3": ({"weight": ones(4, 4, 3, 3), "dilation": (3, 3), "pad": (3, 3)}, "dilation 3; the chip takes 2"),
    "group 2": ({"weight": ones(4, 2, 3, 3), "group": 2}, "group 2; the chip takes 1 or channels"),
    "depthwise": ({"weight": ones(4, 1, 3, 3), "group": 4}, ""),
    "plain": ({"weight": ones(4, 4, 7, 1), "pad": (3, 0), "stride": (4, 1)}, ""),
    "channels": ({"weight": ones(2049, 4, 1, 1)}, "2049 channels; the chip takes 2048"),
}


@pytest.mark.parametrize("name", CONVOLUTION)
def test_limits_of_a_convolution(name: str) -> None:
    options, reason = CONVOLUTION[name]
    found = blocks(find(str(EXAMPLE)), layers.convolution(image(), **options))
    assert found.endswith(reason)
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (layers.relu(image(2, 4, 8, 8)), "a batch of 2; the chip takes 1"),
        (layers.relu(image(1, 4, 1, 8, 8)), "a blob of 5 axes; the chip has 4"),
        (layers.relu(image(1, 4, 8, 4097)), "an axis of 4097; the chip takes 4096"),
        (layers.global_pooling(image(1, 4, 9, 8), "AVE"), "kernel_size 9; the chip takes 8"),
        (layers.global_pooling(image(), "AVE"), ""),
        (layers.eltwise("SUM", *[image()] * 3), "3 bottoms; the chip takes 2"),
        (layers.eltwise("MAX", image(), image()), "operation MAX; the chip takes SUM or PROD"),
        (layers.add(image(), image()), ""),
        (image(2, 4, 8, 8), "a batch of 2; the chip takes 1"),
        (layers.clip(image(), 0, 6), ""),
        (layers.permute(image(), (0, 2, 3, 1)), ""),
        (layer("Permute", image(), permute_param={"order": [1]}).tops[0], "Permute needs the full order"),
    ],
)
def test_limits_of_other_layers(blob: Blob, reason: str) -> None:
    found = blocks(find(str(EXAMPLE)), blob)
    assert found.endswith(reason)
    assert bool(found) == bool(reason)


def test_a_network_for_the_chip(tmp_path: Path) -> None:
    """A network is rewritten within the chip's limits, and its files run where the base's do."""
    text = EXAMPLE.read_text(encoding="utf-8").replace('add = ["Clip", "opencv:Permute"]', "")
    chip = tmp_path / "chip.toml"
    chip.write_text(text, encoding="utf-8")
    case = Case("float[1,4,9,9] x, float[4,1,3,3] w", "a = Conv<group=4>(x, w); b = HardSwish(a); y = ReduceMean(b)")
    model, feeds = build(case)
    report = convert_file(save(model, tmp_path), tmp_path / "net", dialect=str(chip))
    assert report.dialect == str(chip)
    assert report.layers.keys() <= find(str(chip)).layers.keys()
    if missing := runners.available()["opencv"]:
        pytest.skip(missing)
    with runners.load("onnxruntime", Target(str(tmp_path / "model.onnx"))) as oracle:
        want = oracle.run(feeds)
    got = engines.run("opencv", report, feeds)
    assert difference(want["y"], got["y"].reshape(want["y"].shape)) == ""


def test_what_the_chip_lacks_is_refused_by_its_name(tmp_path: Path) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text('remove = ["Sigmoid"]', encoding="utf-8")
    model, _ = build(Case("float[1,4,9,9] x", "y = Sigmoid(x)"))
    with pytest.raises(ConversionError, match="chip has no Sigmoid layer") as error:
        convert_file(save(model, tmp_path), tmp_path / "net", dialect=str(chip))
    assert "try the dialect" in str(error.value)


def test_a_forbidden_rewrite_is_not_used(tmp_path: Path) -> None:
    x = image()
    net = emit("net", {"x": x, "y": layers.clip(x, -1, 1)}, ["y"], [x])
    forbidden = 'forbid = ["clip_by_relu", "clip_by_maximum", "clip_by_shift", "clip_relu6"]'
    free, bound = read(tmp_path, ""), read(tmp_path, forbidden)
    assert legalise(net, free).problems == ()
    assert "has no Clip layer" in legalise(net, bound).problems[0][1].reason


X = image()
CLIPPED = layers.pooling(X, "MAX", (2, 2), stride=(3, 3), pad=(1, 1))
CUT = layers.slices(image(2, 4, 8, 8), 0, [1])[0]
LIMITS = {
    "a field that is not read": (
        '[layer.Eltwise]\nwithout = ["coeff"]',
        [layers.add(X, X)],
        [(layers.sub(X, X), "Eltwise does not know coeff")],
    ),
    "values of a field that is given several times": (
        "[layer.Eltwise.values]\ncoeff = [[], [1.0, -1.0]]",
        [layers.add(X, X), layers.sub(X, X)],
        [
            (
                layers.eltwise("SUM", X, X, coeff=(2, 1)),
                "coeff [2.0, 1.0]; the chip takes [] or [1.0, -1.0]",
            )
        ],
    ),
    "one order of Permute": (
        'add = ["ssd:Permute"]\n[layer.Permute.values]\norder = [[0, 2, 3, 1]]',
        [layers.permute(X, (0, 2, 3, 1))],
        [(layers.permute(X, (0, 3, 1, 2)), "Permute with order [0, 3, 1, 2]; the chip takes [0, 2, 3, 1]")],
    ),
    "a method of pooling": (
        "[layer.Pooling]\nMAX = { max_kernel = 4 }\nAVE = { max_kernel = 2 }\nGLOBAL = { max_taps = 64 }",
        [
            layers.pooling(X, "MAX", (4, 4)),
            layers.pooling(X, "AVE", (2, 2)),
            layers.global_pooling(X, "AVE"),
        ],
        [
            (layers.pooling(X, "AVE", (4, 4)), "Pooling with kernel_size 4; the chip takes 2"),
            (layers.pooling(X, "MAX", (5, 1)), "Pooling with kernel_size 5; the chip takes 4"),
            (layers.global_pooling(image(1, 4, 8, 9), "AVE"), "a kernel of 72 taps; the chip takes 64"),
        ],
    ),
    "learned and computed factors": (
        "[layer.Scale]\nLEARNED = { values = { axis = [1] } }\nCOMPUTED = { values = { axis = [0] } }",
        [layers.scale(X, ones(4)), layers.scale_by(X, layers.reshape(layers.global_pooling(X, "AVE"), (1, 4)))],
        [(layers.scale(X, ones(8), axis=3), "Scale with axis 3; the chip takes 1")],
    ),
    "neighbours": (
        '[layer.InnerProduct]\nnot_after = ["Reshape"]',
        [layers.inner_product(layers.flatten(X), ones(3, 256))],
        [
            (
                layers.inner_product(layers.reshape(X, (1, 256)), ones(3, 256)),
                "right behind Reshape, which the chip can't",
            )
        ],
    ),
    "a large shift": (
        "[layer.Power]\nmax_shift = 16",
        [layers.power(X, shift=-16)],
        [(layers.power(X, shift=-17), "Power with a shift of 17; the chip is exact up to 16")],
    ),
    "strides": (
        "[layer.Convolution]\nstrides = [1, 4]",
        [conv(ones(4, 4, 3, 3), stride=(4, 4))],
        [
            (
                conv(ones(4, 4, 3, 3), stride=(1, 2)),
                "Convolution with a stride of 2; the chip takes 1, 4",
            )
        ],
    ),
    "dilations": (
        "[layer.Convolution]\ndilations = [1, 2]",
        [conv(ones(4, 4, 3, 3), dilation=(2, 2))],
        [(conv(ones(4, 4, 2, 2), dilation=(3, 3)), "with a dilation of 3; the chip takes 1, 2")],
    ),
    "square kernels": (
        "[layer.Convolution]\nsquare = true",
        [conv(ones(4, 4, 3, 3))],
        [(conv(ones(4, 4, 3, 1)), "with kernel_size 3x1; the chip has one for all axes")],
    ),
    "one dilation": (
        "[layer.Convolution]\nsame_dilation = true",
        [conv(ones(4, 4, 3, 1), dilation=(2, 2))],
        [
            (
                conv(ones(4, 4, 3, 3), dilation=(2, 1)),
                "with dilation 2x1; the chip has one for all axes",
            )
        ],
    ),
    "taps": (
        "[layer.Deconvolution]\nmax_taps = 15",
        [conv(ones(4, 4, 3, 5), transposed=True)],
        [
            (
                conv(ones(4, 4, 4, 4), transposed=True),
                "a kernel of 16 taps; the chip takes 15",
            )
        ],
    ),
    "weights": (
        "[layer.Convolution]\nmax_weights = 36",
        [conv(ones(8, 4, 3, 3)), layers.depthwise(X, ones(4, 1, 6, 6))],
        [(conv(ones(8, 4, 3, 4)), "with 48 weights an output channel; the chip takes 36")],
    ),
    "groups": (
        "[layer.Convolution]\nmax_group = 2",
        [conv(ones(4, 2, 3, 3), group=2)],
        [(layers.depthwise(X, ones(4, 1, 3, 3)), "Convolution in 4 groups; the chip takes 2")],
    ),
    "no rule of the last window": (
        'base = "ssd"\n[layer.Pooling]\nclip_rule = "none"',
        [
            layers.pooling(X, "MAX", (3, 3), stride=(2, 2), pad=(1, 1)),
            layers.pooling(image(1, 4, 9, 9), "MAX", (1, 1), stride=(5, 5)),
        ],
        [
            (
                layers.pooling(X, "MAX", (2, 2), stride=(3, 3), pad=(1, 1)),
                "a last window beyond the image; the chip would keep it",
            )
        ],
    ),
    "the rule of the last window by axis": (
        'base = "brocolli"\n[layer.Pooling]\nclip_rule = "by axis"',
        [CLIPPED],
        [(layers.pooling(image(1, 4, 9, 9), "MAX", (2, 1), stride=(3, 5), pad=(1, 0)), "the chip would keep it")],
    ),
    "padding that does not count": (
        "[layer.Pooling]\npad_counts = false",
        [
            layers.pooling(X, "MAX", (3, 3), pad=(1, 1)),
            layers.pooling(X, "AVE", (3, 3)),
            layers.global_pooling(X, "AVE"),
        ],
        [(layers.pooling(X, "AVE", (3, 3), pad=(1, 1)), "an average over padding; the chip does not count it")],
    ),
    "averages within the padded image": (
        "[layer.Pooling]\npad_counts = 'inside'",
        [
            layers.pooling(image(1, 4, 9, 9), "AVE", (3, 3), stride=(2, 2), pad=(1, 1)),
            layers.pooling(X, "AVE", (3, 3), stride=(2, 2)),
        ],
        [(layers.pooling(X, "AVE", (3, 3), stride=(2, 2), pad=(1, 1)), "the chip divides otherwise")],
    ),
    "axes": (
        "[layer.Reshape]\naxes = [2, 4]",
        [layers.reshape(X, (1, 256)), layers.reshape(X, (1, 8, 8, 4))],
        [(layers.reshape(X, (1, 4, 64)), "Reshape to 3 axes; the chip has 2 or 4")],
    ),
    "the batch stays": (
        'add = ["ssd:Permute"]\n[layer.Reshape]\nkeeps_batch = true\n[layer.Permute]\nkeeps_batch = true\n'
        "[layer.Slice]\nkeeps_batch = true\n[layer.Concat]\nkeeps_batch = true",
        [
            layers.reshape(image(2, 4, 8, 8), (2, 256)),
            layers.permute(X, (0, 2, 1, 3)),
            layers.concat(1, X, X),
            layers.slices(X, 1, [1])[0],
        ],
        [
            (layers.reshape(image(2, 4, 8, 8), (1, 8, 8, 8)), "Reshape changes the batch; the chip keeps it"),
            (layers.permute(image(1, 1, 8, 8), (1, 0, 2, 3)), "Permute changes the batch; the chip keeps it"),
            (layers.concat(0, X, X), "Concat changes the batch; the chip keeps it"),
            (CUT, "Slice changes the batch; the chip keeps it"),
        ],
    ),
    "the last axis": (
        "base = 'bvlc'\n[layer.Softmax]\nlast_axis = true\n[layer.Reduction]\nlast_axis = true",
        [layers.softmax(X, 3), layers.softmax(X, -1), layers.reduction(X, "SUM", 3)],
        [
            (layers.softmax(X, 1), "Softmax along axis 1 of 4; the chip has the last one"),
            (layers.reduction(X, "SUM", 0), "Reduction along axis 0 of 4; the chip has the last one"),
        ],
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str, tmp_path: Path) -> None:
    text, accepted, refused = LIMITS[name]
    chip = read(tmp_path, text)
    for blob in accepted:
        assert blocks(chip, blob) == ""
    for blob, reason in refused:
        assert blocks(chip, blob).endswith(reason)
        assert blocks(chip, blob)


def test_what_is_slow_is_accepted(tmp_path: Path) -> None:
    chip = read(
        tmp_path,
        '[slow]\nlayers = ["Softmax"]\n[slow.every]\nmax_channels = 8\n[slow.layer.Convolution]\nmax_kernel = 3',
    )
    slow = {
        "Softmax runs on the CPU": layers.softmax(image(), 1),
        "Convolution with kernel_size 5; the chip takes 3": layers.convolution(image(), ones(4, 4, 5, 5)),
        "9 channels; the chip takes 8": layers.relu(image(1, 9, 8, 8)),
        "": layers.convolution(image(), ones(4, 4, 3, 3)),
    }
    for reason, blob in slow.items():
        assert blocks(chip, blob) == ""
        assert chip.slows(blob.node) == reason


def test_a_file_may_name_its_engines(tmp_path: Path) -> None:
    assert read(tmp_path, 'engines = ["openvino"]').engines == ("openvino",)


def test_an_empty_file_is_portable(tmp_path: Path) -> None:
    chip = read(tmp_path, "")
    assert (chip.layers, chip.engines) == (DIALECTS["portable"].layers, ("opencv", "caffe"))


def test_added_layers_come_with_their_own_limits(tmp_path: Path) -> None:
    order = {"permute_param": {"order": [1]}}
    node = Node("Permute", (image(),), order, (), ((4, 1, 8, 8),))
    assert "full order" in read(tmp_path, 'add = ["opencv:Permute"]').blocks(node)
    assert read(tmp_path, 'add = ["ssd:Permute"]').blocks(node) == ""
    assert read(tmp_path, 'base = "bvlc"\nadd = ["ssd:Permute"]').engines == ("caffe",)


WRONG = {
    "batch = 1": "batch: is not a known key here; known: base, title, engines, layers, add, remove, ",
    'base = "tensorrt"': "base: 'tensorrt' is not a dialect; known: ",
    "base = 3": "base: must be a text, not 3",
    'layers = "ReLU"': "layers: must be a list of texts, not 'ReLU'",
    'layers = ["Relu"]': "layers: portable has no Relu layer",
    'layers = ["Clip"]': "layers: portable has no Clip layer; add = [...] takes it from another dialect",
    'remove = ["Clip"]': "remove: portable has no Clip layer",
    'add = ["Gadget"]': "add: no dialect has 'Gadget'",
    'add = ["opencv:Clip"]': "add: no dialect has 'opencv:Clip'",
    'forbid = ["magic"]': "forbid: 'magic' is not a rewrite; docs/dialects.md lists them",
    "every = 1": "every: must be a table, [every]",
    "[every]\nmax_kernel = 3": "every.max_kernel: is not a known key here; known: max_axes, ",
    "[every]\nmax_axes = 0": "every.max_axes: must be a whole number above 0, not 0",
    '[every]\nmax_batch = "one"': "every.max_batch: must be a whole number above 0, not 'one'",
    "[every]\nmax_channels = true": "every.max_channels: must be a whole number above 0, not True",
    "[layer.Clip]": "layer.Clip: the dialect has no such layer",
    "[layer.ReLU]\nmax_kernel = 3": "layer.ReLU.max_kernel: is not a known key here",
    "[layer.Pooling]\nmax_dilation = 1": "layer.Pooling.max_dilation: is not a known key here",
    "[layer.Convolution]\nkernels = 3": "layer.Convolution.kernels: must be a list of whole numbers, not 3",
    "[layer.Convolution]\nkernels = [0]": "layer.Convolution.kernels: must be a whole number above 0, not 0",
    "[layer.Convolution]\nmax_pad = -1": "layer.Convolution.max_pad: must be a whole number from 0 on, not -1",
    "[layer.Convolution.values]\ncolour = [1]": "layer.Convolution.values: colour is not a parameter of Convolution",
    "[layer.Convolution.values]\nstride = [1]": "layer.Convolution.values: stride may be given several times: each of",
    "[layer.Convolution.values]\ngroup = 1": "layer.Convolution.values: group must be a list of the values",
    "[layer.Convolution.values]\ngroup = [1.5]": "layer.Convolution.values: group is a whole number or",
    "[layer.Convolution.values]\nbias_term = [1]": "layer.Convolution.values: bias_term is true or false, not 1",
    '[layer.Pooling.values]\npool = ["MAXX"]': "layer.Pooling.values: pool is MAX or AVE or STOCHASTIC, not 'MAXX'",
    '[layer.Power.values]\npower = ["two"]': "layer.Power.values: power is a number, not 'two'",
    '[layer.Eltwise.values]\ncoeff = [["one"]]': "layer.Eltwise.values: coeff is a number, not 'one'",
    "[layer.Reshape.values]\nshape = [1]": "layer.Reshape.values: shape has no single value",
    "[layer.Pooling.AVE]\nMAX = {}": "layer.Pooling.AVE.MAX: is not a known key here; known: max_axes, ",
    "[layer.Power]\nmax_shift = 0": "layer.Power.max_shift: must be a number above 0, not 0",
    "[layer.Pooling.STOCHASTIC]": "layer.Pooling.STOCHASTIC: is not a known key here",
    "[layer.Pooling]\npad_counts = true": "layer.Pooling.pad_counts: can only be false or 'inside', not True",
    '[layer.Pooling]\nclip_rule = "never"': "layer.Pooling.clip_rule: can be 'none' or 'by axis', not 'never'",
    "[layer.Convolution]\nsquare = false": "layer.Convolution.square: can only be true, not False",
    "[layer.ReLU]\nlast_axis = true": "layer.ReLU.last_axis: is not a known key here",
    '[layer.ReLU]\nnot_after = ["Relu"]': "layer.ReLU.not_after: must be a list of layer types, not ['Relu']",
    "[layer.Reshape]\naxes = 4": "layer.Reshape.axes: must be a list of whole numbers, not 4",
    '[layer.Eltwise]\nwithout = ["coefs"]': "layer.Eltwise.without: Eltwise has no coefs here",
    '[slow]\nlayers = ["Clip"]': "slow.layers: the dialect has no Clip layer",
    "[slow.layer.Clip]": "slow.layer.Clip: the dialect has no such layer",
    "[slow]\nmax_axes = 4": "slow.max_axes: is not a known key here; known: layers, every, layer",
    "[layer.Sigmoid.values]\nx = [1]": "layer.Sigmoid.values: x is not a parameter of Sigmoid",
    "layers = [": "not a TOML file: ",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_by_its_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(ToolkitError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'chip.toml'}: {WRONG[text]}")
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="cannot be read: No such file"):
        find(str(tmp_path / "none.toml"))


def test_pad_may_be_none_at_all(tmp_path: Path) -> None:
    chip = read(tmp_path, "[layer.Convolution]\nmax_pad = 0\n[layer.Pooling]\nmax_pad = 0")
    assert blocks(chip, layers.convolution(image(), ones(4, 4, 3, 3))) == ""
    assert blocks(chip, layers.convolution(image(), ones(4, 4, 3, 3), pad=(1, 1))).endswith("pad 1; the chip takes 0")
