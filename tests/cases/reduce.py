"""The Reduce operators over runs of axes, at the front, in the middle, at the end, and apart."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cases import Case

OPS = ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
CAFFES = ("bvlc", "bvlc-1.0", "ssd", "brocolli", "shufflenet")  # OpenCV has no blob without axes
WHERE = {
    "space": ("2,3,4,5", (2, 3)),
    "channels": ("2,3,4,5", (1,)),
    "height": ("2,3,4,5", (2,)),
    "width": ("2,3,4,5", (-1,)),
    "batch": ("2,3,4,5", (0,)),
    "image": ("2,3,4,5", (3, -2, 1)),
    "front": ("2,3,4,5", (0, 1)),
    "apart": ("2,3,4,5", (0, 2)),
    "ends": ("2,3,4,5", (0, 3)),
    "one_left": ("2,3,4,5", (0, 2, 3)),
    "none_left": ("2,3,4,5", (0, 1, 2, 3)),
    "of_ones": ("2,1,4,1", (1, 3)),
    "over_ones": ("2,3,1,5", (1, 3)),
    "odd": ("1,7,1,3", (1,)),
    "rank1": ("5", (0,)),
    "rank2_first": ("4,6", (0,)),
    "rank2_last": ("4,6", (1,)),
    "rank3_middle": ("2,5,3", (1,)),
    "rank3_last": ("2,5,3", (-1,)),
    "rank5": ("2,3,2,4,3", (1, 3)),
    "rank5_volume": ("2,3,2,4,3", (2, 3, 4)),
}


def reduced(shape: str, axes: Sequence[int] | None, keepdims: int = 1, dialects: Sequence[str] = ("portable",)) -> Case:
    """All operators over the same axes, given as an input; None: all axes."""
    steps = [] if axes is None else [f"a = Constant<value_ints=[{','.join(map(str, axes))}]>()"]
    also = "" if axes is None else ", a"
    steps += [f"y{i} = Reduce{op}<keepdims={keepdims}>(x{also})" for i, op in enumerate(OPS)]
    outputs = tuple(f"y{i}" for i in range(len(OPS)))
    return Case(f"float[{shape}] x", "; ".join(steps), low=0.2, outputs=outputs, dialects=tuple(dialects))


def left(shape: str, axes: Sequence[int]) -> Sequence[str]:
    """Who can take the result without the axes: a number without axes is for Caffe alone."""
    return ("portable",) if len(set(axes)) < len(shape.split(",")) else CAFFES


def signed(op: str, inputs: str = "float[2,3,4,5] x", attributes: str = "") -> Case:
    """An operator on numbers of both signs, over two axes."""
    body = f"a = Constant<value_ints=[1, 2]>(); y = Reduce{op}{attributes}(x, a)"
    return Case(inputs, body, low=-3, high=3, dialects=("portable",))


def old(op: str, opset: int) -> Case:
    """Axes as an attribute."""
    return Case("float[2,3,4,5] x", f"y = Reduce{op}<axes=[2, 3]>(x)", opset, low=0.2, dialects=("portable",))


CASES = {
    **{f"kept_{name}": reduced(shape, axes) for name, (shape, axes) in WHERE.items()},
    **{f"dropped_{name}": reduced(s, axes, 0, left(s, axes)) for name, (s, axes) in WHERE.items()},
    "all_kept": reduced("2,3,4,5", None),
    "all_dropped": reduced("2,3,4,5", None, 0, CAFFES),
    "all_dropped_rank1": reduced("6", None, 0, CAFFES),
    **{f"signed_{op.lower()}": signed(op) for op in OPS if op != "LogSum"},
    "prod_of_many": Case(
        "float[2,37,3] x",
        "a = Constant<value_ints=[1]>(); y = ReduceProd(x, a)",
        low=0.8,
        high=1.2,
        dialects=("portable",),
    ),
    "prod_of_powers_of_two": Case(
        "float[2,8] x", "a = Constant<value_ints=[1]>(); y = ReduceProd(x, a)", dialects=("portable",)
    ),
    "log_sum_exp_large": Case(
        "float[2,3,4] x",
        "a = Constant<value_ints=[1]>(); y = ReduceLogSumExp(x, a)",
        low=-500,
        high=500,
        dialects=("portable",),
    ),
    "mean_of_many": Case("float[1,8,56,56] x", "y = ReduceMean(x)", low=0, dialects=("portable",)),
    "sum_of_many": Case(
        "float[1,64,20,20] x", "a = Constant<value_ints=[1, 2]>(); y = ReduceSum(x, a)", dialects=("portable",)
    ),
    **{f"attribute_{op.lower()}": old(op, 13) for op in OPS if op != "Sum"},
    "attribute_sum": old("Sum", 11),
    "attribute_mean_7": old("Mean", 7),
    "no_axes_no_reduction": Case(
        "float[2,3,4] x",
        "a = Constant<value=int64[0] {}>(); y = ReduceSum<noop_with_empty_axes=1>(x, a); z = Relu(y)",
        outputs=("y", "z"),
        dialects=("portable",),
    ),
    "running": Case(
        "float[2,3,4,5] x",
        "i = Constant<value_int=1>(); j = Constant<value_int=-1>(); k = Constant<value_int=0>(); "
        "a = CumSum(x, i); b = CumSum<exclusive=1>(x, j); c = CumSum<reverse=1>(x, k); "
        "d = CumSum<exclusive=1, reverse=1>(x, i)",
        outputs=("a", "b", "c", "d"),
        dialects=("portable",),
    ),
    "running_of_a_signal": Case("float[7] x", "i = Constant<value_int=0>(); y = CumSum(x, i)", dialects=("portable",)),
    "running_too_long": Case(
        "float[1,5000] x",
        "i = Constant<value_int=1>(); y = CumSum(x, i)",
        refused="a running sum over 5000 numbers",
        dialects=(),
    ),
    "no_axes_given": Case("float[2,3,4] x", "y = ReduceMean<noop_with_empty_axes=1>(x)", dialects=("portable",)),
    "axes_computed": Case(
        "float[2,3] x",
        "i = ArgMax<axis=1, keepdims=0>(x); y = ReduceSum(x, i)",
        refused="depends on the data",
        dialects=(),
    ),
    "variance": Case(
        "float[2,3,4,5] x",
        "a = Constant<value_ints=[2, 3]>(); m = ReduceMean(x, a); d = Sub(x, m); q = Mul(d, d); "
        "v = ReduceMean(q, a); y = Div(d, v)",
        dialects=("portable",),
    ),
    "after_convolution": Case(
        "float[1,3,6,6] x, float[4,3,3,3] w",
        "v = Conv(x, w); a = Constant<value_ints=[2, 3]>(); b = Constant<value_ints=[1]>(); "
        "y = ReduceMean(v, a); z = ReduceMax(v, b)",
        outputs=("y", "z"),
        dialects=("portable",),
    ),
}
