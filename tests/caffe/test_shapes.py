"""Caffe's shape rules, by hand-computed examples, and by real Caffe where it is built."""

from __future__ import annotations

import itertools

import pytest

from converters.caffe import layers
from converters.caffe.graph import emit
from converters.caffe.shapes import infer, pooled_size, prove
from converters.errors import Unsupported


def conv(**param: object) -> dict:
    return {"convolution_param": param}


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pad", "floor", "want"),
    [
        (112, 3, 2, 1, False, 57),  # the famous one: PyTorch says 56
        (112, 3, 2, 1, True, 56),
        (112, 3, 2, 0, False, 56),
        (7, 7, 1, 0, False, 1),
        (3, 2, 2, 1, False, 2),  # (2 * 2 >= 3 + 1): the third window would start in the trailing pad
        (5, 1, 3, 0, False, 3),  # without padding there is no such rule
    ],
)
def test_pooled_size(size: int, kernel: int, stride: int, pad: int, floor: bool, want: int) -> None:
    assert pooled_size(size, kernel, stride, pad, floor, pad > 0) == want


@pytest.mark.parametrize(
    ("kind", "params", "bottoms", "want"),
    [
        (
            "Convolution",
            {"convolution_param": {"num_output": 4, "kernel_h": 3, "kernel_w": 1, "stride": 2}},
            [(1, 3, 9, 8)],
            (1, 4, 4, 4),
        ),
        (
            "Deconvolution",
            {"convolution_param": {"num_output": 4, "kernel_size": 3, "stride": 2, "pad": [1]}},
            [(1, 3, 4, 5)],
            (1, 4, 7, 9),
        ),
        ("InnerProduct", {"inner_product_param": {"num_output": 7, "axis": -1}}, [(2, 3, 4)], (2, 3, 7)),
        ("Flatten", {"flatten_param": {"axis": 1, "end_axis": 2}}, [(2, 3, 4, 5)], (2, 12, 5)),
        ("Reshape", {"reshape_param": {"shape": {"dim": [0, -1, 2]}}}, [(2, 3, 4)], (2, 6, 2)),
        ("Reshape", {"reshape_param": {"shape": {"dim": [6]}, "axis": 1, "num_axes": 2}}, [(5, 2, 3, 4)], (5, 6, 4)),
        ("Concat", {"concat_param": {"axis": -1}}, [(2, 3), (2, 5)], (2, 8)),
        ("Reduction", {"reduction_param": {"axis": 2}}, [(2, 3, 4, 5)], (2, 3)),
        ("ArgMax", {"argmax_param": {"axis": 1}}, [(2, 3, 4)], (2, 1, 4)),
        ("Tile", {"tile_param": {"axis": 2, "tiles": 3}}, [(2, 3, 4)], (2, 3, 12)),
        ("Permute", {"permute_param": {"order": [0, 2]}}, [(1, 2, 3, 4)], (1, 3, 2, 4)),
        ("MVN", {}, [(2, 3)], (2, 3, 1, 1)),
        ("Scale", {"scale_param": {"axis": 0}}, [(2, 3, 4, 4), (2, 3)], (2, 3, 4, 4)),
    ],
)
def test_rules(kind: str, params: dict, bottoms: list[tuple[int, ...]], want: tuple[int, ...]) -> None:
    assert infer(kind, params, bottoms, 1) == (want,)


