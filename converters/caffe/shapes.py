"""Caffe's output-shape rules, one function a layer type: parameters and bottom shapes in, top shapes out.

The rules are Caffe's, not ONNX's: pooling rounds up unless told otherwise, and a padded pooling drops a last window
that would start outside the image and its leading pad. A rule refuses what Caffe would abort on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from converters.caffe.net import Net, Shape
from converters.errors import require

Params = Mapping[str, Any]
Rule = Callable[[Params, Sequence[Shape], int], Sequence[Shape]]
RULES: dict[str, Rule] = {}
MAX_AXES = 32
POISON = "(unsupported)"
MAX_COUNT = 2**31 - 1


def _rule(*types: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(types, rule))
        return rule

    return register


def infer(kind: str, params: Params, bottoms: Sequence[Shape], tops: int) -> tuple[Shape, ...]:
    """Return the shapes of a layer's tops; Unsupported where Caffe would refuse the layer or no rule is known."""
    require(kind in RULES, f"no shape rule for layer type {kind}")
    shapes = tuple(tuple(int(d) for d in shape) for shape in RULES[kind](params, bottoms, tops))
    require(len(shapes) == tops, f"{kind} has {len(shapes)} tops, not {tops}")
    for shape in shapes if kind != POISON else ():
        require(len(shape) <= MAX_AXES, f"{kind}: {len(shape)} axes; Caffe has at most {MAX_AXES}")
        require(all(d > 0 for d in shape), f"{kind} gives an empty blob {shape}")
        require(prod(shape) <= MAX_COUNT, f"{kind} gives a blob of {prod(shape):,} numbers, over Caffe's limit")
    return shapes


def prove(net: Net, expected: Mapping[str, Shape]) -> dict[str, Shape]:
    """Recompute every blob's shape by Caffe's rules and demand that those in `expected` come out as told."""
    shapes: dict[str, Shape] = {}
    for layer in net.layers:
        missing = [bottom for bottom in layer.bottoms if bottom not in shapes]
        require(not missing, f"layer '{layer.name}' reads '{', '.join(missing)}', which nothing before it makes")
        tops = infer(layer.type, layer.params, [shapes[bottom] for bottom in layer.bottoms], len(layer.tops))
        shapes.update(zip(layer.tops, tops, strict=True))
    for name, shape in expected.items():
        require(name in shapes, f"blob '{name}' is not in the network")
        require(shapes[name] == tuple(shape), f"blob '{name}' is {shapes[name]} in Caffe but {tuple(shape)} in ONNX")
    return shapes


def axis_of(axis: int, rank: int) -> int:
    """Return a non-negative axis; Caffe counts negative axes from the end."""
    require(-rank <= axis < rank, f"axis {axis} of a blob with {rank} axes")
    return axis % rank


def spatial(param: Params, name: str, count: int, default: int) -> list[int]:
    """Return kernel, stride, pad or dilation for each spatial axis from either spelling: repeated, or _h and _w."""
    base = name.removesuffix("_size")
    if f"{base}_h" in param or f"{base}_w" in param:
        values = [param.get(f"{base}_h", default), param.get(f"{base}_w", default)]
    else:
        given = param.get(name, default)
        values = list(given) if isinstance(given, list | tuple) else [given]
        values = values * count if len(values) == 1 else values or [default] * count
    require(all(0 <= value <= MAX_COUNT for value in values), f"a {base} of {values}")
    return values


