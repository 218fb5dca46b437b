"""One row a use of a Caffe layer: the layer as prototxt text, what is fed, the shapes of its blobs.

`x` is fed first, `y`, `z` after it. `grid` makes a row of every combination of a parameter message's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """`layers` are whole layers; blobs go to the layer of that name. Numbers lie within `low` and `high`.

    `whole`: what is fed are whole numbers. `batch`: whether the import takes any batch.
    """

    layers: str
    inputs: Mapping[str, Shape]
    blobs: Mapping[str, Sequence[Shape]] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    whole: bool = False
    outputs: tuple[str, ...] = ("out",)
    batch: bool = True
    positive: tuple[str, ...] = ()  # layers whose blobs hold no number below 0.2
    oldest: int = 11  # the opset from which on the layer can be told


def one(kind: str, param: str = "", bottoms: str = "x", tops: str = "out") -> str:
    """The text of a layer `l`."""
    wires = "".join(f' bottom: "{name}"' for name in bottoms.split()) + "".join(
        f' top: "{name}"' for name in tops.split()
    )
    return f'layer {{ name: "l" type: "{kind}"{wires} {param} }}\n'


def named(name: str, layer: str) -> str:
    """The layer under another name than `l`."""
    return layer.replace('"l"', f'"{name}"')


def _text(group: str, values: Mapping[str, Any]) -> str:
    fields = []
    for name, value in values.items():
        for item in value if isinstance(value, tuple) else (value,):
            fields.append(f"{name}: {str(item).lower() if isinstance(item, bool) else item}")
    return f"{group} {{ {' '.join(fields)} }}"


def grid(
    kind: str,
    message: str,
    shapes: Sequence[Shape],
    blobs: Any = lambda shape, values: [],
    bottoms: str = "x",
    keep: Any = lambda shape, values: True,
    more: Mapping[str, Any] | None = None,
    **choices: Sequence[Any],
) -> dict[str, Row]:
    """A row for every combination of the choices; a choice of None leaves the field out."""
    rows = {}
    for shape, *picked in product(shapes, *choices.values()):
        values = {name: value for name, value in zip(choices, picked, strict=True) if value is not None}
        if not keep(shape, values):
            continue
        label = ",".join(f"{name}={value}" for name, value in values.items())
        inputs = dict.fromkeys(bottoms.split(), shape)
        weights = blobs(shape, values)
        layers = one(kind, _text(message, values) if values else "", bottoms)
        size = "x".join(map(str, shape))
        rows[f"{kind}/{size}/{label}"] = Row(layers, inputs, {"l": weights} if weights else {}, **(more or {}))
    return rows


def _conv(shape: Shape, v: Mapping[str, Any]) -> list[Shape]:
    kernel = v.get("kernel_size", (v.get("kernel_h"), v.get("kernel_w")))
    size = kernel if isinstance(kernel, tuple) else (kernel,)
    size = size * (len(shape) - 2) if len(size) == 1 else size
    weight = (v["num_output"], shape[1] // v.get("group", 1), *size)
    return [weight, (v["num_output"],)] if v.get("bias_term", True) else [weight]


def _deconv(shape: Shape, v: Mapping[str, Any]) -> list[Shape]:
    size = (v["kernel_size"],) * (len(shape) - 2)
    weight = (shape[1], v["num_output"] // v.get("group", 1), *size)
    return [weight, (v["num_output"],)] if v.get("bias_term", True) else [weight]


def _dense(shape: Shape, v: Mapping[str, Any]) -> list[Shape]:
    inner = 1
    for size in shape[v.get("axis", 1) :]:
        inner *= size
    weight = (inner, v["num_output"]) if v.get("transpose") else (v["num_output"], inner)
    return [weight, (v["num_output"],)] if v.get("bias_term", True) else [weight]


def _scale(shape: Shape, v: Mapping[str, Any]) -> list[Shape]:
    axis, count = v.get("axis", 1) % len(shape), v.get("num_axes", 1)
    run = shape[axis:] if count == -1 else shape[axis : axis + count]
    return [run, run] if v.get("bias_term") else [run]


def _fits(shape: Shape, v: Mapping[str, Any]) -> bool:
    """Whether Caffe takes the pooling: pads below the kernel, no window behind the image where it would average."""
    kernel, stride, pad = v.get("kernel_size", 1), v.get("stride", 1), v.get("pad", 0)
    if pad >= kernel or any(size + 2 * pad < kernel for size in shape[2:]):
        return False
    if pad or kernel >= stride or v.get("round_mode") == "FLOOR":
        return True
    starts = [-(-(size - kernel) // stride) * stride for size in shape[2:]]
    return all(start < size for start, size in zip(starts, shape[2:], strict=True))


IMAGE = (2, 4, 9, 11)
SMALL = (2, 3, 5, 4)
SHAPED = "shape { dim: 2 dim: 3 dim: 5 dim: 4 }"
PARAMETER = f'layer {{ name: "w" type: "Parameter" top: "w" parameter_param {{ {SHAPED} }} }}'
FILLED = 'data_filler { type: "constant" value: 0.7 }'
DUMMY = f'layer {{ name: "d" type: "DummyData" top: "d" dummy_data_param {{ {SHAPED} {FILLED} }} }}'
SLICES = ("", "slice_point: 1 slice_point: 4", "axis: 2 slice_point: 2 slice_point: 8", "axis: -2", "slice_dim: 2")
RESHAPES = (
    *("shape { dim: 0 dim: -1 }", "shape { dim: 0 dim: 3 dim: 2 dim: 20 }", "shape { dim: 2 dim: 3 dim: 40 }"),
    *("shape { dim: -1 dim: 20 }", "axis: 1 shape { dim: 3 dim: -1 }", "axis: 1 num_axes: 2 shape { dim: 24 }"),
    *("axis: -1 shape { dim: 1 }", "axis: 1 num_axes: 1 shape { dim: 2 dim: 3 }", "axis: 2 shape { dim: 20 }"),
    *("axis: 1 num_axes: 0 shape { dim: 1 dim: 1 }", "shape { dim: 0 dim: 0 dim: 0 dim: 0 }"),
)
CROPS = ("", "offset: 2", "axis: 1 offset: 1 offset: 3 offset: 2", "axis: 3", "axis: -1 offset: 1", "axis: 1")
SEQUENCES = {"x": (5, 2, 2, 3), "cont": (5, 2), "s": (2, 5), "h": (1, 2, 4), "c": (1, 2, 4)}
SEQUENCE = """
layer {{ name: "first" type: "DummyData" top: "first"
         dummy_data_param {{ shape {{ dim: 1 dim: 2 }} data_filler {{ value: {first} }} }} }}