@pytest.mark.parametrize(
    ("kind", "params", "bottoms", "message"),
    [
        ("Eltwise", {}, [(1, 3, 4, 4), (1, 3, 1, 1)], "equal shapes"),
        ("Scale", {"scale_param": {"axis": 0}}, [(2, 3, 4, 4), (2, 3, 1, 1)], "from axis 0"),
        ("Pooling", {"pooling_param": {"kernel_size": 2}}, [(1, 3, 4)], "4 axes"),
        ("Pooling", {"pooling_param": {"kernel_size": 2, "pad": 2}}, [(1, 3, 4, 4)], "pads"),
        ("Convolution", {"convolution_param": {"num_output": 4, "kernel_size": 5}}, [(1, 3, 3, 3)], "empty"),
        (
            "Convolution",
            {"convolution_param": {"num_output": 4, "kernel_size": 1, "group": 2}},
            [(1, 3, 3, 3)],
            "group",
        ),
        ("LRN", {"lrn_param": {"local_size": 4}}, [(1, 3, 3, 3)], "odd"),
        ("Reshape", {"reshape_param": {"shape": {"dim": [5, -1]}}}, [(2, 3)], "Reshape of"),
        ("Nonsense", {}, [(1,)], "no shape rule"),
        ("Bias", {"bias_param": {"axis": 1}}, [(1, 3, 4, 4), (1, 3, 1, 1)], "from axis 1"),
        ("LRN", {"lrn_param": {"local_size": -1}}, [(1, 3, 3, 3)], "odd"),
        ("Convolution", conv(num_output=4, kernel_h=1, kernel_w=1, stride_h=0), [(1, 3, 3, 3)], "do not fit together"),
        ("Convolution", conv(num_output=4, kernel_size=1), [(3,)], "do not fit together"),
        ("Crop", {"crop_param": {"axis": 2, "offset": [0, 0, 3]}}, [(1, 3, 4, 4)] * 2, "do not fit together"),
        ("Pad", {"pad_param": {"pad_u": 1}}, [()], "do not fit together|4 axes"),
        (
            "BilinearInterpolate",
            {"bilinear_interpolate_param": {"scale_factor": float("inf")}},
            [(1, 3, 4, 4)],
            "do not fit together",
        ),
    ],
)
def test_rules_refuse_what_caffe_aborts_on(
    kind: str, params: dict, bottoms: list[tuple[int, ...]], message: str
) -> None:
    with pytest.raises(Unsupported, match=message):
        infer(kind, params, bottoms, 1)


def test_proof_names_the_blob_that_differs() -> None:
    x = layers.input_("x", (1, 3, 9, 9))
    net = emit("n", {"x": x, "y": layers.pooling(x, "MAX", (2, 2), stride=(2, 2))}, ["y"], [x])
    assert prove(net, {"y": (1, 3, 5, 5)})["x"] == (1, 3, 9, 9)
    with pytest.raises(Unsupported, match=r"blob 'y' is \(1, 3, 5, 5\) in Caffe but \(1, 3, 4, 4\) in ONNX"):
        prove(net, {"y": (1, 3, 4, 4)})


def test_pooling_rule_against_real_caffe(tmp_path) -> None:
    """Size, kernel, stride and pad in all small combinations, in one network."""
    import numpy as np

    from converters.caffe import text
    from toolkit import runners
    from toolkit.runners.base import Target

    if reason := runners.available()["caffe"]:
        pytest.skip(reason)
    want = {}
    named = {}
    inputs = []
    for size, kernel, stride, pad in itertools.product((4, 5, 7, 8), (1, 2, 3), (1, 2, 3), (0, 1, 2)):
        if pad >= kernel:
            continue
        x = layers.input_(f"x_{size}_{kernel}_{stride}_{pad}", (1, 1, size, size))
        y = layers.pooling(x, "MAX", (kernel, kernel), stride=(stride, stride), pad=(pad, pad))
        inputs.append(x)
        named |= {x.node.name: x, f"y{len(inputs)}": y}
        want[f"y{len(inputs)}"] = y.shape
    path = tmp_path / "net.prototxt"
    path.write_text(text.write(emit("n", named, list(want), inputs)))
    with runners.load("caffe", Target(str(path), None, tuple(want))) as runner:
        found = runner.run({x.node.name: np.zeros(x.shape, np.float32) for x in inputs})
    assert {name: array.shape for name, array in found.items()} == want
    assert len(want) > 60