@_rule("Input")
def _input(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [tuple(shape["dim"]) for shape in params["input_param"]["shape"]]


@_rule(POISON)
def _poison(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return list(params["shapes"])


@_rule("Parameter")
def _parameter(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [tuple(params["parameter_param"]["shape"]["dim"])]


@_rule("DummyData")
def _dummy(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [tuple(shape["dim"]) for shape in params["dummy_data_param"]["shape"]]


@_rule(
    *("AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "PReLU", "Power", "ReLU", "ReLU6", "Sigmoid"),
    *("Swish", "TanH", "Threshold", "HardSigmoid", "HardSwish", "Mish", "BatchNorm", "Normalize", "Softmax", "Bias"),
)
def _same(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [bottoms[0]]


@_rule("LRN")
def _lrn(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms[0]) == 4, f"LRN takes 4 axes, not {len(bottoms[0])}")
    require(params.get("lrn_param", {}).get("local_size", 5) % 2 == 1, "LRN takes an odd local_size alone")
    return [bottoms[0]]


@_rule("MVN")
def _mvn(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms[0]) <= 4, "MVN takes at most 4 axes")
    return [bottoms[0] + (1,) * (4 - len(bottoms[0]))]


@_rule("Scale")
def _scale(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    if len(bottoms) == 2 and bottoms[1]:
        axis = axis_of(params.get("scale_param", {}).get("axis", 1), len(bottoms[0]))
        run = bottoms[0][axis : axis + len(bottoms[1])]
        require(run == bottoms[1], f"Scale of {bottoms[0]} by {bottoms[1]} from axis {axis}")
    return [bottoms[0]]


@_rule("Eltwise")
def _eltwise(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(set(bottoms)) == 1, f"Eltwise takes equal shapes, not {', '.join(map(str, bottoms))}")
    return [bottoms[0]]


@_rule("Split")
def _split(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [bottoms[0]] * tops


@_rule("Silence")
def _silence(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return []


@_rule("Convolution", "ConvolutionDepthwise")
def _convolution(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["convolution_param"]
    x = bottoms[0]
    count = len(x) - 2
    require(count >= 1, f"Convolution takes at least 3 axes, not {len(x)}")
    kernel, stride = spatial(param, "kernel_size", count, 0), spatial(param, "stride", count, 1)
    pad, dilation = spatial(param, "pad", count, 0), spatial(param, "dilation", count, 1)
    group = param.get("group", 1)
    require(group > 0, f"{group} groups")
    require(x[1] % group == 0 and param["num_output"] % group == 0, f"group {group} does not divide the channels")
    sizes = [
        (size + 2 * p - (d * (k - 1) + 1)) // s + 1
        for size, k, s, p, d in zip(x[2:], kernel, stride, pad, dilation, strict=True)
    ]
    return [(x[0], param["num_output"], *sizes)]


@_rule("Deconvolution")
def _deconvolution(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["convolution_param"]
    x = bottoms[0]
    count = len(x) - 2
    kernel, stride = spatial(param, "kernel_size", count, 0), spatial(param, "stride", count, 1)
    pad, dilation = spatial(param, "pad", count, 0), spatial(param, "dilation", count, 1)
    sizes = [
        s * (size - 1) + d * (k - 1) + 1 - 2 * p
        for size, k, s, p, d in zip(x[2:], kernel, stride, pad, dilation, strict=True)
    ]
    whole = [size + 2 * p for size, p in zip(sizes, pad, strict=True)]
    require(max(whole) <= MAX_COUNT, f"Deconvolution of an image of {whole}, over Caffe's limit")
    return [(x[0], param["num_output"], *sizes)]


def pooled_size(size: int, kernel: int, stride: int, pad: int, floor: bool, padded: bool) -> int:
    """Output size of Caffe's pooling along one axis; `padded`: whether any axis of the layer has padding."""
    span = size + 2 * pad - kernel
    out = (span // stride if floor else -(-span // stride)) + 1
    return out - 1 if padded and (out - 1) * stride >= size + pad else out


@_rule("Pooling")
def _pooling(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["pooling_param"]
    x = bottoms[0]
    require(len(x) == 4, f"Pooling takes 4 axes, not {len(x)}")
    if param.get("global_pooling", False):
        return [(*x[:2], 1, 1)]
    kernel, stride, pad = (spatial(param, n, 2, d) for n, d in (("kernel_size", 0), ("stride", 1), ("pad", 0)))
    require(all(p < k for p, k in zip(pad, kernel, strict=True)), f"Pooling takes pads {pad} below the kernel {kernel}")
    require(
        all(s + 2 * p >= k for s, p, k in zip(x[2:], pad, kernel, strict=True)),
        f"the pooling kernel {kernel} is larger than the padded image",
    )
    floor = param.get("round_mode", "CEIL") == "FLOOR" or not param.get("ceil_mode", True)
    sizes = [pooled_size(*axis, floor=floor, padded=any(pad)) for axis in zip(x[2:], kernel, stride, pad, strict=True)]
    return [(*x[:2], *sizes)] * tops


@_rule("InnerProduct")
def _inner_product(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["inner_product_param"]
    axis = axis_of(param.get("axis", 1), len(bottoms[0]))
    return [(*bottoms[0][:axis], param["num_output"])]


@_rule("Concat")
def _concat(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = axis_of(params.get("concat_param", {}).get("axis", 1), len(bottoms[0]))
    rests = {(*shape[:axis], *shape[axis + 1 :]) for shape in bottoms}
    require(len(rests) == 1, f"Concat on axis {axis} of {', '.join(map(str, bottoms))}")
    return [(*bottoms[0][:axis], sum(shape[axis] for shape in bottoms), *bottoms[0][axis + 1 :])]


@_rule("Slice")
def _slice(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params.get("slice_param", {})
    x = bottoms[0]
    axis = axis_of(param.get("axis", 1), len(x))
    points = list(param.get("slice_point", ()))
    if not points:
        require(x[axis] % tops == 0, f"Slice of {x[axis]} into {tops} equal parts")
        points = [x[axis] // tops * i for i in range(1, tops)]
    require(len(points) == tops - 1, f"{len(points)} slice points for {tops} tops")
    edges = [0, *points, x[axis]]
    return [(*x[:axis], b - a, *x[axis + 1 :]) for a, b in pairwise(edges)]


@_rule("Reshape")
def _reshape(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["reshape_param"]
    x = bottoms[0]
    axis = param.get("axis", 0)
    axis = axis if axis >= 0 else len(x) + axis + 1
    num_axes = param.get("num_axes", -1)
    end = len(x) if num_axes == -1 else axis + num_axes
    dims = list(param["shape"]["dim"])
    require(all(axis + i < len(x) for i, d in enumerate(dims) if d == 0), "Reshape copies an axis that is not there")
    dims = [x[axis + i] if d == 0 else d for i, d in enumerate(dims)]
    known = prod(x[:axis]) * prod(x[end:]) * prod(d for d in dims if d != -1)
    if -1 in dims:
        require(known and prod(x) % known == 0, f"Reshape of {x} to {dims}")
        dims[dims.index(-1)] = prod(x) // known
    shape = (*x[:axis], *dims, *x[end:])
    require(prod(shape) == prod(x), f"Reshape of {x} to {shape}")
    return [shape]


@_rule("Flatten")
def _flatten(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params.get("flatten_param", {})
    x = bottoms[0]
    first, last = axis_of(param.get("axis", 1), len(x)), axis_of(param.get("end_axis", -1), len(x))
    return [(*x[:first], prod(x[first : last + 1]), *x[last + 1 :])]


@_rule("Permute")
def _permute(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    order = list(params["permute_param"]["order"])
    order += [i for i in range(len(bottoms[0])) if i not in order]
    require(sorted(order) == list(range(len(bottoms[0]))), f"Permute order {order} of {len(bottoms[0])} axes")
    return [tuple(bottoms[0][i] for i in order)]


@_rule("ShuffleChannel")
def _shuffle(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    group = params["shuffle_channel_param"]["group"]
    require(len(bottoms[0]) == 4, "ShuffleChannel takes 4 axes")
    require(bottoms[0][1] % group == 0, f"ShuffleChannel of {bottoms[0][1]} channels in {group} groups")
    return [bottoms[0]]


@_rule("Tile")
def _tile(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = axis_of(params["tile_param"].get("axis", 1), len(bottoms[0]))
    shape = list(bottoms[0])
    shape[axis] *= params["tile_param"]["tiles"]
    return [tuple(shape)]


@_rule("Crop")
def _crop(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params.get("crop_param", {})
    axis = axis_of(param.get("axis", 2), len(bottoms[0]))
    offsets = list(param.get("offset", ())) or [0]
    offsets = offsets * (len(bottoms[0]) - axis) if len(offsets) == 1 else offsets
    for size, want, offset in zip(bottoms[0][axis:], bottoms[1][axis:], offsets, strict=True):
        require(offset + want <= size, f"Crop of {want} at {offset} from {size}")
    return [(*bottoms[0][:axis], *bottoms[1][axis:])]


@_rule("Reduction")
def _reduction(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = params.get("reduction_param", {}).get("axis", 0)
    return [bottoms[0][: axis_of(axis, len(bottoms[0]))] if bottoms[0] else ()]


@_rule("ArgMax")
def _argmax(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params.get("argmax_param", {})
    x, top_k = bottoms[0], param.get("top_k", 1)
    if "axis" in param:
        axis = axis_of(param["axis"], len(x))
        return [(*x[:axis], top_k, *x[axis + 1 :])]
    return [(x[0], 2 if param.get("out_max_val", False) else 1, top_k, *(1,) * (len(x) - 3))]


@_rule("Embed")
def _embed(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [(*bottoms[0], params["embed_param"]["num_output"])]


@_rule("LSTM")
def _lstm(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    hidden = params["recurrent_param"]["num_output"]
    steps, batch = bottoms[0][:2]
    state = (1, batch, hidden)
    return [(steps, batch, hidden), state, state][:tops]


@_rule("Upsample")
def _upsample(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x, scale = bottoms[0], params["upsample_param"]["scale"]
    return [(*x[:2], *(size * scale for size in x[2:]))]


@_rule("Resize")
def _resize(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """OpenCV's, by a whole factor."""
    x, factor = bottoms[0], params["resize_param"]["zoom_factor"]
    return [(*x[:2], *(size * factor for size in x[2:]))]


@_rule("PixelShuffle")
def _pixel_shuffle(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    n, c, h, w = bottoms[0]
    r = params["pixelshuffle_param"]["upscale_factor"]
    require(c % (r * r) == 0, f"PixelShuffle of {c} channels by {r}")
    return [(n, c // (r * r), h * r, w * r)]


@_rule("Pad")
def _pad(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    p = params["pad_param"]
    up, down, left, right = (p.get(f"pad_{side}", 0) for side in "udlr")
    return [(*bottoms[0][:-2], bottoms[0][-2] + up + down, bottoms[0][-1] + left + right)]


@_rule("BilinearInterpolate")
def _bilinear(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    param = params["bilinear_interpolate_param"]
    return [(*bottoms[0][:2], param["dst_h"], param["dst_w"])]


@_rule("Interp")
def _interp(params: Params, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [(*bottoms[0][:2], params["interp_param"]["height"], params["interp_param"]["width"])]
