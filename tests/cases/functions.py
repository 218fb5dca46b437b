"""Functions of one number over all ranks, near 0, at its edges and far out."""

from __future__ import annotations

from dataclasses import replace

from tests.cases import Case

SHAPES = ("2,3,4,5", "7", "2,3", "1,3,1", "2,3,2,1,3", "1,1,1,1")
ANY = ("Exp", "Abs", "Sign", "Erf", "Sinh", "Cosh", "Asinh")
OVER_ONE = ("Log", "Sqrt", "Reciprocal", "Acosh")
WITHIN_ONE = ("Atanh",)
ENGINES = ("Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Atan")  # only OpenCV has these
ARCS = ("Asin", "Acos")


def applied(
    names: tuple[str, ...], shape: str, low: float, high: float, dialects: tuple[str, ...] = ("portable",)
) -> Case:
    """One output for each function of the same numbers."""
    body = "; ".join(f"y{i} = {name}(x)" for i, name in enumerate(names))
    outputs = tuple(f"y{i}" for i in range(len(names)))
    return Case(f"float[{shape}] x", body, 20, low, high, outputs, dialects)


def grid(name: str, names: tuple[str, ...], low: float, high: float, *dialects: str) -> dict[str, Case]:
    """A row for each shape."""
    where = dialects or ("portable",)
    return {f"{name}_{shape.replace(',', 'x')}": applied(names, shape, low, high, where) for shape in SHAPES}


def everywhere(body: str, low: float = -2, high: float = 2, outputs: tuple[str, ...] = ()) -> Case:
    return Case("float[2,3,4] x", body, 20, low, high, outputs, ("portable",))


CASES = {
    **grid("any", ANY, -3, 3),
    **grid("over_one", OVER_ONE, 1, 9),
    **grid("within_one", WITHIN_ONE, -0.9, 0.9),
    **grid("engines", ENGINES, -4, 4, "opencv"),
    **grid("arcs", ARCS, -1, 1, "opencv"),
    "near_zero": applied(("Abs", "Sign", "Sinh"), "2,3,4", -1e-3, 1e-3),
    "nearer_zero": applied(("Abs", "Sign"), "2,3,4", -1e-9, 1e-9),
    "near_zero_of_one": replace(
        applied(("Erf", "Asinh", "Atanh"), "2,3,4", -1e-3, 1e-3),
        tolerance=3e-4,
        why="Log of 1 + x, and OpenCV's TanH behind an Eltwise, are right to 1e-7, not to 1e-7 of a result of 1e-3",
    ),
    "far": applied(("Abs", "Sign", "Erf", "Asinh"), "2,3,4", -1e6, 1e6),
    "very_far": applied(("Abs", "Sign", "Erf"), "2,3,4", -1e30, 1e30),
    "exponential_far": applied(("Exp", "Cosh", "Sinh"), "2,3,4", -80, 80),
    "small_logarithm": applied(("Log", "Sqrt", "Reciprocal"), "2,3,4", 1e-6, 1e-3),
    "far_logarithm": applied(("Log", "Sqrt", "Reciprocal", "Acosh"), "2,3,4", 1e3, 1e6),
    "near_one": applied(("Log", "Acosh"), "2,3,4", 1.0001, 1.001),
    "edge_of_one": applied(("Atanh",), "2,3,4", 0.99, 0.9999),
    "halves_rounded": Case(
        "float[6] x",
        "k = Constant<value_floats=[0.5,1.5,2.5,-0.5,-1.5,3.0]>(); z = Constant<value_float=0.0>(); "
        "m = Mul(x, z); p = Add(m, k); y = Round(p); f = Floor(p); c = Ceil(p)",
        outputs=("y", "f", "c"),
        dialects=("opencv",),
    ),
    "chain": everywhere("a = Exp(x); b = Neg(a); c = Sqrt(a); d = Log(c); e = Mul(d, b); y = Abs(e)"),
    "log_of_shifted": everywhere("u = Constant<value_float=3.0>(); p = Add(x, u); y = Log(p)"),
    "exp_of_scaled": everywhere("u = Constant<value_float=-0.5>(); p = Mul(x, u); y = Exp(p)"),
    "root_of_square": everywhere("s = Mul(x, x); y = Sqrt(s)"),
    "inverse_root": everywhere(
        "e = Constant<value_float=0.001>(); s = Mul(x, x); p = Add(s, e); r = Sqrt(p); y = Div(x, r)"
    ),
    "log_then_scaled": everywhere("k = Constant<value_float=0.4342945>(); l = Log(x); y = Mul(l, k)", 0.1),
    "read_twice": everywhere("a = Exp(x); b = Log(a); y = Add(a, b)", outputs=("a", "y")),
    "in_place_or_not": everywhere(
        "r = Relu(x); a = Exp(r); b = Abs(r); c = Sign(r); y = Mul(a, c)", outputs=("b", "y")
    ),
}
