"""Activations, functions of one number, Softmax and its kin, comparisons. Several uses of one kind share a row."""

from __future__ import annotations

from dataclasses import replace

from tests.cases import Case

SHAPES = ("2,3,4,5", "7", "2,3", "1,3,1", "2,3,2,1,3", "1,2,1,1")
HARD_SWISH = "u = Constant<value_float=3.0>(); z = Constant<value_float=0.0>(); s = Constant<value_float=6.0>(); "
GELU = "k = Constant<value_float=1.4142135>(); u = Constant<value_float=1.0>(); h = Constant<value_float=0.5>(); "


def everywhere(
    inputs: str, *bodies: str, opset: int = 20, low: float = -4, high: float = 4, type: str = "float"
) -> Case:
    """A row that every dialect takes, one output for each body, which is an expression or ends with `y = ...`."""
    steps = [body if "y = " in body else f"y = {body}" for body in bodies]
    text = "; ".join(step.replace("y = ", f"y{i} = ") for i, step in enumerate(steps))
    outputs = tuple(f"{type} y{i}" for i in range(len(steps)))
    return Case(inputs, text, opset, low, high, outputs, ("portable",))


def of_x(*bodies: str, shape: str = "2,3,4,5", **options: float) -> Case:
    return everywhere(f"float[{shape}] x", *bodies, **options)  # type: ignore[arg-type]


def everyone(shape: str) -> Case:
    """All activations with their defaults on one shape."""
    names = "Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Erf"
    return of_x(*(f"{name}(x)" for name in f"{names} ThresholdedRelu Exp Abs Neg Sign Shrink".split()), shape=shape)


def clip(low: float | None, high: float | None, shape: str = "2,3,4,5", spread: float = 4) -> Case:
    text = "".join(
        f"{n} = Constant<value_float={float(v)!r}>(); " for n, v in (("a", low), ("b", high)) if v is not None
    )
    bounds = [name if v is not None else "" for name, v in (("a", low), ("b", high))]
    arguments = ", ".join(["x", *bounds]).rstrip(", ")
    return of_x(f"{text}y = Clip({arguments})", shape=shape, low=-spread, high=spread)


def refused(body: str, text: str, inputs: str = "float[2,3] x") -> Case:
    return Case(inputs, body, refused=text, dialects=())


BOUNDS = {
    "relu": (0, None),
    "relu6": (0, 6),
    "relu_3": (0, 3.5),
    "one": (-1, 1),
    "unit": (0.5, 1),
    "above": (0.5, None),
    "above_minus": (-0.5, None),
    "above_tiny": (1e-12, None),
    "above_far": (-40, None),
    "below": (None, 1),
    "below_zero": (None, 0),
    "below_minus": (None, -1),
    "below_far": (None, 40),
    "uneven": (-1.5, 40),
    "far": (-1e9, 1e9),
    "crossed": (1, -1),
    "crossed_to_zero": (1, 0),
    "point": (0, 0),
    "none": (None, None),
    "unbounded": (-3.4028235e38, 3.4028235e38),
    "half_unbounded": (-3.4028235e38, 1),
}
SLOPES = {
    "channel": ("2,3,4,5", "3,1,1"),
    "channel_full_rank": ("2,3,4,5", "1,3,1,1"),
    "scalar": ("2,3,4,5", ""),
    "one": ("2,3,4,5", "1"),
    "width": ("2,3,4,5", "5"),
    "plane": ("2,3,4,5", "4,5"),
    "image": ("2,3,4,5", "3,4,5"),
    "all": ("2,3,4,5", "2,3,4,5"),
    "batch": ("2,3,4,5", "2,1,1,1"),
    "apart": ("2,3,4,5", "3,1,5"),
    "rows": ("2,3", "3"),
    "columns": ("2,3", "2,1"),
    "rank1": ("5", "5"),
    "rank3": ("2,3,4", "3,1"),
    "rank5": ("2,3,2,4,3", "3,1,1,1"),
    "rank5_last": ("2,3,2,4,3", "3"),
    "one_channel": ("2,1,4,5", "1,1,1"),
}

