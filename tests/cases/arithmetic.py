"""Add and its kin over ONNX's broadcasting: two computed operands, or a constant (`c`) on either side."""

from __future__ import annotations

from tests.cases import Case

# What is broadcast with what: the names say what the smaller operand has.
PAIRS = {
    "same": ("2,3,4,5", "2,3,4,5"),
    "one": ("2,3,4,5", "1"),
    "ones": ("2,3,4,5", "1,1,1,1"),
    "channel": ("2,3,4,5", "3,1,1"),
    "channel_rank4": ("2,3,4,5", "1,3,1,1"),
    "width": ("2,3,4,5", "5"),
    "height": ("2,3,4,5", "4,1"),
    "plane": ("2,3,4,5", "1,1,4,5"),
    "image": ("2,3,4,5", "3,4,5"),
    "batch": ("2,3,4,5", "2,1,1,1"),
    "gate": ("2,3,4,5", "2,3,1,1"),
    "plane_each": ("2,3,4,5", "2,1,4,5"),
    "row_each": ("2,3,4,5", "2,3,4,1"),
    "apart": ("2,3,4,5", "2,1,4,1"),
    "channel_and_width": ("2,3,4,5", "3,1,5"),
    "both_ways": ("2,3,1,5", "2,1,4,5"),
    "outer_product": ("3,1", "4"),
    "outer_product_rank4": ("2,3,1,1", "1,1,4,5"),
    "matrix_row": ("2,6", "6"),
    "matrix_column": ("4,6", "4,1"),
    "tokens": ("2,5,6", "5,6"),
    "tokens_last": ("2,5,6", "6"),
    "rank1": ("5", "5"),
    "rank1_one": ("5", "1"),
    "rank1_grown": ("1", "5"),
    "rank_raised": ("3,1,1", "2,3,4,5"),
    "rank5": ("2,3,2,4,3", "3,1,1,1"),
    "rank5_gate": ("2,3,2,4,3", "2,3,1,1,1"),
    "rank6": ("1,2,3,2,2,3", "3,1,2,1"),
    "single": ("1,1,1,1", "1,3,1,1"),
}
OPS = ("Add", "Sub", "Mul", "Div", "Max", "Min")
NARY = {
    "two": ("x, xb", "2,3,4"),
    "three": ("x, xb, xd", "2,3,4"),
    "broadcast": ("x, xb, xd", "1,4"),
    "constants": ("c, x, xb, k", "3,1"),
    "one": ("x", ""),
    "twice": ("x, x", ""),
    "thrice": ("x, x, x", ""),
}


def several(inputs: str, pairs: list[tuple[str, str, str]], low: float = 0.5) -> Case:
    """One output for each operator on its operands."""
    body = "; ".join(f"y{i} = {op}({a}, {b})" for i, (op, a, b) in enumerate(pairs))
    outputs = tuple(f"y{i}" for i in range(len(pairs)))
    return Case(inputs, body, low=low, outputs=outputs, dialects=("portable",))


def computed(a: str, b: str) -> Case:
    """Every operator on two computed operands, either way round."""
    pairs = [(op, *names) for op in OPS for names in (("x", "xb"), ("xb", "x"))]
    return several(f"float[{a}] x, float[{b}] xb", pairs)


def constant(a: str, b: str) -> Case:
    """Every operator with a constant on either side."""
    pairs = [(op, *names) for op in OPS for names in (("x", "c"), ("c", "x"))]
    return several(f"float[{a}] x, float[{b}] c", pairs)


def nary(operands: str, other: str) -> Case:
    """Sum, Mean, Max and Min of several operands, some of them of another shape."""
    names = [name for name in ("xb", "xd", "c", "k") if name in operands.split(", ")]
    inputs = ", ".join(["float[2,3,4] x", *(f"float[{other}] {name}" for name in names)])
    body = "; ".join(f"y{i} = {op}({operands})" for i, op in enumerate(("Sum", "Mean", "Max", "Min")))
    return Case(inputs, body, outputs=("y0", "y1", "y2", "y3"), dialects=("portable",))


def everywhere(inputs: str, body: str, low: float = -2, outputs: tuple[str, ...] = ()) -> Case:
    return Case(inputs, body, low=low, outputs=outputs, dialects=("portable",))


