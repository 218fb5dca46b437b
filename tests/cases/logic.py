"""Comparisons and truth values: all ranks, broadcasting, ties, numbers near and far, constants on either side."""

from __future__ import annotations

from tests.cases import Case

COMPARISONS = ("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal")
GATES = ("And", "Or", "Xor")
PAIRS = {
    "same": ("2,3,4,5", "2,3,4,5"),
    "one": ("2,3,4,5", "1"),
    "channel": ("2,3,4,5", "3,1,1"),
    "width": ("2,3,4,5", "5"),
    "batch": ("2,3,4,5", "2,1,1,1"),
    "apart": ("2,3,4,5", "2,1,4,1"),
    "both_ways": ("2,3,1,5", "2,1,4,5"),
    "outer": ("3,1", "4"),
    "rank1": ("5", "5"),
    "rank1_one": ("1", "5"),
    "rank_raised": ("3,1", "2,3,4"),
    "rank5": ("2,3,2,1,3", "3,1,4,1"),
}
# Numbers that meet: rounded to halves, so that about one pair in nine is equal.
HALVES = "a = Constant<value_float=12582912.0>(); "


def halved(name: str) -> str:
    return f"{name}p = Add({name}, a); {name}r = Sub({name}p, a); "


def compared(left: str, right: str, constant: bool) -> Case:
    """Every comparison, either way round, of numbers of which some are equal."""
    other = "c" if constant else "xb"
    body = HALVES + halved("x") + halved(other)
    pairs = [(op, *names) for op in COMPARISONS for names in (("xr", f"{other}r"), (f"{other}r", "xr"))]
    return truths(f"float[{left}] x, float[{right}] {other}", [f"{op}({p}, {q})" for op, p, q in pairs], body)


def truths(
    inputs: str, expressions: list[str], before: str = "", low: float = -2, high: float = 2, type: str = "bool"
) -> Case:
    body = before + "; ".join(f"y{i} = {expression}" for i, expression in enumerate(expressions))
    outputs = tuple(f"{type} y{i}" for i in range(len(expressions)))
    return Case(inputs, body, low=low, high=high, outputs=outputs, dialects=("portable",))


def gates(left: str, right: str) -> Case:
    """Every connective of two computed truths, either way round."""
    before = "z = Constant<value_float=0.0>(); p = Greater(x, z); q = Less(xb, z); "
    expressions = [f"{op}({names})" for op in GATES for names in ("p, q", "q, p")]
    return truths(f"float[{left}] x, float[{right}] xb", [*expressions, "Not(p)"], before)


def fixed(shape: str, *values: int) -> Case:
    """Every connective with a constant truth on either side."""
    mask = f"m = Constant<value=bool[{shape}]{{{','.join(map(str, values))}}}>(); "
    before = mask + "z = Constant<value_float=0.0>(); p = Greater(x, z); "
    return truths("float[2,3,4] x", [f"{op}({names})" for op in GATES for names in ("p, m", "m, p")], before)


def everywhere(inputs: str, body: str, **options: float) -> Case:
    return Case(inputs, body, dialects=("portable",), **options)  # type: ignore[arg-type]


def refused(inputs: str, body: str, text: str, output: str = "bool y") -> Case:
    return Case(inputs, body, outputs=(output,), refused=text, dialects=())


