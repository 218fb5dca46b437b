"""Pad: every mode, on every axis, with negative pads, and the pads that belong to the layer behind."""

from __future__ import annotations

from tests.cases import Case
from tests.cases.shape import everywhere, ints, moved, refused


def padded(shape: str, *pads: int, mode: str = "constant", value: str = "", axes: tuple[int, ...] = ()) -> Case:
    body = ints("p", *pads)
    body += f"v = Constant<value=float{{{value}}}>(); " if value else ""
    body += ints("a", *axes) if axes else ""
    names = "x, p" + (", v" if value else ", " if axes else "") + (", a" if axes else "")
    return moved(f"float[{shape}] x", body + f'y = Pad<mode="{mode}">({names})', opset=19)


CASES = {
    "zeros": padded("2,3,4,5", 0, 0, 1, 2, 0, 0, 1, 2),
    "uneven": padded("2,3,4,5", 0, 0, 0, 1, 0, 0, 1, 0),
    "uneven_both": padded("1,3,4,5", 0, 0, 2, 0, 0, 0, 1, 3),
    "width": padded("1,3,4,5", 0, 0, 0, 2, 0, 0, 0, 2),
    "far": padded("1,2,3,3", 0, 0, 0, 1, 0, 0, 12, 20),
    "nothing": padded("1,2,3,3", 0, 0, 0, 0, 0, 0, 0, 0),
    "value": padded("2,3,4,5", 0, 0, 1, 1, 0, 0, 2, 0, value="0.5"),
    "large_value": padded("1,3,4,5", 0, 0, 1, 1, 0, 0, 1, 1, value="-1e30"),
    "infinite_value": everywhere(
        "float[1,3,6,6] x",
        ints("p", 0, 0, 1, 1, 0, 0, 1, 1) + "v = Constant<value=float{-inf}>(); a = Pad(x, p, v); "
        "y = MaxPool<kernel_shape=[3,3], strides=[1,1]>(a)",
    ),
    "value_zero": padded("2,3,4,5", 0, 0, 1, 1, 0, 0, 2, 0, value="0"),
    "channels": padded("2,3,4,5", 0, 1, 0, 0, 0, 2, 0, 0),
    "channels_value": padded("2,3,4,5", 0, 1, 0, 0, 0, 2, 0, 0, value="1.5"),
    "batch": padded("2,3,4,5", 1, 0, 0, 0, 0, 0, 0, 0),
    "all_axes": padded("2,3,4,5", 1, 1, 1, 1, 1, 1, 1, 1, value="2"),
    "channels_and_width": padded("1,3,4,5", 0, 2, 0, 1, 0, 0, 0, 0),
    "negative": padded("2,3,6,7", 0, 0, -1, 2, 0, 0, -2, -1),
    "negative_channels": padded("2,5,2,2", 0, -1, 0, 0, 0, -2, 0, 0),
    "negative_and_value": padded("1,2,6,7", 0, 0, -1, 2, 0, 0, 3, -1, value="3"),
    "axes": padded("2,3,4,5", 1, 2, 0, 1, axes=(2, -1)),
    "axes_value": padded("2,3,4,5", 1, 1, axes=(1,), value="4"),
    "rank1": padded("4", 1, 2),
    "rank1_value": padded("4", 1, 2, value="7"),
    "rank2": padded("3,4", 1, 0, 0, 2),
    "rank3": padded("2,3,4", 0, 1, 2, 0, 0, 1),
    "rank3_first": padded("2,3,4", 1, 0, 0, 1, 0, 0, value="1"),
    "rank5": padded("1,2,3,3,4", 0, 0, 1, 1, 1, 0, 0, 1, 0, 2),
    "rank5_first": padded("2,2,2,2,2", 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, value="-1"),
    "opset10": moved("float[1,3,4,5] x", "y = Pad<pads=[0,0,1,1,0,0,1,2], value=1.5>(x)", opset=10),
    "opset10_reflect": moved("float[1,3,4,5] x", 'y = Pad<pads=[0,0,1,1,0,0,1,2], mode="reflect">(x)', opset=10),
    "reflect": padded("2,3,4,5", 0, 0, 1, 2, 0, 0, 1, 2, mode="reflect"),
    "reflect_uneven": padded("1,3,4,5", 0, 0, 3, 0, 0, 0, 0, 4, mode="reflect"),
    "reflect_large": padded("1,1,20,22", 0, 0, 15, 12, 0, 0, 18, 20, mode="reflect"),
    "reflect_long": padded("1,1,30000", 0, 0, 200, 0, 0, 300, mode="reflect"),
    "reflect_long_before": padded("1,2,9000", 0, 0, 100, 0, 0, 0, mode="reflect"),
    "reflect_long_rows": padded("1,2,600,30", 0, 0, 90, 2, 0, 0, 80, 1, mode="reflect"),
    "edge_long": padded("1,1,30000", 0, 0, 200, 0, 0, 300, mode="edge"),
    "reflect_channels": padded("2,4,3,3", 0, 2, 0, 0, 0, 1, 0, 0, mode="reflect"),
    "reflect_rank1": padded("5", 2, 3, mode="reflect"),
    "reflect_rank3": padded("2,3,6", 0, 0, 2, 0, 0, 1, mode="reflect"),
    "reflect_rank5": padded("1,2,3,3,4", 0, 0, 1, 1, 1, 0, 0, 1, 0, 2, mode="reflect"),
    "reflect_negative": padded("1,2,6,7", 0, 0, -1, 2, 0, 0, 2, -1, mode="reflect"),
    "reflect_to_one": padded("1,2,2,2", 0, 0, 1, 1, 0, 0, 1, 1, mode="reflect"),
    "edge": padded("2,3,4,5", 0, 0, 1, 2, 0, 0, 1, 2, mode="edge"),
    "edge_large": padded("1,2,3,3", 0, 0, 20, 1, 0, 0, 1, 0, mode="edge"),
    "edge_channels": padded("2,3,3,3", 0, 1, 0, 0, 0, 2, 0, 0, mode="edge"),
    "edge_one_pixel": padded("1,2,1,1", 0, 0, 2, 1, 0, 0, 1, 1, mode="edge"),
    "edge_rank2": padded("3,4", 1, 2, 1, 0, mode="edge"),
    "edge_negative": padded("1,2,6,7", 0, 0, -1, 2, 0, 0, 2, -1, mode="edge"),
    "wrap": padded("1,2,4,5", 0, 0, 1, 2, 0, 0, 2, 1, mode="wrap"),
    "wrap_over": padded("1,2,3,3", 0, 0, 0, 4, 0, 0, 0, 7, mode="wrap"),
    "wrap_channels": padded("1,4,2,2", 0, 1, 0, 0, 0, 1, 0, 0, mode="wrap"),
    "before_conv": everywhere(
        "float[1,3,6,7] x, float[4,3,3,3] w",
        ints("p", 0, 0, 1, 0, 0, 0, 2, 1) + "a = Pad(x, p); y = Conv<strides=[2,2]>(a, w)",
    ),
    "before_conv_axes": everywhere(
        "float[1,3,6,7] x, float[4,3,3,3] w",
        ints("p", 1, 0, 2, 1) + ints("k", 2, 3) + "a = Pad(x, p, , k); y = Conv<strides=[2,2]>(a, w)",
        opset=19,
    ),
    "reflect_before_conv": everywhere(
        "float[1,3,6,7] x, float[4,3,3,3] w",
        ints("p", 0, 0, 1, 1, 0, 0, 1, 1) + 'a = Pad<mode="reflect">(x, p); y = Conv(a, w)',
    ),
    "before_pool": everywhere(
        "float[1,3,6,7] x",
        ints("p", 0, 0, 1, 1, 0, 0, 1, 1)
        + "b = Relu(x); a = Pad(b, p); y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(a)",
    ),
    "before_average_pool": everywhere(
        "float[1,3,6,7] x",
        ints("p", 0, 0, 1, 1, 0, 0, 1, 1) + "a = Pad(x, p); y = AveragePool<kernel_shape=[3,3], strides=[2,2]>(a)",
    ),
    "computed": refused(
        "float[1,3,6,7] x, float[1] x2",
        ints("p", 0, 0, 1, 1, 0, 0, 1, 1) + "v = Squeeze(x2); y = Pad(x, p, v)",
        "the value is computed at run time",
    ),
}