CASES = {
    **{f"all_{shape.replace(',', 'x')}": everyone(shape) for shape in SHAPES},
    "all_small": of_x(
        "Gelu(x)", "Erf(x)", "Tanh(x)", "Mish(x)", "HardSwish(x)", "Selu(x)", "Softsign(x)", low=-0.01, high=0.01
    ),
    "all_large": of_x(
        "Gelu(x)", "Erf(x)", "Softplus(x)", "Mish(x)", "HardSwish(x)", "Sigmoid(x)", "Elu(x)", low=-90, high=90
    ),
    "leaky_relu": of_x(*(f"LeakyRelu<alpha={a}>(x)" for a in (0.0, 0.3, -0.5, 1.0, 1.5))),
    "elu": of_x(*(f"Elu<alpha={a}>(x)" for a in (0.0, 2.5, -0.5))),
    "selu": of_x("Selu<alpha=1.5, gamma=2.0>(x)"),
    "celu": of_x("Celu<alpha=0.4>(x)", "Celu<alpha=3.0>(x)"),
    "celu_negative": refused("y = Celu<alpha=-1.0>(x)", "alpha=-1.0"),
    "hard_sigmoid": of_x(
        *(f"HardSigmoid<alpha={a}, beta={b}>(x)" for a, b in ((0.5, 0.1), (-0.5, 0.1), (0.3, -0.2), (0.16666667, 0.5)))
    ),
    "thresholded_relu": of_x(*(f"ThresholdedRelu<alpha={a}>(x)" for a in (0.0, 2.0, -0.3))),
    "gelu_tanh": of_x('Gelu<approximate="tanh">(x)'),
    "shrink": of_x(*(f"Shrink<lambd={a}, bias={b}>(x)" for a, b in ((0.5, 0.5), (1.0, 0.0), (1.0, 0.3), (0.0, 0.5)))),
    "shrink_negative": refused("y = Shrink<lambd=-1.0>(x)", "lambd=-1.0"),
    "sign_of_zero": of_x("r = Relu(x); y = Sign(r)"),
    "log_sqrt": of_x("Log(x)", "Sqrt(x)", "Reciprocal(x)", "Acosh(x)", low=1),
    "hyperbolic": of_x("Sinh(x)", "Cosh(x)", "Asinh(x)", low=-3, high=3),
    "hyperbolic_inverse": of_x("Atanh(x)", low=-0.9, high=0.9),
    "whole": of_x("Floor(x)", "Ceil(x)", "Round(x)"),
    "whole_rank1": of_x("Floor(x)", "Ceil(x)", "Round(x)", shape="9"),
    "whole_large": replace(
        of_x("Floor(x)", "Ceil(x)", "Round(x)", low=-9e6, high=9e6), tolerance=0.0, why="whole numbers, exactly"
    ),
    "whole_halves": of_x(
        "h = Constant<value_float=0.5>(); f = Floor(x); a = Add(f, h); y = Round(a)", "Floor(a)", "Ceil(a)", "Ceil(f)"
    ),
    "angles": Case(
        "float[2,3,4] x",
        "a = Sin(x); b = Cos(x); c = Tan(x); d = Atan(x)",
        outputs=tuple("abcd"),
        dialects=("opencv",),
    ),
    "arcs": Case("float[2,3] x", "a = Asin(x); b = Acos(x)", low=-1, high=1, outputs=("a", "b"), dialects=("opencv",)),
    **{f"clip_{name}": clip(*bounds) for name, bounds in BOUNDS.items()},
    **{f"clip_of_small_{name}": clip(*bounds, spread=1e-6) for name, bounds in BOUNDS.items() if bounds[0] != 0},
    "clip_rank1": clip(-1, 40, "5"),
    "clip_rank5": clip(0, 6, "1,2,3,1,4", 9),
    "clip_attributes": of_x("Clip<min=-1.0, max=0.5>(x)", "Clip<max=0.5>(x)", "Clip(x)", opset=7),
    "clip_computed": everywhere(
        "float[2,3,4] x, float[2] xb",
        "l = ReduceMin<keepdims=0>(xb); h = ReduceMax<keepdims=0>(xb); y = Clip(x, l, h)",
        opset=18,
    ),
    **{f"prelu_{name}": everywhere(f"float[{x}] x, float[{s}] s", "PRelu(x, s)") for name, (x, s) in SLOPES.items()},
    "prelu_computed": everywhere("float[2,3,4,5] x, float[3,1,1] xs", "PRelu(x, xs)"),
    # What exporters write where an operator of its own came later.
    "silu": of_x("s = Sigmoid(x); y = Mul(x, s)", "t = Sigmoid(x); y = Mul(t, x)"),
    "silu_read_twice": Case(
        "float[2,3,4] x", "s = Sigmoid(x); y = Mul(x, s)", outputs=("s", "y"), dialects=("portable",)
    ),
    "silu_steep": of_x("k = Constant<value_float=1.702>(); m = Mul(x, k); s = Sigmoid(m); y = Mul(x, s)"),
    "no_silu": of_x("r = Relu(x); s = Sigmoid(x); y = Mul(r, s)"),
    "hard_swish_by_layer": of_x("s = HardSigmoid<alpha=0.16666667, beta=0.5>(x); y = Mul(x, s)"),
    "hard_swish_divided_last": of_x(HARD_SWISH + "p = Add(x, u); c = Clip(p, z, s); m = Mul(x, c); y = Div(m, s)"),
    "hard_swish_divided_first": of_x(HARD_SWISH + "p = Add(x, u); c = Clip(p, z, s); m = Div(c, s); y = Mul(x, m)"),
    "hard_sigmoid_by_clip": of_x(HARD_SWISH + "p = Add(x, u); c = Clip(p, z, s); y = Div(c, s)"),
    "no_hard_swish": of_x("s = HardSigmoid<alpha=0.2, beta=0.5>(x); y = Mul(x, s)"),
    "mish_by_softplus": of_x("s = Softplus(x); t = Tanh(s); y = Mul(x, t)"),
    "gelu_halved_last": of_x(GELU + "d = Div(x, k); e = Erf(d); p = Add(e, u); m = Mul(x, p); y = Mul(m, h)"),
    "gelu_halved_first": of_x(GELU + "d = Div(x, k); e = Erf(d); p = Add(e, u); m = Mul(x, h); y = Mul(m, p)"),
    "gelu_gate_halved": of_x(GELU + "d = Div(x, k); e = Erf(d); p = Add(e, u); m = Mul(p, h); y = Mul(x, m)"),
    "gelu_of_scaled": of_x(
        GELU + "w = Mul(x, k); d = Div(w, k); e = Erf(d); p = Add(e, u); m = Mul(w, p); y = Mul(m, h)"
    ),
    "no_gelu": of_x(GELU + "d = Mul(x, h); e = Erf(d); p = Add(e, u); y = Mul(x, p)"),
    **{
        f"softmax_{a}": of_x(f"Softmax<axis={a}>(x)", f"LogSoftmax<axis={a}>(x)", f"Hardmax<axis={a}>(x)")
        for a in range(-1, 4)
    },
    "softmax_rank1": of_x("Softmax<axis=0>(x)", "LogSoftmax<axis=0>(x)", "Hardmax<axis=0>(x)", shape="6"),
    "softmax_rank2": of_x("Softmax(x)", "LogSoftmax(x)", "Hardmax(x)", shape="2,6"),
    "softmax_rank5": of_x("Softmax<axis=2>(x)", "LogSoftmax<axis=3>(x)", "Hardmax<axis=1>(x)", shape="2,3,2,4,3"),
    "softmax_of_one": of_x("Softmax<axis=1>(x)", "LogSoftmax<axis=1>(x)", "Hardmax<axis=1>(x)", shape="2,1,3"),
    "softmax_flattened": of_x("Softmax<axis=1>(x)", "LogSoftmax<axis=2>(x)", "Hardmax<axis=1>(x)", opset=11),
    "log_softmax_wide": of_x("LogSoftmax(x)", shape="2,50", low=-300, high=300),
    "hardmax_ties": of_x(*(f"s{a} = Sign(x); y = Hardmax<axis={a}>(s{a})" for a in (0, 1, 3))),
    "argmax": of_x(*(f"ArgMax<axis={a}>(x)" for a in range(-1, 4)), type="int64"),
    "argmax_last": of_x(*(f"ArgMax<axis={a}, select_last_index=1>(x)" for a in range(4)), type="int64"),
    "argmax_dropped": of_x("ArgMax<axis=1, keepdims=0>(x)", "ArgMin<axis=3, keepdims=0>(x)", type="int64"),
    "argmax_ties": of_x(
        "s = Sign(x); y = ArgMax<axis=1>(s)",
        "t = Sign(x); y = ArgMax<axis=1, select_last_index=1>(t)",
        shape="2,9,3",
        type="int64",
    ),
    "argmin": of_x("ArgMin<axis=1>(x)", "ArgMin<axis=2, select_last_index=1>(x)", type="int64"),
    "argmin_ties": of_x(
        "s = Sign(x); y = ArgMin<axis=1>(s)",
        "t = Sign(x); y = ArgMin<axis=1, select_last_index=1>(t)",
        shape="2,9,3",
        type="int64",
    ),
    "argmax_rank1": of_x("ArgMax(x)", shape="7", type="int64"),
    **{
        f"top_{name}": Case(
            f"float[{shape}] x",
            f"k = Constant<value=int64[1]{{1}}>(); s = {of}; y, i = TopK<{options}>(s, k)",
            outputs=("y", "int64 i"),
            dialects=("portable",),
        )
        for name, shape, options, of in (
            ("1", "2,3,4,5", "axis=1", "Relu(x)"),
            ("1_smallest", "2,3,4,5", "axis=2, largest=0", "Relu(x)"),
            ("1_ties", "2,9,3", "axis=1, sorted=0", "Sign(x)"),
            ("1_smallest_ties", "2,9", "largest=0", "Sign(x)"),
            ("1_rank1", "7", "axis=0", "Tanh(x)"),
        )
    },
    "top_2": Case(
        "float[2,6] x",
        "k = Constant<value=int64[1]{2}>(); y, i = TopK(x, k)",
        outputs=("y",),
        refused="k=2: no layer of Caffe's sorts",
        dialects=(),
    ),
    "argmax_integers": refused("a = ArgMax(x); b = Add(a, a); y = Cast<to=1>(b)", "arithmetic of type int64"),
    "comparisons": everywhere(
        "float[2,3,4] x, float[3,1] xb, float[] c",
        *(f"{op}(x, xb)" for op in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual")),
        *(f"{op}(x, c)" for op in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual")),
        type="bool",
    ),
    "equal": of_x("r = Relu(x); z = Constant<value_float=0.0>(); y = Equal(r, z)", type="bool"),
    "logic": everywhere(
        "float[2,3,4] x, float[3,1] xb, float[] c",
        "p = Greater(x, c); q = Less(xb, c); y = And(p, q)",
        "Or(p, q)",
        "Xor(p, q)",
        "Not(p)",
        type="bool",
    ),
    "where_computed": everywhere(
        "float[2,3,4] x, float[3,1] xb, float[3,4] c, float[] d",
        "p = Greater(x, d); y = Where(p, x, xb)",
        "Where(p, c, x)",
        "Where(p, x, d)",
        "Where(p, c, d)",
    ),
    "dropout": of_x("Dropout<ratio=0.3>(x)", opset=7),
    "dropout_of_none": of_x(
        "r = Constant<value_float=0.0>(); t = Constant<value=bool {1}>(); d = Dropout(x, r, t); y = Relu(d)"
    ),
    "identity": of_x("r = Relu(x); y = Identity(r)"),
    "dropout_training": refused(
        "r = Constant<value_float=0.3>(); t = Constant<value=bool {1}>(); y = Dropout(x, r, t)", "at random"
    ),
}