X = "float[2,3,4] x"
TWO = "float[2,3,4] x, float[2,3,4] xb"
THREE = "k = Constant<value_int=3>(); "
CASES = {
    **{f"compared_{name}": compared(*shapes, False) for name, shapes in PAIRS.items()},
    **{f"compared_constant_{name}": compared(*shapes, True) for name, shapes in PAIRS.items()},
    **{f"gates_{name}": gates(*shapes) for name, shapes in PAIRS.items()},
    "gates_constant": fixed("4", 1, 0, 0, 1),
    "gates_constant_rows": fixed("3,1", 0, 1, 1),
    "gates_constant_full_rank": fixed("1,3,1", 0, 1, 0),
    "gates_true": fixed("1", 1),
    "gates_false": fixed("1", 0),
    "near": truths(TWO, [f"{op}(x, xb)" for op in COMPARISONS], low=-1e-20, high=1e-20),
    "far": truths(TWO, [f"{op}(x, xb)" for op in COMPARISONS], low=-1e20, high=1e20),
    "near_itself": truths(
        X,
        [f"{op}(x, s)" for op in COMPARISONS] + [f"{op}(s, x)" for op in COMPARISONS],
        "e = Constant<value_float=1.0000001>(); s = Mul(x, e); ",
        low=1,
    ),
    "with_itself": truths(X, [f"{op}(x, x)" for op in COMPARISONS]),
    "zero": truths(
        X,
        [f"{op}(r, z)" for op in COMPARISONS] + [f"{op}(z, r)" for op in COMPARISONS],
        "r = Relu(x); z = Constant<value_float=0.0>(); ",
    ),
    "threshold_far": truths(X, [f"{op}(x, z)" for op in COMPARISONS], "z = Constant<value_float=1e30>(); "),
    "indices": truths(X, [f"{op}(i, k)" for op in COMPARISONS], THREE + "i = ArgMax<axis=2>(x); ", low=-1, high=1),
    "indices_compared": truths(
        TWO, [f"{op}(i, j)" for op in COMPARISONS], "i = ArgMax<axis=2>(x); j = ArgMin<axis=2>(xb); "
    ),
    "truths_equal": truths(
        TWO, ["Equal(p, q)"], "z = Constant<value_float=0.0>(); p = Greater(x, z); q = Less(xb, z); "
    ),
    "mask": everywhere(X, "z = Constant<value_float=0.5>(); g = Greater(x, z); m = Cast<to=1>(g); y = Mul(x, m)"),
    "mask_of_channels": everywhere(
        "float[2,3,4,5] x, float[4,3,1,1] w",
        "p = GlobalAveragePool(x); z = Constant<value_float=0.0>(); g = Less(p, z); "
        "m = Cast<to=1>(g); n = Mul(x, m); y = Conv(n, w)",
    ),
    "truth_passed_on": truths(
        X,
        ["Transpose<perm=[2,0,1]>(g)", "Unsqueeze(g, n)", "Concat<axis=1>(g, h)", "Identity(g)"],
        "z = Constant<value_float=0.0>(); n = Constant<value_ints=[1]>(); g = Greater(x, z); h = Less(x, z); ",
    ),
    "choice": everywhere(TWO, "g = Greater(x, xb); y = Where(g, x, xb)"),
    "choice_of_scalars": everywhere(
        X, "z = Constant<value_float=0.0>(); u = Constant<value_float=3.0>(); g = Greater(x, z); y = Where(g, u, z)"
    ),
    "choice_broadcast": everywhere(
        "float[2,3,4] x, float[4] xb, float[3,1] xd",
        "z = Constant<value_float=0.0>(); g = Greater(x, z); y = Where(g, xb, xd)",
    ),
    "choice_grown": everywhere(
        "float[3,1] x, float[2,1,4] xb, float[1] c",
        "z = Constant<value_float=0.0>(); g = Greater(x, z); y = Where(g, xb, c)",
    ),
    "choice_rank1": everywhere("float[5] x, float[5] xb", "g = Less(x, xb); y = Where(g, xb, x)"),
    "choice_rank5": everywhere("float[2,3,2,1,3] x, float[3,1,4,1] xb", "g = Less(x, xb); y = Where(g, xb, x)"),
    "choice_of_indices": truths(
        TWO,
        ["Where(g, i, j)", "Max(i, j)", "Min(i, j)", "Max(j, i)"],
        "g = Greater(x, xb); i = ArgMax<axis=2>(x); j = ArgMin<axis=2>(xb); ",
        type="int64",
    ),
    "nested": everywhere(
        TWO,
        "g = Greater(x, xb); n = Not(g); z = Constant<value_float=0.5>(); "
        "h = Less(x, z); o = Or(n, h); y = Where(o, x, xb)",
    ),
    "choice_infinite": refused(
        TWO, "z = Constant<value=float {inf}>(); g = Greater(x, xb); y = Where(g, x, z)", "not finite", "float y"
    ),
    "compared_with_infinity": refused(X, "z = Constant<value=float {inf}>(); y = Less(x, z)", "arithmetic with"),
    "indices_far": refused(
        X, "k = Constant<value_int=16777217>(); i = ArgMax<axis=2>(x); y = Less(i, k)", "beyond 2**24"
    ),
    "indices_at_most": refused(
        X, THREE + "i = ArgMax<axis=2>(x); y = Min(i, k)", "arithmetic of type int64", "int64 y"
    ),
    "indices_multiplied": refused(
        X, THREE + "i = ArgMax<axis=2>(x); y = Mul(i, k)", "arithmetic of type int64", "int64 y"
    ),
    "is_nan": refused(X, "y = IsNaN(x)", "no Caffe form of IsNaN"),
}