layer {{ name: "rest" type: "DummyData" top: "rest"
         dummy_data_param {{ shape {{ dim: 4 dim: 2 }} data_filler {{ value: 1 }} }} }}
layer {{ name: "cont" type: "Concat" bottom: "first" bottom: "rest" top: "cont" concat_param {{ axis: 0 }} }}
"""
ROWS: dict[str, Row] = {
    **grid(
        "Pooling",
        "pooling_param",
        [(2, 3, 8, 8), (1, 2, 7, 10), (1, 2, 13, 6)],
        keep=_fits,
        pool=["MAX", "AVE"],
        kernel_size=[2, 3, 5],
        stride=[None, 2, 3],
        pad=[None, 1, 2],
        round_mode=[None, "FLOOR"],
    ),
    **grid("Pooling", "pooling_param", [IMAGE], pool=["MAX", "AVE"], global_pooling=[True]),
    **grid(
        "Pooling",
        "pooling_param",
        [IMAGE],
        pool=["MAX", "AVE"],
        kernel_h=[3],
        kernel_w=[2],
        stride_h=[2],
        stride_w=[3],
        pad_h=[0, 1],
        pad_w=[0, 1],
    ),
    "Pooling/mask": Row(
        one("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", tops="out at"),
        {"x": IMAGE},
        outputs=("out", "at"),
    ),
    "Pooling/behind the image": Row(one("Pooling", "pooling_param { kernel_size: 1 stride: 3 }"), {"x": (1, 2, 9, 8)}),
    **grid(
        "Convolution",
        "convolution_param",
        [IMAGE],
        _conv,
        num_output=[6],
        kernel_size=[1, 3, (3, 2)],
        stride=[None, 2, (2, 1)],
        pad=[None, 1, (0, 2)],
        group=[None, 2],
        dilation=[None, 2],
        bias_term=[None, False],
        keep=lambda shape, v: v.get("kernel_size") == 3 or v.get("group") is None,
    ),
    **grid("Convolution", "convolution_param", [(2, 3, 10)], _conv, num_output=[4], kernel_size=[3], stride=[1, 2]),
    **grid("Convolution", "convolution_param", [(1, 2, 4, 5, 6)], _conv, num_output=[3], kernel_size=[2, (1, 2, 3)]),
    **grid(
        "Convolution",
        "convolution_param",
        [IMAGE],
        _conv,
        num_output=[6],
        kernel_h=[3],
        kernel_w=[2],
        pad_h=[None, 1],
        stride_h=[2],
        stride_w=[1],
    ),
    "Convolution/two bottoms": Row(
        one("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }", "x y", "out more"),
        {"x": IMAGE, "y": IMAGE},
        {"l": [(3, 4, 3, 3), (3,)]},
        outputs=("out", "more"),
    ),
    **grid(
        "Deconvolution",
        "convolution_param",
        [(2, 4, 5, 6)],
        _deconv,
        num_output=[4],
        kernel_size=[1, 2, 4],
        stride=[None, 2, 3],
        pad=[None, 1],
        group=[None, 2, 4],
        bias_term=[None, False],
        keep=lambda shape, v: v["kernel_size"] > 1 or not v.get("pad"),
    ),
    **grid(
        "Deconvolution", "convolution_param", [(1, 2, 5, 6)], _deconv, num_output=[3], kernel_size=[3], dilation=[2]
    ),
    **grid("Im2col", "convolution_param", [(2, 3, 6, 5)], kernel_size=[2, (3, 1)], stride=[1, 2], pad=[None, 1]),
    **grid(
        "InnerProduct",
        "inner_product_param",
        [(3, 8), (2, 4, 3, 3)],
        _dense,
        num_output=[5],
        bias_term=[None, False],
        transpose=[None, True],
    ),
    **grid("InnerProduct", "inner_product_param", [(2, 3, 4, 5)], _dense, num_output=[5], axis=[2, 3]),
    "InnerProduct/axis 0": Row(
        one("InnerProduct", "inner_product_param { num_output: 5 axis: 0 }"),
        {"x": (2, 3)},
        {"l": [(5, 6), (5,)]},
        batch=False,
    ),
    **grid(
        "BatchNorm",
        "batch_norm_param",
        [(2, 3, 4, 5), (3, 4), (2, 3, 7), (1, 2, 3, 4, 5)],
        lambda shape, v: [(shape[1],), (shape[1],), (1,)],
        eps=[None, 0.1],
        more={"positive": ("l",)},
    ),
    "BatchNorm/its own statistics": Row(
        one("BatchNorm", "batch_norm_param { use_global_stats: false eps: 0.01 }"),
        {"x": (3, 4, 5, 6)},
        {"l": [(4,), (4,), (1,)]},
        positive=("l",),
    ),
    "BatchNorm/Scale": Row(
        one("BatchNorm", tops="bn") + named("s", one("Scale", "scale_param { bias_term: true }", "bn")),
        {"x": (2, 3, 4, 5)},
        {"l": [(3,), (3,), (1,)], "s": [(3,), (3,)]},
        positive=("l",),
    ),
    "BatchNorm/Scale in place": Row(
        'layer { name: "p" type: "Power" bottom: "x" top: "out" power_param { scale: 2 } }'
        + one("BatchNorm", "", "out")
        + named("s", one("Scale", "", "out"))
        + named("r", one("ReLU", "", "out")),
        {"x": (2, 3, 4, 5)},
        {"l": [(3,), (3,), (1,)], "s": [(3,)]},
        positive=("l",),
    ),
    **grid(
        "Scale",
        "scale_param",
        [(2, 3, 4, 5)],
        _scale,
        axis=[None, 0, 2, 3, -2],
        num_axes=[None, 2, -1, 0],
        bias_term=[None, True],
        keep=lambda shape, v: v.get("axis", 1) % 4 + v.get("num_axes", 1) <= 4,
        more={"batch": False},
    ),
    **{
        f"Scale/by {shape} from {axis}": Row(
            one("Scale", f"scale_param {{ axis: {axis} }}", "x y"), {"x": (2, 3, 4, 5), "y": shape}, batch=shape[0] == 2
        )
        for shape, axis in [((2, 3), 0), ((3,), 1), ((4, 5), 2), ((2, 3, 4, 5), 0), ((5,), -1), ((3, 4), 1)]
    },
    "Scale/by a blob, with a bias": Row(
        one("Scale", "scale_param { axis: 0 bias_term: true }", "x y"),
        {"x": (2, 3, 4, 5), "y": (2, 3)},
        {"l": [(2, 3)]},
        batch=False,
    ),
    **grid(
        "Bias",
        "bias_param",
        [(2, 3, 4, 5)],
        lambda s, v: _scale(s, v)[:1],
        axis=[None, 2, -1],
        num_axes=[None, -1, 0],
        keep=lambda shape, v: v.get("axis") != 2 or True,
    ),
    "Bias/by a blob": Row(one("Bias", "bias_param { axis: 0 }", "x y"), {"x": (2, 3, 4, 5), "y": (2, 3)}),
    **grid("Eltwise", "eltwise_param", [SMALL], bottoms="x y", operation=[None, "PROD", "SUM", "MAX"]),
    **grid("Eltwise", "eltwise_param", [SMALL], bottoms="x y z", operation=["PROD", "SUM", "MAX"]),
    **grid("Eltwise", "eltwise_param", [SMALL], bottoms="x y", coeff=[(1, -1), (0.5, 2), (1, 1), (-1, 3)]),
    **grid("ReLU", "relu_param", [SMALL, (2, 7)], negative_slope=[None, 0.1]),
    **grid("ReLU6", "relu6_param", [SMALL], threshold=[None, 1]),
    **grid(
        "PReLU",
        "prelu_param",
        [SMALL, (2, 3), (2, 3, 4)],
        lambda s, v: [() if v.get("channel_shared") else (s[1],)],
        channel_shared=[None, True],
    ),
    **grid("ELU", "elu_param", [SMALL], alpha=[None, 0.3]),
    **grid("Swish", "swish_param", [SMALL], beta=[None, 1.7]),
    **grid("HardSigmoid", "hardsigmoid_param", [SMALL], alpha=[None, 0.4], beta=[None, 0.3]),
    **grid("Clip", "clip_param", [SMALL], min=[-0.5], max=[0.7]),
    **grid("Threshold", "threshold_param", [SMALL], threshold=[None, 0.5]),
    **{kind: Row(one(kind), {"x": SMALL}) for kind in ("Sigmoid", "TanH", "AbsVal", "BNLL", "HardSwish", "Dropout")},
    **grid("Power", "power_param", [SMALL], power=[None, 2, 0], scale=[None, 0.5, 0], shift=[None, 0.3, -1]),
    **grid("Power", "power_param", [SMALL], power=[0.5, -0.5, 1.7, -1], shift=[None, 1], more={"low": 0.1}),
    **grid("Exp", "exp_param", [SMALL], base=[None, 2, 0.5], scale=[None, 0.5], shift=[None, 0.3]),
    **grid("Log", "log_param", [SMALL], base=[None, 2, 10], scale=[None, 0.5], shift=[None, 0.3], more={"low": 0.1}),
    **grid(
        "LRN",
        "lrn_param",
        [(2, 8, 5, 6), (1, 3, 4, 4)],
        local_size=[None, 3],
        alpha=[None, 0.1],
        beta=[None, 0.5],
        norm_region=[None, "WITHIN_CHANNEL"],
        k=[None, 2],
    ),
    **grid(
        "MVN",
        "mvn_param",
        [(2, 3, 4, 5), (2, 3, 6)],
        across_channels=[None, True],
        normalize_variance=[None, False],
        eps=[None, 0.1],
    ),
    **grid(
        "Normalize",
        "norm_param",
        [(2, 3, 4, 5)],
        lambda s, v: [() if v.get("channel_shared", True) else (s[1],)],
        across_spatial=[None, False],
        channel_shared=[None, False],
        eps=[None, 0.1],
    ),
    **grid("Softmax", "softmax_param", [(2, 3, 4, 5), (3, 7)], axis=[None, 0, -1]),
    **grid("Softmax", "softmax_param", [(2, 3, 4, 5)], axis=[2]),
    **grid("Concat", "concat_param", [(2, 3, 4, 5)], bottoms="x y", axis=[None, 0, 2, -1]),
    **grid("Concat", "concat_param", [(2, 3, 4, 5)], bottoms="x y z", concat_dim=[1, 2]),
    "Concat/one": Row(one("Concat"), {"x": SMALL}),
    **{
        f"Slice/{param}": Row(
            one("Slice", f"slice_param {{ {param} }}", tops="out b c"),
            {"x": (2, 6, 9, 5)},
            outputs=("out", "b", "c"),
            batch="axis: 0" not in param,
        )
        for param in SLICES
    },
    "Split": Row(one("Split", tops="out b"), {"x": SMALL}, outputs=("out", "b")),
    **{
        f"Reshape/{param}": Row(
            one("Reshape", f"reshape_param {{ {param} }}"), {"x": (2, 6, 4, 5)}, batch="dim: 2 " not in param
        )
        for param in RESHAPES
    },
    **grid("Flatten", "flatten_param", [(2, 3, 4, 5), (2, 3)], axis=[None, 1], end_axis=[None, -1]),
    **grid("Flatten", "flatten_param", [(2, 3, 4, 5)], axis=[0, 2], end_axis=[2, 3], more={"batch": False}),
    **{
        f"Permute/{order}": Row(
            one("Permute", "permute_param { " + " ".join(f"order: {i}" for i in order) + " }"),
            {"x": (2, 3, 4, 5)},
            batch=order[0] == 0,
        )
        for order in ((0, 2, 3, 1), (0, 3), (3, 2, 1, 0), (0, 1, 2, 3), (1,))
    },
    **grid("Tile", "tile_param", [(2, 3, 4, 5)], axis=[None, 0, -1], tiles=[1, 3], more={"batch": False}),
    **{
        f"Crop/{param}": Row(one("Crop", f"crop_param {{ {param} }}", "x y"), {"x": (2, 5, 8, 9), "y": (2, 3, 4, 6)})
        for param in CROPS
    },
    **grid(
        "Reduction",
        "reduction_param",
        [(2, 3, 4, 5)],
        operation=[None, "ASUM", "SUMSQ", "MEAN"],
        axis=[None, 1, 2, -1],
        coeff=[None, 0.5],
        more={"batch": False},
    ),
    **grid(
        "ArgMax",
        "argmax_param",
        [(2, 3, 4, 5), (2, 9, 1, 1)],
        axis=[None, 1, 0, -1],
        out_max_val=[None, True],
        top_k=[None, 2],
        keep=lambda s, v: s[v["axis"]] > 1 if "axis" in v else True,
    ),
    "ArgMax/ties": Row(one("ArgMax"), {"x": (4, 9, 1, 1)}, whole=True),
    "ArgMax/ties of two": Row(
        one("ArgMax", "argmax_param { top_k: 3 axis: 1 out_max_val: false }"), {"x": (4, 9, 2, 2)}, whole=True
    ),
    "Embed": Row(
        one("Embed", "embed_param { num_output: 4 input_dim: 5 }"),
        {"x": (3, 2)},
        {"l": [(5, 4), (4,)]},
        whole=True,
        low=0,
        high=4,
    ),
    "Embed/no bias": Row(
        one("Embed", "embed_param { num_output: 4 input_dim: 5 bias_term: false }"),
        {"x": (6,)},
        {"l": [(5, 4)]},
        whole=True,
        low=0,
        high=4,
    ),
    "BatchReindex": Row(
        one("BatchReindex", "", "x y"), {"x": (4, 3, 2), "y": (5,)}, whole=True, low=0, high=3, batch=False
    ),
    **grid("SPP", "spp_param", [(2, 3, 9, 8), (1, 2, 16, 13)], pyramid_height=[1, 2, 3], pool=[None, "AVE"]),
    "Parameter": Row(PARAMETER + one("Eltwise", "", "x w"), {"x": SMALL}, {"w": [SMALL]}, batch=False),
    "DummyData": Row(DUMMY + one("Eltwise", "", "x d"), {"x": SMALL}, batch=False),
    **{
        f"Pad/{kind}": Row(
            one("Pad", f"pad_param {{ pad_type: {kind} pad_u: 1 pad_l: 2 pad_r: 1 }}"), {"x": (2, 3, 4, 5)}
        )
        for kind in ("CONSTANT", "REPLICATE", "REFLECT")
    },
    "PixelShuffle": Row(one("PixelShuffle", "pixelshuffle_param { upscale_factor: 2 }"), {"x": (2, 8, 3, 4)}),
    "ShuffleChannel": Row(one("ShuffleChannel", "shuffle_channel_param { group: 3 }"), {"x": (2, 6, 3, 4)}),
    "Upsample": Row(one("Upsample", "upsample_param { scale: 2 }"), {"x": (2, 3, 4, 5)}),
    "Unsqueeze": Row(one("Unsqueeze", "unsqueeze_param { dim: 1 }"), {"x": (2, 3, 4)}),
    **grid(
        "BilinearInterpolate",
        "bilinear_interpolate_param",
        [(2, 3, 4, 5)],
        dst_h=[7, 4],
        dst_w=[9],
        align_corners=[None, False],
    ),
    **{
        f"{kind}/{label}": Row(
            one(kind, f"recurrent_param {{ num_output: 4 {param} }}", bottoms, tops),
            {name: shape for name, shape in SEQUENCES.items() if name in bottoms.split()},
            {"l": [(g * 4, 6), (g * 4,), *([(g * 4, 5)] if "s" in bottoms.split() else []), (g * 4, 4), *more]},
            low=0,
            high=1,
            whole=True,
            outputs=tuple(tops.split()),
            batch=False,
        )
        for kind, g, more, states in (("LSTM", 4, [], "h c"), ("RNN", 1, [(4, 4), (4,)], "h"))
        for label, param, bottoms, tops in (
            ("cont as it comes", "", "x cont", "out"),
            ("something in every step", "", "x cont s", "out"),
            ("states", "expose_hidden: true", f"x cont {states}", "out last " + ("cell" if g == 4 else "")),
            ("states and more", "expose_hidden: true", f"x cont s {states}", "out last " + ("cell" if g == 4 else "")),
        )
    },
    **{
        f"{kind}/cont from {first}": Row(
            SEQUENCE.format(first=first) + one(kind, "recurrent_param { num_output: 4 }", "x cont"),
            {"x": SEQUENCES["x"]},
            {"l": [(g * 4, 6), (g * 4,), (g * 4, 4), *more]},
            batch=False,
        )
        for kind, g, more in (("LSTM", 4, []), ("RNN", 1, [(4, 4), (4,)]))
        for first in (0, 1)
    },
    **grid(
        "PriorBox",
        "prior_box_param",
        [(1, 4, 3, 5)],
        bottoms="x y",
        more={"batch": False},
        min_size=[(3.7,), (2, 4)],
        aspect_ratio=[None, (2, 3), (1, 2)],
        flip=[None, False],
        clip=[False, True],
        variance=[0.1, (0.1, 0.1, 0.2, 0.2)],
        offset=[None, 0.3],
    ),
    "PriorBox/larger sizes": Row(
        one("PriorBox", "prior_box_param { min_size: 2 max_size: 5.5 aspect_ratio: 2 clip: false step: 4 }", "x y"),
        {"x": (1, 4, 3, 5), "y": (1, 3, 12, 20)},
    ),
    **{
        f"DetectionOutput/{label}": Row(
            one("PriorBox", "prior_box_param { min_size: 4 aspect_ratio: 2 clip: false variance: 0.1 }", "x x", "p")
            + named("d", one("DetectionOutput", f"detection_output_param {{ num_classes: 3 {param} }}", "loc conf p")),
            {"x": (1, 1, 6, 6), "loc": (1, 432), "conf": (1, 324)},
            low=-1,
            high=1,
            batch=False,
            oldest=12,
        )
        for label, param in {
            "as SSD has it": "nms_param { nms_threshold: 0.45 top_k: 40 } code_type: CENTER_SIZE keep_top_k: 20 "
            "confidence_threshold: 0.1",
            "corners": "nms_param { nms_threshold: 0.3 } keep_top_k: -1 confidence_threshold: 0.2",
            "encoded": "nms_param { nms_threshold: 0.6 top_k: 30 } code_type: CENTER_SIZE keep_top_k: 200 "
            "confidence_threshold: 0.5 variance_encoded_in_target: true",
            "another background": "background_label_id: 2 nms_param { nms_threshold: 0.45 top_k: 400 } "
            "code_type: CENTER_SIZE keep_top_k: 7 confidence_threshold: 0.3",
            "nothing found": "nms_param { nms_threshold: 0.45 } code_type: CENTER_SIZE confidence_threshold: 2",
        }.items()
    },
}
