"""Nearest upsampling before convolutions: what goes into their weights, and what only looks like it.

`ABSORBED` are the rows whose upsampling is gone from the files.
"""

from __future__ import annotations

from tests.cases import Case

CONV = "Conv<pads=[1,1,1,1]>"


def up(of: str = "x", to: str = "u", rows: float = 2.0, columns: float = 2.0, mode: str = "nearest") -> str:
    """Upsampling of one blob to another."""
    return (
        f"r{to} = Constant<value=float[0] {{}}>(); s{to} = Constant<value=float[4] {{1.0,1.0,{rows},{columns}}}>();"
        f'{to} = Resize<mode="{mode}", coordinate_transformation_mode="asymmetric", nearest_mode="floor">'
        f"({of}, r{to}, s{to})"
    )


def row(body: str, image: str = "2,3,4,5", weight: str = "4,3,3,3", more: str = "") -> Case:
    """A convolution by w and b of what the body makes of x."""
    inputs = f"float[{image}] x, float[{weight}] w, float[{weight.split(',')[0]}] b{more}"
    return Case(inputs, body, dialects=("portable",))


SKIP = ", float[2,2,8,10] x2"
WIDE = "4,5,3,3"  # a weight for the three channels that are upsampled and the two that are not
ABSORBED: dict[str, Case] = {
    "alone": row(f"{up()}; y = {CONV}(u, w, b)"),
    "no_bias": row(f"{up()}; y = {CONV}(u, w)"),
    "one_pixel": row(f"{up()}; y = {CONV}(u, w, b)", "1,3,1,1"),
    "one_row": row(f"{up()}; y = {CONV}(u, w, b)", "1,3,1,6"),
    "one_column": row(f"{up()}; y = {CONV}(u, w, b)", "1,3,5,1"),
    "odd_and_even": row(f"{up()}; y = {CONV}(u, w, b)", "2,3,7,4"),
    "one_channel": row(f"{up()}; y = {CONV}(u, w, b)", "2,1,4,3", "1,1,3,3"),
    "from_one_channel": row(f"{up()}; y = {CONV}(u, w, b)", "1,1,4,3", "5,1,3,3"),
    "relu": row(f"{up()}; c = {CONV}(u, w, b); y = Relu(c)"),
    "norm": row(
        f"{up()}; v = Constant<value=float[4] {{1.0,0.5,2.0,3.0}}>(); c = {CONV}(u, w, b);"
        "n = BatchNormalization(c, b, b, b, v); y = Relu(n)"
    ),
    "twice": row(f"{up()}; c = {CONV}(u, w); {up('c', 'd')}; y = {CONV}(d, w, b)", weight="3,3,3,3"),
    "same_upper": row(f'{up()}; y = Conv<auto_pad="SAME_UPPER">(u, w, b)'),
    "first": row(f"{up()}; a = Concat<axis=1>(u, x2); y = {CONV}(a, w, b)", weight=WIDE, more=SKIP),
    "second": row(f"{up()}; a = Concat<axis=1>(x2, u); y = {CONV}(a, w, b)", weight=WIDE, more=SKIP),
    "second_no_bias": row(f"{up()}; a = Concat<axis=1>(x2, u); y = {CONV}(a, w)", weight=WIDE, more=SKIP),
    "first_relu": row(f"{up()}; a = Concat<axis=1>(u, x2); c = {CONV}(a, w, b); y = Relu(c)", weight=WIDE, more=SKIP),
    "between": row(f"{up()}; a = Concat<axis=1>(x2, u, x2); y = {CONV}(a, w, b)", weight="4,7,3,3", more=SKIP),
    "around": row(
        f"{up()}; t = Sigmoid(x); {up('t', 'v')}; a = Concat<axis=1>(u, x2, v); y = {CONV}(a, w, b)",
        weight="4,8,3,3",
        more=SKIP,
    ),
    "axis_from_the_end": row(f"{up()}; a = Concat<axis=-3>(u, x2); y = {CONV}(a, w, b)", weight=WIDE, more=SKIP),
    "skip_read_twice": row(
        f"{up()}; k = Sigmoid(x2); a = Concat<axis=1>(u, k); c = {CONV}(a, w, b); g = GlobalMaxPool(k);"
        "h = GlobalMaxPool(c); y = Concat<axis=1>(g, h)",
        weight=WIDE,
        more=SKIP,
    ),
}
KEPT: dict[str, Case] = {
    "stride": row(f"{up()}; y = Conv<pads=[1,1,1,1], strides=[2,2]>(u, w, b)"),
    "no_pad": row(f"{up()}; y = Conv(u, w, b)"),
    "pad_of_two": row(f"{up()}; y = Conv<pads=[2,2,2,2]>(u, w, b)"),
    "pad_of_rows": row(f"{up()}; y = Conv<pads=[1,0,1,0]>(u, w, b)"),
    "uneven_pad": row(f"{up()}; y = Conv<pads=[1,1,0,0]>(u, w, b)"),
    "dilation": row(f"{up()}; y = Conv<pads=[1,1,1,1], dilations=[2,2]>(u, w, b)"),
    "groups": row(f"{up()}; y = Conv<pads=[1,1,1,1], group=2>(u, w, b)", "1,4,4,5", "4,2,3,3"),
    "kernel_of_five": row(f"{up()}; y = Conv<pads=[2,2,2,2]>(u, w, b)", weight="4,3,5,5"),
    "kernel_of_one": row(f"{up()}; y = Conv(u, w, b)", weight="4,3,1,1"),
    "by_three": row(f"{up(rows=3.0, columns=3.0)}; y = {CONV}(u, w, b)"),
    "by_two_and_three": row(f"{up(columns=3.0)}; y = {CONV}(u, w, b)"),
    "rows_alone": row(f"{up(columns=1.0)}; y = {CONV}(u, w, b)"),
    "linear": row(f"{up(mode='linear')}; y = {CONV}(u, w, b)"),
    "read_twice": row(
        f"{up()}; c = {CONV}(u, w, b); g = GlobalMaxPool(u); h = GlobalMaxPool(c); y = Concat<axis=1>(g, h)"
    ),
    "twice_in_concat": row(f"{up()}; a = Concat<axis=1>(u, u); y = {CONV}(a, w, b)", weight="4,6,3,3"),
    "concat_read_twice": row(
        f"{up()}; a = Concat<axis=1>(u, x2); c = {CONV}(a, w, b); s = GlobalMaxPool(a); h = GlobalMaxPool(c);"
        "y = Concat<axis=1>(s, h)",
        weight=WIDE,
        more=SKIP,
    ),
    "concat_of_rows": row(f"{up()}; a = Concat<axis=2>(u, x2); y = {CONV}(a, w, b)", more=", float[2,3,2,10] x2"),
    "relu_between": row(f"{up()}; a = Sigmoid(u); y = {CONV}(a, w, b)"),
    "transposed": row(f"{up()}; y = ConvTranspose<pads=[1,1,1,1]>(u, w)", weight="3,4,3,3"),
}
CASES = ABSORBED | KEPT
