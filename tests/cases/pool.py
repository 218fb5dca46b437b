"""Pooling: where windows lie, what padding counts for, one to three axes."""

from tests.cases import Case

PORTABLE = ("portable",)
IMAGE = "float[2,3,9,8] x"

# Where the windows lie, for maximum, average and p-norm alike. "refused" comes from the names.
PLACES = {
    "plain": "kernel_shape=[3,3]",
    "floor_drops_the_end": "kernel_shape=[2,3], strides=[2,2]",
    "ceil_keeps_the_end": "kernel_shape=[2,3], strides=[2,2], ceil_mode=1",
    "ceil_on_one_axis": "kernel_shape=[3,3], strides=[2,3], ceil_mode=1",
    "pads": "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]",
    "pads_ceil": "kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], ceil_mode=1",
    "pads_ceil_past_the_padding": "kernel_shape=[3,4], strides=[3,3], pads=[1,0,1,0], ceil_mode=1",
    "pads_on_one_axis": "kernel_shape=[3,1], strides=[1,2], pads=[1,0,1,0]",
    "pads_on_one_axis_ceil": "kernel_shape=[3,1], strides=[2,3], pads=[1,0,1,0], ceil_mode=1",
    "pads_at_the_end": "kernel_shape=[2,2], pads=[0,0,1,1]",
    "pads_at_the_end_strided": "kernel_shape=[3,4], strides=[2,3], pads=[0,0,2,3]",
    "pads_at_the_start": "kernel_shape=[3,3], strides=[2,2], pads=[2,1,0,0]",
    "pads_crosswise_ceil": "kernel_shape=[3,3], strides=[2,2], pads=[0,2,1,0], ceil_mode=1",
    "same_upper": 'kernel_shape=[2,2], auto_pad="SAME_UPPER"',
    "same_lower": 'kernel_shape=[2,2], auto_pad="SAME_LOWER"',
    "same_strided": 'kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER"',
    "valid_ceil": 'kernel_shape=[2,3], strides=[2,2], auto_pad="VALID", ceil_mode=1',
    "stride_over_kernel": "kernel_shape=[1,1], strides=[2,2]",
    "stride_over_kernel_ceil": "kernel_shape=[2,1], strides=[3,3], ceil_mode=1",
    "kernel_of_the_image": "kernel_shape=[9,8]",
    "one_by_one": "kernel_shape=[1,1]",
    "dilation": "kernel_shape=[3,3], dilations=[2,2]",
    "dilation_per_axis": "kernel_shape=[3,2], dilations=[1,3], strides=[2,1]",
    "dilation_pads": "kernel_shape=[3,3], dilations=[2,3], pads=[2,1,2,2], strides=[2,2]",
    "dilation_ceil": "kernel_shape=[2,3], dilations=[3,2], strides=[2,3], pads=[1,0,0,2], ceil_mode=1",
}
# A kernel over more than there is, or nearly so.
SMALL = {
    "one_pixel": ("float[2,3,1,1] x", "kernel_shape=[3,3], pads=[1,1,1,1]"),
    "one_row": ("float[1,2,1,7] x", "kernel_shape=[2,3], strides=[2,2], pads=[1,0,0,1]"),
    "kernel_over_the_image": ("float[1,2,2,3] x", "kernel_shape=[3,4], strides=[2,2], ceil_mode=1"),
    "kernel_over_the_image_floor": ("float[1,2,2,3] x", "kernel_shape=[3,4], strides=[2,2]"),
    "kernel_over_the_image_padded": ("float[1,2,2,2] x", "kernel_shape=[4,4], pads=[2,3,3,1]"),
}
OTHER_RANKS = {
    "signal": ("float[2,3,9] x", "kernel_shape=[3], strides=[2], pads=[1,1]"),
    "signal_uneven": ("float[2,3,9] x", "kernel_shape=[4], strides=[2], pads=[0,3]"),
    "signal_ceil": ("float[2,3,8] x", "kernel_shape=[3], strides=[2], ceil_mode=1"),
    "signal_dilated": ("float[2,3,9] x", "kernel_shape=[3], dilations=[2], pads=[1,2]"),
    "signal_of_one": ("float[2,3,1] x", "kernel_shape=[1], strides=[2]"),
    "volume": ("float[2,3,4,5,6] x", "kernel_shape=[2,3,3], strides=[2,2,1]"),
    "volume_pads": ("float[1,2,5,4,6] x", "kernel_shape=[3,3,2], strides=[2,1,2], pads=[1,1,0,0,1,1]"),
    "volume_ceil": ("float[1,2,4,5,4] x", "kernel_shape=[3,2,3], strides=[2,2,2], ceil_mode=1"),
    "volume_dilated": ("float[1,2,5,6,4] x", "kernel_shape=[2,3,2], dilations=[2,1,3], pads=[1,0,1,0,1,0]"),
    "volume_of_planes": ("float[1,2,3,6,6] x", "kernel_shape=[1,2,2], strides=[1,2,2]"),
}
ALL = {name: (IMAGE, attributes) for name, attributes in PLACES.items()} | SMALL | OTHER_RANKS


