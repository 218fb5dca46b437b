"""Reductions over any axes."""

from __future__ import annotations

from tests.cases import Case

PORTABLE = ("portable",)


def reduced(op: str, axes: str, keepdims: int, shape: str = "2,3,4,5", low: float = -2.0) -> Case:
    """One reduction; the axes are an input since opset 18."""
    count = len(axes.split(","))
    body = f"a = Constant<value = int64[{count}] {{{axes}}}>(); y = {op}<keepdims={keepdims}>(x, a)"
    return Case(f"float[{shape}] x", body, low=low, dialects=PORTABLE)


OPS = ("Mean", "Sum", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp", "Prod")
AXES = {"channels": "1", "rows": "2", "columns": "-1", "plane": "2,3", "ends": "1,3", "all": "1,2,3"}
CASES = {
    **{
        f"{op.lower()}_{name}_{keep}": reduced(f"Reduce{op}", axes, keep)
        for op in OPS
        for name, axes in AXES.items()
        for keep in (0, 1)
    },
    **{f"logsum_{name}": reduced("ReduceLogSum", axes, 1, low=0.5) for name, axes in AXES.items()},
    "mean_signal": reduced("ReduceMean", "2", 1, "1,3,7"),
    "sum_rows_of_a_matrix": reduced("ReduceSum", "1", 0, "4,5"),
    "l2_volume": reduced("ReduceL2", "2,4", 1, "1,2,3,4,5"),
    "mean_of_one": reduced("ReduceMean", "2,3", 0, "2,3,1,1"),
}
