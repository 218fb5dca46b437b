"""What each dialect refuses and takes, and that the engines bear the table out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, emit, layer
from converters.caffe.net import Shape
from converters.dialects import DIALECTS, find, legalise
from converters.dialects.base import Rule, intersection, rule
from converters.errors import ToolkitError
from tests import engines
from tests.conformance.judge import difference
from tests.converters.random_nets import random_net
from toolkit import runners
from toolkit.runners.base import RunnerError

Make = Callable[..., Blob]
CAFFES = ("bvlc-1.0", "bvlc", "ssd", "shufflenet", "brocolli")
OPENCV = ("opencv", "portable")


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(0.3, 1.7, shape).astype(np.float32)


@dataclass(frozen=True)
class Limit:
    """A form that the dialects refuse with a reason, and its nearest form that they take."""

    dialects: tuple[str, ...]
    reason: str
    bad: Make
    good: Make
    shapes: tuple[Shape, ...] = ((2, 4, 6, 6),)
    good_shapes: tuple[Shape, ...] | None = None
    measured: bool = True  # False: no engine here tells the two apart
    low: float = -2.0

    def inputs(self, good: bool) -> list[Blob]:
        shapes = self.good_shapes if good and self.good_shapes is not None else self.shapes
        return [layers.input_(f"x{i}", shape) for i, shape in enumerate(shapes)]


def conv(x: Blob, out: int = 4) -> Blob:
    ones = (1,) * (x.rank - 2)
    return layers.convolution(x, weights(out, x.shape[1], *ones), weights(out), stride=ones, pad=(0,) * len(ones))


def deconv(x: Blob, group: int) -> Blob:
    weight = weights(x.shape[1], 4 // group, 2, 2)
    return layers.convolution(x, weight, stride=(2, 2), group=group, transposed=True)


def affine(x: Blob, axis: int = 1, count: int = 1) -> Blob:
    shape = x.shape[axis : axis + count]
    return layers.scale(x, weights(*shape), weights(*shape), axis=axis)


def normed(x: Blob) -> Blob:
    return layers.batch_norm(x, weights(x.shape[1]), weights(x.shape[1]), 1e-3)


def sloped(x: Blob) -> Blob:
    return layers.prelu(x, weights(x.shape[1]))


def squared(x: Blob) -> Blob:
    return layers.power(x, power=2)


def doubled(x: Blob) -> Blob:
    return layers.power(x, scale=2, shift=1)


def gated(x: Blob) -> Blob:
    return layers.mul(x, layers.neuron("Sigmoid", x))


def rows(x: Blob) -> Blob:
    return layers.inner_product(x, weights(5, x.shape[-1]), axis=x.rank - 1)


def centred(x: Blob) -> Blob:
    return layers.neuron("MVN", x, mvn_param={"normalize_variance": False})


def pool(x: Blob, kernel: tuple[int, int], stride: int, pad: tuple[int, int] = (0, 0)) -> Blob:
    return layers.pooling(x, "MAX", kernel, stride=(stride, stride), pad=pad)


def flat(x: Blob) -> Blob:
    return layers.reshape(x, (x.shape[0] * x.shape[1],))


def lrn(x: Blob, **param: object) -> Blob:
    return layers.neuron("LRN", x, lrn_param={"local_size": 3, "alpha": 0.5, "beta": 0.75, **param})


LIMITS = {
    # What Caffe itself aborts on.
    "prelu_5d": Limit((*CAFFES, *OPENCV), "2 to 4 axes, not 5", sloped, sloped, ((1, 2, 3, 2, 2),), ((1, 2, 3, 2),)),
    "prelu_1d": Limit(CAFFES, "2 to 4 axes, not 1", lambda x: layers.prelu(x, weights(1)), sloped, ((3,),), ((3, 2),)),
    "batch_norm_1d": Limit(
        CAFFES,
        "to 32 axes, not 1",
        lambda x: layers.batch_norm(x, weights(1), weights(1), 0.1),
        normed,
        ((3,),),
        ((3, 2),),
    ),
    "bias_0d": Limit(
        CAFFES,
        "to 32 axes, not 0",
        lambda x: layers.bias(x, weights(), axis=0),
        lambda x: layers.bias(x, weights(), axis=0),
        ((),),
        ((3,),),
    ),
    "lrn_within_k": Limit(
        (*CAFFES, *OPENCV),
        "ignores k",
        lambda x: lrn(x, norm_region="WITHIN_CHANNEL", k=2.0),
        lambda x: lrn(x, norm_region="WITHIN_CHANNEL"),
        measured=False,
    ),
    "normalize_5d": Limit(
        ("ssd", "brocolli"),
        "2 to 4 axes, not 5",
        lambda x: layer("Normalize", x, blobs=(weights(),)).tops[0],
        lambda x: layer("Normalize", x, blobs=(weights(),)).tops[0],
        ((2, 3, 2, 2, 2),),
        ((2, 3, 2, 2),),
    ),
    "pad_3d": Limit(
        ("brocolli",),
        "4 axes, not 3",
        lambda x: layer("Pad", x, pad_param={"pad_u": 1}).tops[0],
        lambda x: layer("Pad", x, pad_param={"pad_u": 1}).tops[0],
        ((2, 3, 4),),
        measured=False,
        good_shapes=((2, 3, 4, 4),),
    ),
    "pad_negative": Limit(
        ("brocolli",),
        "negative pad_u",
        lambda x: layer("Pad", x, pad_param={"pad_u": -1}).tops[0],
        lambda x: layer("Pad", x, pad_param={"pad_u": 1}).tops[0],
        measured=False,
    ),
    "upsample_5d": Limit(
        ("brocolli",),
        "4 axes, not 5",
        lambda x: layer("Upsample", x, upsample_param={"scale": 2}).tops[0],
        lambda x: layer("Upsample", x, upsample_param={"scale": 2}).tops[0],
        ((1, 2, 2, 2, 2),),
        ((1, 2, 2, 2),),
        measured=False,
    ),
    # What OpenCV does otherwise.
    "dilated_deconvolution": Limit(
        OPENCV,
        "ignores dilation",
        lambda x: layers.convolution(x, weights(4, 3, 3, 3), dilation=(2, 2), transposed=True),
        lambda x: layers.convolution(x, weights(4, 3, 3, 3), transposed=True),
    ),
    "deconvolution_1d": Limit(
        OPENCV,
        "takes 4 axes, not 3",
        lambda x: layers.convolution(x, weights(4, 3, 2), stride=(2,), pad=(0,), dilation=(1,), transposed=True),
        lambda x: layers.convolution(x, weights(4, 3, 2, 2), stride=(2, 2), transposed=True),
        ((2, 4, 6),),
        ((2, 4, 6, 6),),
    ),
    "convolution_3d_short": Limit(
        OPENCV,
        "needs 3 values of kernel_size",
        lambda x: layer(
            "Convolution",
            x,
            blobs=(weights(3, 4, 2, 2, 2),),
            convolution_param={"num_output": 3, "bias_term": False, "kernel_size": 2},
        ).tops[0],
        lambda x: layer(
            "Convolution",
            x,
            blobs=(weights(3, 4, 2, 2, 2),),
            convolution_param={"num_output": 3, "bias_term": False, "kernel_size": [2, 2, 2]},
        ).tops[0],
        ((1, 4, 3, 4, 5),),
    ),
    "window_beyond": Limit(
        OPENCV, "last window beyond", lambda x: pool(x, (1, 1), 3), lambda x: pool(x, (2, 2), 2), ((2, 4, 6, 9),)
    ),
    "window_beyond_unpadded_axis": Limit(
        OPENCV,
        "last window beyond",
        lambda x: pool(x, (2, 2), 3, (1, 0)),
        lambda x: pool(x, (2, 2), 3, (1, 1)),
        ((2, 4, 6, 9),),
    ),
    "biased_scale_by": Limit(
        OPENCV,
        "has no bias",
        lambda x, y: layer("Scale", x, y, blobs=(weights(4),), scale_param={"bias_term": True}).tops[0],
        lambda x, y: layer("Scale", x, y).tops[0],
        ((2, 4, 6, 6), (4,)),
    ),
    "batch_statistics": Limit(OPENCV, "own eps", lambda x: layers.batch_statistics(x, 1e-2), normed, ((1, 4, 6, 6),)),
    "lrn_k": Limit(OPENCV, "ignores k", lambda x: lrn(x, k=2.0), lrn),
    "log_base": Limit(
        OPENCV,
        "ignores base",
        lambda x: layers.neuron("Log", x, log_param={"base": 2.0}),
        lambda x: layers.neuron("Log", x),
        low=0.1,
    ),
    "mvn_eps": Limit(OPENCV, "eps elsewhere", lambda x: layers.neuron("MVN", x, mvn_param={"eps": 0.1}), centred),
    "mvn_3d": Limit(OPENCV, "4 axes, not 3", centred, centred, ((2, 4, 6),), ((2, 4, 6, 6),)),
    "concat_of_one": Limit(
        OPENCV,
        "at least two",
        lambda x: layer("Concat", x, concat_param={"axis": 0}).tops[0],
        lambda x: layer("Concat", x, x).tops[0],
    ),
    "slice_without_points": Limit(
        OPENCV,
        "at least one slice_point",
        lambda x: layer("Slice", x, tops=2, slice_param={"axis": 2}).tops[0],
        lambda x: layers.slices(x, 2, [3])[0],
        measured=False,  # in a file of ours every top of a Slice is read; OpenCV is right by luck there
    ),
    "scalar": Limit(
        OPENCV,
        "without axes",
        lambda x: layers.relu(layers.reshape(x, ())).node.bottoms[0],
        lambda x: layers.reshape(x, (1, 1)),
        ((1,),),
    ),
    "one_axis": Limit(
        OPENCV,
        "a blob with one axis",
        lambda x, y: layers.mul(flat(x), y),
        lambda x, y: layers.mul(x, y),
        ((3, 4), (12,)),
        ((3, 4), (3, 4)),
    ),
    "permute_short": Limit(
        ("opencv",),
        "full order",
        lambda x: layer("Permute", x, permute_param={"order": [1]}).tops[0],
        lambda x: layer("Permute", x, permute_param={"order": [1, 0, 2, 3]}).tops[0],
    ),
    "normalize_factors": Limit(
        ("opencv",),
        "one factor for all",
        lambda x: layer("Normalize", x, blobs=(weights(4),), norm_param={"channel_shared": False}).tops[0],
        lambda x: layer("Normalize", x, blobs=(weights(),), norm_param={"channel_shared": True}).tops[0],
    ),
    # What OpenCV fuses.
    "convolution_then_scale_by_column": Limit(
        OPENCV, "wrongly into the Convolution", lambda x: affine(conv(x, 6), 3), lambda x: affine(conv(x, 6))
    ),
    "convolution_norm_then_scale": Limit(
        OPENCV,
        "wrongly into the Convolution",
        lambda x: affine(normed(conv(x)), 2, 2),
        lambda x: affine(layers.relu(normed(conv(x))), 2, 2),
    ),
    "grouped_deconvolution_then_norm": Limit(
        OPENCV, "grouped Deconvolution", lambda x: normed(deconv(x, 4)), lambda x: normed(deconv(x, 1))
    ),
    "grouped_deconvolution_then_scale": Limit(
        OPENCV, "grouped Deconvolution", lambda x: affine(deconv(x, 2)), lambda x: affine(layers.relu(deconv(x, 2)))
    ),
    "eltwise_then_norm": Limit(
        OPENCV, "not images", lambda x: normed(gated(x)), lambda x: normed(layers.relu(gated(x))), ((2, 4, 6),)
    ),
    "eltwise_then_prelu": Limit(
        OPENCV,
        "not images",
        lambda x: sloped(layers.sub(gated(x), x)),
        lambda x: sloped(gated(x)),
        ((2, 4, 6),),
        ((2, 4, 6, 6),),
    ),
    "rows_then_norm": Limit(
        OPENCV, "more rows", lambda x: normed(rows(x)), lambda x: normed(rows(x)), ((2, 4, 6),), ((2, 6),)
    ),
    "rows_then_prelu": Limit(
        OPENCV, "more rows", lambda x: sloped(rows(x)), lambda x: sloped(layers.relu(rows(x))), ((2, 4, 6),)
    ),
    "mvn_then_power": Limit(OPENCV, "MVN before it", lambda x: doubled(centred(x)), lambda x: squared(centred(x))),
    "square_then_double": Limit(
        OPENCV, "Power before it", lambda x: doubled(squared(x)), lambda x: squared(doubled(x))
    ),
    "square_then_one_factor": Limit(
        OPENCV,
        "Power before it",
        lambda x: affine(squared(x)),
        lambda x: affine(squared(x)),
        ((2, 1, 6, 6),),
        ((2, 4, 6, 6),),
    ),
}


def refusal(dialect: str, blob: Blob) -> str:
    return DIALECTS[dialect].blocks(blob.node)


@pytest.mark.parametrize("name", LIMITS)
def test_limit(name: str) -> None:
    """The bad form is refused for its reason, the good one is not, in every dialect that has the limit."""
    limit = LIMITS[name]
    for dialect in limit.dialects:
        assert limit.reason in refusal(dialect, limit.bad(*limit.inputs(good=False))), dialect
        assert refusal(dialect, limit.good(*limit.inputs(good=True))) == "", dialect


def outcome(engine: str, made: Blob, inputs: list[Blob], low: float, folder: Path) -> np.ndarray | str:
    """What the engine computes, or why it does not."""
    rng = np.random.default_rng(7)
    feeds = {f"x{i}": rng.uniform(low, 2, blob.shape).astype(np.float32) for i, blob in enumerate(inputs)}
    net = emit("net", {**{f"x{i}": blob for i, blob in enumerate(inputs)}, "y": made}, ["y"], inputs)
    try:
        return engines.run_net(engine, net, feeds, folder)["y"]
    except RunnerError as error:
        return str(error)


def agree(made: Blob, inputs: list[Blob], low: float, folder: Path) -> bool:
    """Whether OpenCV and real Caffe compute the same."""
    one, other = (outcome(engine, made, inputs, low, folder) for engine in ("opencv", "caffe"))
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and not difference(other, one)


@pytest.mark.parametrize("name", [name for name, limit in LIMITS.items() if limit.measured])
def test_limit_is_the_engines(name: str, tmp_path: Path) -> None:
    """Where a limit says so, the engines do differ; where it does not, they agree: a limit that went stale is found."""
    limit = LIMITS[name]
    if missing("opencv") or missing("caffe"):
        pytest.skip(missing("opencv") or missing("caffe"))
    bad, good = limit.inputs(good=False), limit.inputs(good=True)
    assert not agree(limit.bad(*bad), bad, limit.low, tmp_path)
    if not set(limit.dialects) & set(OPENCV):
        assert isinstance(outcome("caffe", limit.good(*good), good, limit.low, tmp_path), np.ndarray)
    else:
        assert agree(limit.good(*good), good, limit.low, tmp_path)


def test_portable_is_what_all_five_have() -> None:
    portable = DIALECTS["portable"].layers
    for name in ("bvlc-1.0", "bvlc", "ssd", "brocolli", "opencv"):
        layers_of = DIALECTS[name].layers
        assert portable.keys() <= layers_of.keys()
        for kind, found in portable.items():
            assert found.fields <= layers_of[kind].fields, (name, kind)
            assert set(found.checks) >= set(layers_of[kind].checks), (name, kind)
    assert not {"Clip", "Swish", "Permute", "Bias", "Tile", "Reduction", "HardSwish"} & portable.keys()
    assert not {"round_mode", "ceil_mode"} & portable["Pooling"].fields


def test_intersection() -> None:
    def check(node: Node) -> str:
        return "never"

    one = {"A": rule("a_param", "x y"), "B": rule("b_param"), "C": rule()}
    two = {"A": rule("a_param", "y z", check), "B": rule("other_param")}
    assert intersection(one, two) == {"A": Rule("a_param", frozenset({"y"}), (check,))}


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"pooling_param": {"pool": "MAX", "kernel_size": 2, "round_mode": "FLOOR"}}, "does not know round_mode"),
        ({"pool_param": {}}, "has no pool_param"),
        ({"pooling_param": {"pool": "MAX", "kernel_size": 2, "engine": "CAFFE"}, "phase": "TEST"}, ""),
    ],
)
def test_fields(params: dict[str, dict[str, object]], reason: str) -> None:
    x = layers.input_("x", (1, 2, 4, 4))
    node = Node("Pooling", (x,), params, (), ((1, 2, 2, 2),))
    assert DIALECTS["portable"].layers["Pooling"].blocks(node).endswith(reason)
    assert bool(DIALECTS["portable"].layers["Pooling"].blocks(node)) == bool(reason)


def test_a_gates_line_is_a_scale_where_portable_is_written() -> None:
    """Power where nothing else serves: not of an image, which OpenCV scales slowly, nor where OpenCV would fuse it."""
    x = layers.input_("x0", (1, 4, 1, 1))
    image = layers.input_("x1", (1, 4, 3, 3))
    lines = {
        "gate": layers.power(layers.relu(x), scale=-1, shift=1),
        "image": layers.power(layers.relu(image), scale=-1, shift=1),
        "fused": layers.power(deconv(x, 4), scale=-1, shift=1),
        "exponent": layers.power(x, power=0.5, shift=4),
        "rounding": layers.power(layers.relu(x), shift=3 * 2.0**22),
    }
    net = emit("net", {"x0": x, "x1": image, **lines}, list(lines), [x, image])
    kinds = [
        {top: item.type for item in legalise(net, DIALECTS["portable"], last=last).net.layers for top in item.tops}
        for last in (False, True)
    ]
    assert [kinds[0][name] for name in lines] == ["Power"] * 5
    assert [kinds[1][name] for name in lines] == ["Scale", "Power", "Power", "Power", "Power"]
    assert "Reshape" not in kinds[1].values()


def test_an_unknown_dialect_is_told() -> None:
    with pytest.raises(ToolkitError, match=r"unknown dialect 'cafe'; known: .*portable.*\.toml file"):
        find("cafe")


@pytest.mark.parametrize("name", [name for name in LIMITS if "_then_" in name])
def test_a_reshape_keeps_apart_what_would_be_fused(name: str, tmp_path: Path) -> None:
    """Legalised, the bad form is right in both engines."""
    inputs = LIMITS[name].inputs(good=False)
    net = emit("net", {"x0": inputs[0], "y": LIMITS[name].bad(*inputs)}, ["y"], inputs)
    legal = legalise(net, DIALECTS["portable"])
    assert legal.problems == ()
    before = [item.type for item in net.layers].count("Reshape")
    kinds = [item.type for item in legal.net.layers]
    # InnerProduct over rows has a view before and one behind in portable, which keeps apart as well as one more would.
    assert kinds.count("Reshape") == before + (2 if name.startswith("rows_then_") else 1)
    assert kinds[-2] == "Reshape"
    for dialect in CAFFES:
        unchanged = legalise(net, DIALECTS[dialect]).net
        assert [item.type for item in unchanged.layers].count("Reshape") == before, dialect
    feeds = {"x0": np.random.default_rng(1).uniform(-2, 2, inputs[0].shape).astype(np.float32)}
    got = [engines.run_net(e, legal.net, feeds, tmp_path)["y"] for e in ("opencv", "caffe") if not missing(e)]
    assert all(difference(got[0], other) == "" for other in got[1:])


def missing(engine: str) -> str:
    return runners.available()[engine]


@pytest.mark.parametrize("seed", range(0, 300, 10))
def test_random_nets_agree(seed: int, tmp_path: Path) -> None:
    """Whatever layers follow one another: what portable takes, OpenCV and real Caffe compute alike."""
    if missing("opencv") or missing("caffe"):
        pytest.skip(missing("opencv") or missing("caffe"))
    compared = 0
    for one in range(seed, seed + 10):
        net, feeds = random_net(one)
        legal = legalise(net, DIALECTS["portable"])
        if legal.problems:
            continue
        compared += 1
        got = [engines.run_net(engine, legal.net, feeds, tmp_path)["y"] for engine in ("opencv", "caffe")]
        fault = difference(got[1], got[0])
        assert not fault, f"seed {one}: {' -> '.join(item.type for item in legal.net.layers)}: {fault}"
    assert compared >= 5, f"portable refused {10 - compared} of 10"
