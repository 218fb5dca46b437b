"""Arithmetic of two and more operands, with ONNX's broadcasting."""

from __future__ import annotations

from tests.cases import Case

PORTABLE = ("portable",)
SHAPES = {
    "scalar": "1",
    "columns": "5",
    "channels": "3,1,1",
    "rows": "4,1",
    "gate": "2,3,1,1",
    "plane": "1,1,4,5",
    "image": "2,1,4,5",
    "full": "2,3,4,5",
    "batchless": "3,4,5",
}


def binary(op: str, shape: str, constant: bool, swapped: bool) -> Case:
    """x (2, 3, 4, 5) with another operand that is computed or constant, on either side; never near zero."""
    other = "w" if constant else "x2"
    operands = f"{other}, x" if swapped else f"x, {other}"
    return Case(f"float[2,3,4,5] x, float[{shape}] {other}", f"y = {op}({operands})", low=0.5, dialects=PORTABLE)


CASES = {
    **{
        f"{op.lower()}_{name}_{'constant' if constant else 'computed'}{'_first' if swapped else ''}": binary(
            op, shape, constant, swapped
        )
        for op in ("Add", "Sub", "Mul", "Div")
        for name, shape in SHAPES.items()
        for constant in (False, True)
        for swapped in (False, True)
    },
    **{
        f"{op.lower()}_{name}_{'constant' if constant else 'computed'}": binary(op, shape, constant, False)
        for op in ("Max", "Min")
        for name, shape in SHAPES.items()
        for constant in (False, True)
    },
    **{
        f"{op.lower()}_of_{count}": Case(
            "float[2,3,4,5] x, float[2,3,4,5] x2, float[3,1,1] x3",
            f"y = {op}({', '.join(['x', 'x2', 'x3'][:count])})",
            dialects=PORTABLE,
        )
        for op in ("Sum", "Mean", "Max", "Min")
        for count in (1, 2, 3)
    },
    **{
        f"pow_{name}": Case(
            "float[2,3,4,5] x",
            f"e = Constant<value = float {{{exponent}}}>(); y = Pow(x, e)",
            low=low,
            dialects=PORTABLE,
        )
        for name, exponent, low in (
            *(("square", "2.0", -2.0), ("cube", "3.0", -2.0), ("root", "0.5", 0.1), ("inverse", "-1.0", 0.5)),
            *(("one", "1.0", -2.0), ("zero", "0.0", -2.0), ("fraction", "1.7", 0.1)),
        )
    },
}