def powers(shape: str, low: float, *exponents: float) -> Case:
    steps = [f"e{i} = Constant<value_float={e!r}>(); y{i} = Pow(x, e{i})" for i, e in enumerate(exponents)]
    outputs = tuple(f"y{i}" for i in range(len(exponents)))
    return everywhere(f"float[{shape}] x", "; ".join(steps), low, outputs)


def refused(inputs: str, body: str, text: str, low: float = -2) -> Case:
    return Case(inputs, body, low=low, refused=text, dialects=())


X = "float[2,3,4] x"
ROUND = "a = Constant<value_float=12582912.0>(); "  # 3 * 2**22: what is added to it is rounded to whole numbers
CASES = {
    **{f"computed_{name}": computed(*shapes) for name, shapes in PAIRS.items()},
    **{f"constant_{name}": constant(*shapes) for name, shapes in PAIRS.items() if name != "rank6"},
    "constant_scalar": constant("2,3,4,5", ""),
    "constant_scalar_rank1": constant("5", ""),
    **{f"nary_{name}": nary(*row) for name, row in NARY.items()},
    "same_operand": everywhere(
        "float[2,3,4] x",
        "r = Relu(x); a = Add(r, r); b = Sub(r, r); c = Mul(r, r); d = Max(r, r); e = Min(r, r); f = Div(x, x)",
        0.5,
        tuple("abcdef"),
    ),
    "read_before_and_after": everywhere(X, "r = Neg(x); a = Relu(r); y = Mul(r, a); z = Add(a, r)", -2, ("y", "z")),
    "unary": everywhere(X, "a = Neg(x); b = Reciprocal(x); c = Sqrt(x)", 0.5, ("a", "b", "c")),
    "unary_rank1": everywhere("float[5] x", "a = Neg(x); b = Reciprocal(a); y = Abs(b)", 0.5),
    "pow_whole": powers("2,3,4,5", -2, 0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0),
    "pow_broken": powers("2,3,4,5", 0.3, 0.5, -0.5, 1.7, -2.3),
    "pow_rank1": powers("6", 0.3, 0.0, 1.0, 2.0, 3.0, 0.5),
    "pow_integer": everywhere(X, "e = Constant<value_int=2>(); y = Pow(x, e)"),
    "pow_grown": everywhere("float[2,1] x", "e = Constant<value_floats=[3.0, 3.0, 3.0]>(); y = Pow(x, e)"),
    "pow_each": everywhere(X, "e = Constant<value_floats=[1.0, 2.0, 2.0, -1.0]>(); y = Pow(x, e)", 0.5),
    "pow_each_channel": everywhere("float[2,3,4] x, float[3,1] c", "y = Pow(x, c)", 0.5),
    "pow_each_grown": everywhere("float[2,3,1] x", "e = Constant<value_ints=[1, 2, 2, 3]>(); y = Pow(x, e)"),
    "pow_of_sum": everywhere(
        X, "e = Constant<value_float=0.001>(); h = Constant<value_float=-0.5>(); s = Add(x, e); y = Pow(s, h)", 0.5
    ),
    "pow_of_base": everywhere(X, "b = Constant<value_float=2.0>(); y = Pow(b, x)"),
    "pow_of_e": everywhere(X, "b = Constant<value_float=2.718281828>(); y = Pow(b, x)"),
    "pow_of_one": everywhere(
        X, "b = Constant<value_float=1.0>(); r = Relu(x); y = Pow(b, r); z = Add(y, r)", -2, ("y", "z")
    ),
    "pow_of_bases": everywhere("float[2,3,4] x, float[3,1] c", "y = Pow(c, x)", 0.5),
    "pow_negative_base": refused("float[2,3] x, float[3] c", "y = Pow(c, x)", "not positive", -2),
    "pow_computed": refused("float[2,3] x, float[2,3] xb", "y = Pow(x, xb)", "the exponent is computed", 0.5),
    "division_by_zero": refused("float[2,3] x", "z = Constant<value_float=0.0>(); y = Div(x, z)", "a division by zero"),
    "zero_over": everywhere(X, "z = Constant<value_float=0.0>(); a = Div(z, x); y = Add(a, x)", 0.5),
    "infinite": refused("float[2,3] x", "c = Constant<value=float {inf}>(); y = Mul(x, c)", "arithmetic with infinity"),
    "times_one": everywhere(X, "u = Constant<value_float=1.0>(); y = Mul(x, u); z = Relu(y)", -2, ("y", "z")),
    "chain": everywhere(
        X,
        "a = Constant<value_float=3.0>(); b = Constant<value_float=-2.0>(); "
        "p = Mul(x, a); q = Add(p, b); r = Mul(q, b); s = Sub(r, a); t = Sub(a, s); y = Div(t, b)",
    ),
    "chain_read_between": everywhere(X, "a = Constant<value_float=3.0>(); p = Mul(x, a); q = Add(p, a); y = Mul(p, q)"),
    "large_shift": everywhere(X, "a = Constant<value_float=4096.0>(); p = Add(x, a); y = Sub(p, a)"),
    "rounded_by_shift": everywhere(X, ROUND + "p = Add(x, a); y = Sub(p, a)"),
    "rounded_by_shift_after_convolution": everywhere(
        "float[1,3,4,4] x, float[4,3,1,1] w", ROUND + "v = Conv(x, w); p = Add(v, a); q = Sub(p, a); y = Neg(q)"
    ),
    "rounded_by_shift_before_convolution": everywhere(
        "float[1,3,4,4] x, float[4,3,1,1] w", ROUND + "p = Add(x, a); q = Sub(p, a); y = Conv(q, w)"
    ),
    "rounded_to_steps": everywhere(
        "float[1,3,4,4] x",
        ROUND + "s = Constant<value_float=0.25>(); d = Div(x, s); p = Add(d, a); q = Sub(p, a); y = Mul(q, s)",
    ),
    "rounded_to_tenths": everywhere(
        "float[1,3,4,4] x",
        ROUND + "s = Constant<value_float=0.1>(); d = Div(x, s); p = Add(d, a); q = Sub(p, a); y = Mul(q, s)",
    ),
    # OpenCV would take a factor after a power for one inside it.
    "power_then_factor": everywhere(X, "h = Constant<value_float=2.0>(); s = Sqrt(x); m = Mul(s, h); y = Relu(m)", 0.5),
    "power_then_factor_rank1": everywhere(
        "float[6] x", "h = Constant<value_float=2.0>(); s = Sqrt(x); m = Mul(s, h); y = Relu(m)", 0.5
    ),
    "inverse_then_factor": everywhere(
        X, "h = Constant<value_float=-2.0>(); s = Reciprocal(x); m = Mul(s, h); y = Abs(m)", 0.5
    ),
    "maximum_of_all": everywhere(
        X, "m = ReduceMax<keepdims=0>(x); a = Add(x, m); b = Sub(m, x); y = Mul(a, b); z = Min(x, m)", -2, ("y", "z")
    ),
    "numbers_between": everywhere(
        "float[6] x",
        "m = ReduceMax<keepdims=0>(x); n = Mul(m, m); s = Sqrt(n); t = Sub(s, m); y = Add(x, t); z = Div(x, n)",
        0.5,
        ("y", "z"),
    ),
    "after_convolution": everywhere(
        "float[1,3,4,4] x, float[4,3,3,3] w, float[4,1,1] c, float[4,4] k, float[4,1,1] d",
        "v = Conv<pads=[1,1,1,1]>(x, w); a = Mul(v, c); b = Add(a, k); e = Relu(b); f = Mul(e, k); y = Add(f, d)",
    ),
    "before_convolution": everywhere(
        "float[1,3,4,4] x, float[4,3,3,3] w, float[3,1,1] c, float[4] k, float[3,1,1] d",
        "a = Mul(x, c); b = Add(a, d); e = Mul(b, k); y = Conv(e, w)",
    ),
    "gate_of_pooled": everywhere(
        "float[2,4,5,5] x, float[4,4,1,1] w",
        "p = GlobalAveragePool(x); q = Conv(p, w); s = Sigmoid(q); y = Mul(x, s); z = Add(x, s)",
        -2,
        ("y", "z"),
    ),
}