def rows(prefix: str, op: str, extra: str = "", skip: tuple[str, ...] = ()) -> dict[str, Case]:
    return {
        f"{prefix}_{name}": Case(inputs, f"y = {op}<{attributes}{extra}>(x)", opset=22, dialects=PORTABLE)
        for name, (inputs, attributes) in ALL.items()
        if name not in skip
    }


NO_PADDING = tuple(
    name for name, (_, attributes) in ALL.items() if "pad" not in attributes and "ceil" not in attributes
)
NORM_ONCE = tuple(ALL)[1::2]  # the p-norm shares its windows with the average: every second row will do

CASES = {
    **rows("max", "MaxPool"),
    **rows("average", "AveragePool"),
    **rows("average_with_pads", "AveragePool", ", count_include_pad=1", skip=NO_PADDING),
    **rows("l2", "LpPool", skip=NORM_ONCE),
    "l1": Case(IMAGE, "y = LpPool<kernel_shape=[3,3], pads=[1,0,0,1], p=1>(x)", dialects=PORTABLE),
    "l3": Case(IMAGE, "y = LpPool<kernel_shape=[3,3], pads=[1,0,0,1], p=3>(x)", dialects=PORTABLE),
    "max_of_negatives": Case(
        IMAGE, "y = MaxPool<kernel_shape=[3,3], dilations=[2,2], pads=[2,2,2,2]>(x)", low=-9, high=-8, dialects=PORTABLE
    ),
    "max_before_opset_8": Case(IMAGE, "y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)", opset=7, dialects=PORTABLE),
    "average_opset_10": Case(
        IMAGE, "y = AveragePool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", opset=10, dialects=PORTABLE
    ),
    # A last window that begins in the padding: onnx's inference counts it below opset 22, no runtime makes it.
    **{
        f"{op.lower()}_last_window_in_the_padding_opset_{opset}{suffix}": Case(
            "float[1,3,7,6] x",
            f"{name} = {op}<kernel_shape=[2,2], strides=[2,3], pads=[1,1,1,1], ceil_mode=1>(x){rest}",
            opset=opset,
            dialects=PORTABLE,
        )
        for op, opset in (("MaxPool", 11), ("MaxPool", 17), ("MaxPool", 22), ("AveragePool", 13), ("AveragePool", 19))
        # In the second the wrong size would be folded into a constant.
        for suffix, name, rest in (("", "y", ""), ("_reshaped", "p", "; s = Shape(p); r = Relu(p); y = Reshape(r, s)"))
    },
    "indices_unused": Case(IMAGE, "y, i = MaxPool<kernel_shape=[2,2]>(x)", outputs=("y",), dialects=PORTABLE),
    "indices": Case(
        IMAGE,
        "y, i = MaxPool<kernel_shape=[2,2]>(x)",
        outputs=("y", "int64 i"),
        dialects=(),
        refused="only the first 1 of its outputs can be made",
    ),
    "same_with_dilation": Case(
        IMAGE,
        'y = AveragePool<kernel_shape=[3,3], dilations=[2,2], auto_pad="SAME_UPPER">(x)',
        opset=19,
        dialects=(),
        refused="runtimes disagree on the pads",
    ),
    "same_disputed": Case(
        IMAGE,
        'y = AveragePool<kernel_shape=[1,1], strides=[3,3], auto_pad="SAME_UPPER">(x)',
        dialects=(),
        refused="runtimes disagree on where the windows lie",
    ),
    **{
        f"divisor_disputed_{name}": Case(
            inputs,
            f"y = AveragePool<{attributes}, count_include_pad=1>(x)",
            opset=opset,
            dialects=(),
            refused="a window larger than the padded image",
        )
        for name, inputs, attributes, opset in (
            ("plain", "float[1,2,2,3] x", "kernel_shape=[3,4], strides=[2,2]", 18),
            ("valid", "float[1,2,2,3] x", 'kernel_shape=[3,2], strides=[2,1], auto_pad="VALID"', 18),
            ("padded", "float[1,1,1,3] x", "kernel_shape=[4,2], strides=[3,1], pads=[1,0,1,0]", 18),
            ("dilated", "float[1,1,3,6] x", "kernel_shape=[2,2], strides=[2,1], dilations=[3,1]", 19),
            ("signal", "float[1,2,1] x", "kernel_shape=[2], strides=[2]", 11),
        )
    },
    "window_without_pixel": Case(
        "float[1,1,1,1] x",
        "y = MaxPool<kernel_shape=[2,2], dilations=[2,2], pads=[1,1,1,1]>(x)",
        dialects=(),
        refused="a window may hold no pixel",
    ),
    **{
        f"{op.lower()}_{rank}": Case(inputs, f"y = {op}(x)", dialects=PORTABLE)
        for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
        for rank, inputs in {
            "signal": "float[2,3,5] x",
            "image": "float[2,3,4,5] x",
            "volume": "float[2,3,2,3,4] x",
            "pixel": "float[1,1,1,1] x",
        }.items()
    },
    "global_l1": Case("float[2,3,4,5] x", "y = GlobalLpPool<p=1>(x)", dialects=PORTABLE),
    "global_l3": Case("float[2,3,4,5] x", "y = GlobalLpPool<p=3>(x)", dialects=PORTABLE),
}
