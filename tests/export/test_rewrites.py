"""Each rewrite fires on its pattern, leaves a look-alike alone, and changes no number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from tests.export.graphs import assert_unchanged, graph, kinds, run
from toolkit.export import rewrites
from toolkit.export.batchnorm import fold_batchnorms

INT = np.int64
FIRST, SECOND = np.array(0, INT), np.array(1, INT)
RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, 1, shape).astype(np.float32)


def statistics(channels: int) -> dict[str, np.ndarray]:
    positive = RANDOM.uniform(0.5, 1.5, channels).astype(np.float32)
    return {"gamma": weights(channels), "beta": weights(channels), "mean": weights(channels), "var": positive}


def check(model: ir.Model, rewrite: Callable[[ir.Model], object], expected: list[str]) -> None:
    before = run(model)
    rewrite(model)
    assert kinds(model) == expected
    assert_unchanged(before, run(model))


SEQUENCE = """g (float[2,6,3] x) => (float[2,{a},3] a, float[2,{b},3] b) {{
    s = SplitToSequence<axis=1>(x, sizes)
    b = SequenceAt(s, second)
    a = SequenceAt(s, first)
}}"""


@pytest.mark.parametrize(
    ("sizes", "a", "b"),
    [(np.array(3, INT), 3, 3), (np.array(4, INT), 4, 2), (np.array([1, 5], INT), 1, 5)],
    ids=["even", "remainder", "sizes"],
)
def test_a_sequence_of_parts_becomes_a_split(sizes: np.ndarray, a: int, b: int) -> None:
    model = graph(SEQUENCE.format(a=a, b=b), sizes=sizes, first=FIRST, second=SECOND)
    check(model, rewrites.sequences_to_split, ["Split"])
    (split,) = model.graph
    assert [list(value.shape) for value in split.outputs] == [[2, a, 3], [2, b, 3]]


def test_a_sequence_that_is_used_as_one_stays() -> None:
    model = graph(
        """g (float[2,6] x) => (float[2,2] a, int64 n) {
            s = SplitToSequence<axis=1>(x, sizes)
            a = SequenceAt(s, first)
            n = SequenceLength(s)
        }""",
        sizes=np.array(2, INT),
        first=FIRST,
    )
    check(model, rewrites.sequences_to_split, ["SplitToSequence", "SequenceAt", "SequenceLength"])


CONV = "g (float[1,2,5,5] x) => (float[1,3,5,5] y) { y = Conv<pads=[1,1,1,1]>(x, w, b) }"


@pytest.mark.parametrize(
    ("bias", "name", "left"),
    [(np.zeros(3), "b", 2), (np.zeros(3), "is a parameter", 3), (np.ones(3), "b", 3)],
    ids=["invented", "parameter", "not-zero"],
)
def test_only_an_invented_zero_bias_is_dropped(bias: np.ndarray, name: str, left: int) -> None:
    model = graph(CONV, w=weights(3, 2, 3, 3), b=bias.astype(np.float32))
    parameters = frozenset({"b"} if name != "b" else ())
    check(model, lambda m: rewrites.drop_zero_biases(m, parameters), ["Conv"])
    assert len(model.graph[0].inputs) == left


def test_a_computed_reshape_becomes_constant_and_holds_for_any_batch() -> None:
    model = graph(
        """g (float[N,4,3] x) => (float[N,2,6] y) {
            all = Shape(x)
            n = Gather<axis=0>(all, zero)
            s = Concat<axis=0>(n, rest)
            y = Reshape<allowzero=1>(x, s)
        }""",
        zero=np.array([0], INT),
        rest=np.array([2, 6], INT),
    )
    before = run(model)
    rewrites.freeze_reshapes(model)
    reshape = model.graph[-1]
    assert reshape.inputs[1].const_value.numpy().tolist() == [-1, 2, 6]
    assert "allowzero" not in reshape.attributes
    assert_unchanged(before, run(model))


def test_a_reshape_with_two_open_dimensions_stays() -> None:
    model = graph(
        "g (float[N,M,3] x) => (float[N,M,3,1] y) { s = Shape(x) t = Concat<axis=0>(s, one) y = Reshape(x, t) }",
        one=np.array([1], INT),
    )
    rewrites.freeze_reshapes(model)
    assert model.graph[-1].inputs[1].producer() is not None


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [("2,4,3", [2, 12], "Flatten"), ("2,4,3", [8, 3], "Reshape"), ("2,4,3", [2, 4, 3], "Reshape")],
)
def test_only_a_reshape_that_keeps_the_batch_is_a_flatten(shape: str, target: list[int], expected: str) -> None:
    out = ",".join(map(str, target))
    model = graph(f"g (float[{shape}] x) => (float[{out}] y) {{ y = Reshape(x, s) }}", s=np.array(target, INT))
    check(model, rewrites.reshapes_to_flatten, [expected])


@pytest.mark.parametrize(
    ("axes", "keep", "out", "expected"),
    [
        ([2, 3], 1, "2,4,1,1", "GlobalAveragePool"),
        ([-1, -2], 1, "2,4,1,1", "GlobalAveragePool"),
        ([2, 3], 0, "2,4", "ReduceMean"),
        ([1, 2], 1, "2,1,1,6", "ReduceMean"),
        ([3], 1, "2,4,5,1", "ReduceMean"),
    ],
)
def test_only_a_mean_over_height_and_width_is_a_global_pool(
    axes: list[int], keep: int, out: str, expected: str
) -> None:
    text = f"g (float[2,4,5,6] x) => (float[{out}] y) {{ y = ReduceMean<keepdims={keep}>(x, axes) }}"
    check(graph(text, axes=np.array(axes, INT)), rewrites.means_to_global_pools, [expected])


@pytest.mark.parametrize(
    ("start", "end", "step", "out", "left"),
    [
        (0, rewrites.TO_THE_END, 1, 6, 0),
        (1, rewrites.TO_THE_END, 1, 5, 1),
        (0, 5, 1, 5, 1),
        (0, rewrites.TO_THE_END, 2, 3, 1),
    ],
)
def test_only_a_slice_of_everything_is_dropped(start: int, end: int, step: int, out: int, left: int) -> None:
    model = graph(
        f"g (float[2,6] x) => (float[2,{out}] y) {{ z = Slice(x, starts, ends, axes, steps) y = Relu(z) }}",
        **{
            name: np.array([value], INT)
            for name, value in (("starts", start), ("ends", end), ("axes", 1), ("steps", step))
        },
    )
    check(model, rewrites.drop_whole_slices, ["Slice"] * left + ["Relu"])


BN = "y = BatchNormalization<epsilon=0.01>(c, gamma, beta, mean, var)"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("op", "shape", "channels"),
    [
        ("Conv<group=2>", (6, 2, 2, 2), 6),
        ("ConvTranspose<group=2>", (4, 3, 2, 2), 6),
        ("ConvTranspose", (4, 3, 2, 2), 3),
    ],
)
def test_a_batchnorm_goes_into_the_convolution_before_it(
    op: str, shape: tuple[int, ...], channels: int, bias: bool
) -> None:
    extra = {"b": weights(channels)} if bias else {}
    operands = ", ".join(["x", "first_weight", *extra])
    model = graph(
        f"g (float[2,4,5,5] x) => (float[2,{channels},h,w] y) {{ c = {op}({operands}) {BN} }}",
        first_weight=weights(*shape),
        **extra,
        **statistics(channels),
    )
    biases = []
    check(model, lambda m: biases.extend(fold_batchnorms(m)), [op.split("<")[0]])
    assert biases == ["b" if bias else "first_bias"]


@pytest.mark.parametrize(
    "body",
    [
        f"c = Conv(x, w) {BN} z = Relu(c)",
        f"c = Conv(x, w) d = Conv(x, w) {BN} z = Relu(d)",
        f"c = Relu(x) {BN} z = Relu(y)",
        "c = Conv(x, w) y = Relu(c) z = BatchNormalization(y, gamma, beta, mean, var)",
    ],
    ids=["result-used-twice", "weights-used-twice", "no-convolution", "not-adjacent"],
)
def test_a_batchnorm_that_can_not_be_folded_stays(body: str) -> None:
    model = graph(
        f"g (float[2,4,5,5] x) => (float[2,4,5,5] y, float[2,4,5,5] z) {{ {body} }}",
        w=weights(4, 4, 1, 1),
        **statistics(4),
    )
    check(model, fold_batchnorms, kinds(model))
