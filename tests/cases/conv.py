"""Conv and ConvTranspose over the attribute grid, in one, two and three dimensions."""

from tests.cases import Case

X2, W2, B2 = "float[1,4,9,8] x", "float[6,4,3,3] w", "float[6] b"
PORTABLE = ("portable",)


def conv(attributes: str, inputs: str = f"{X2}, {W2}, {B2}", **options: object) -> Case:
    bias = ", b" if " b" in inputs else ""
    return Case(inputs, f"y = Conv<{attributes}>(x, w{bias})", dialects=PORTABLE, **options)  # type: ignore[arg-type]


def transpose(
    attributes: str, inputs: str = "float[1,4,5,4] x, float[4,3,3,3] w, float[3] b", **options: object
) -> Case:
    bias = ", b" if " b" in inputs else ""
    body = f"y = ConvTranspose<{attributes}>(x, w{bias})"
    return Case(inputs, body, dialects=PORTABLE, **options)  # type: ignore[arg-type]


CASES = {
    "conv": Case(f"{X2}, {W2}, {B2}", "y = Conv(x, w, b)", dialects=PORTABLE),
    "no_bias": conv("pads=[1,1,1,1]", f"{X2}, {W2}"),
    "batch": conv("strides=[2,2]", f"float[3,4,9,8] x, {W2}, {B2}"),
    "one_by_one": conv("kernel_shape=[1,1]", f"{X2}, float[6,4,1,1] w, {B2}"),
    "kernel_of_the_image": conv("strides=[3,2]", f"{X2}, float[2,4,9,8] w, float[2] b"),
    "one_pixel": conv("pads=[1,1,1,1]", f"float[2,4,1,1] x, {W2}, {B2}"),
    "groups": conv("group=2, pads=[1,1,1,1]", f"{X2}, float[6,2,3,3] w, {B2}"),
    "depthwise": conv("group=4, pads=[1,1,1,1], strides=[2,1]", f"{X2}, float[4,1,3,3] w, float[4] b"),
    "depthwise_multiplied": conv("group=4", f"{X2}, float[8,1,3,2] w"),
    "unequal_everything": conv("strides=[2,3], pads=[0,2,0,2], dilations=[1,2]", f"{X2}, float[5,4,2,3] w"),
    "dilation": conv("dilations=[2,2], pads=[2,2,2,2]"),
    "dilation_per_axis": conv("dilations=[2,3]", f"{X2}, {W2}"),
    # OpenCV has a loop of its own for depthwise kernels of 3 x 3.
    **{
        f"depthwise_{h}x{w}_{name}": conv(
            f"group=4, {attributes}", f"float[1,4,{h},{w}] x, float[4,1,3,3] w, float[4] b"
        )
        for h, w in ((1, 1), (1, 5), (4, 1), (2, 2), (3, 4))
        for name, attributes in {
            "stride_1": "pads=[1,1,1,1]",
            "stride_2": "pads=[1,1,1,1], strides=[2,2]",
            "rows_padded": "pads=[1,2,1,2]",
        }.items()
    },
    "depthwise_dilation_over_pad": conv(
        "group=4, pads=[1,1,1,1], dilations=[2,2]", "float[1,4,6,7] x, float[4,1,3,3] w"
    ),
    "depthwise_signal": conv("group=4, pads=[1,1]", "float[1,4,1] x, float[4,1,3] w"),
    "depthwise_wide": conv("group=4, pads=[1,1,1,1]", "float[1,4,5,40] x, float[4,1,3,3] w"),
    "pads_to_the_end": conv("pads=[0,0,1,1], strides=[2,2]"),
    "pads_to_the_start": conv("pads=[2,1,0,0], strides=[2,2]"),
    "pads_crosswise": conv("pads=[0,2,3,1]"),
    "pads_that_make_no_difference": conv("pads=[1,1,0,1], strides=[2,2]", f"float[1,4,8,9] x, {W2}, {B2}"),
    "uneven_pads_fit_the_dilation": conv("pads=[0,0,2,4], dilations=[2,2]"),
    "uneven_pads_in_the_dilation_gap": conv("pads=[0,0,1,3], dilations=[2,2]"),
    "uneven_pads_groups": conv("pads=[0,1,1,0], group=2", f"{X2}, float[6,2,3,3] w, {B2}"),
    "same_upper": conv('auto_pad="SAME_UPPER", strides=[2,2]'),
    "same_lower": conv('auto_pad="SAME_LOWER", strides=[2,2]'),
    "same_even_kernel": conv('auto_pad="SAME_UPPER"', f"{X2}, float[6,4,2,4] w, {B2}"),
    "same_stride_over_kernel": conv('auto_pad="SAME_LOWER", strides=[2,2]', f"{X2}, float[6,4,1,1] w, {B2}"),
    "same_disputed": Case(
        "float[1,1,8,8] x, float[1,1,1,1] w",
        'y = Conv<auto_pad="SAME_UPPER", strides=[4,4]>(x, w)',
        dialects=(),
        refused="runtimes disagree on where the windows lie",
    ),
    "valid": conv('auto_pad="VALID", dilations=[2,1]'),
    "signal": conv("strides=[2], pads=[1,1], group=2", "float[2,4,9] x, float[6,2,3] w, float[6] b"),
    "signal_dilated": conv("dilations=[3], pads=[3,2]", "float[2,4,9] x, float[6,4,2] w"),
    "signal_same": conv('auto_pad="SAME_UPPER"', "float[1,4,9] x, float[6,4,4] w"),
    "signal_of_one": conv("kernel_shape=[1]", "float[1,4,1] x, float[6,4,1] w"),
    "volume": Case("float[1,2,5,6,7] x, float[4,2,3,3,3] w, float[4] b", "y = Conv(x, w, b)", dialects=PORTABLE),
    "volume_grid": conv(
        "group=2, strides=[2,1,2], pads=[1,1,0,1,0,1]", "float[2,2,5,6,7] x, float[4,1,3,2,1] w, float[4] b"
    ),
    "volume_dilated": conv("dilations=[2,1,3]", "float[2,2,6,6,7] x, float[4,2,3,2,2] w"),
    "volume_cube": conv("strides=[2,2,2], pads=[1,1,1,1,1,1]", "float[1,2,6,6,6] x, float[4,2,3,3,3] w"),
    "four_dimensions": Case("float[1,2,3,3,3,3] x, float[2,2,2,2,2,2] w", "y = Conv(x, w)"),
    "weight_at_run_time": Case(
        "float[2,4,9,8] x, float[6,4,3,3] x2", "y = Conv<pads=[0,1,1,0], strides=[2,1]>(x, x2)", dialects=PORTABLE
    ),
    "weight_and_bias_at_run_time": Case(
        "float[1,4,9] x, float[6,2,3] x2, float[6] x3", "y = Conv<group=2, dilations=[2]>(x, x2, x3)", dialects=PORTABLE
    ),
    "correlation": Case(
        "float[2,4,9,8] x, float[4,1,5,4] x2, float[4] b", "y = Conv<group=4>(x, x2, b)", dialects=PORTABLE
    ),
    "bias_at_run_time": Case(f"{X2}, {W2}, float[6] x2", "y = Conv(x, w, x2)", dialects=PORTABLE),
    "input_constant": Case(
        "float[1,4,3,3] c, float[6,4,3,3] x", "y = Conv(c, x)", dialects=(), refused="the input is a constant"
    ),
    "then_norm": Case(
        f"{X2}, {W2}, {B2}, float[6] g, float[6] h, float[6] m, float[6] v",
        "c = Conv<pads=[0,0,1,1]>(x, w, b); y = BatchNormalization(c, g, h, m, v)",
        low=0.1,
        dialects=PORTABLE,
    ),
    "transpose": Case(
        "float[1,4,5,4] x, float[4,3,3,3] w, float[3] b", "y = ConvTranspose(x, w, b)", dialects=PORTABLE
    ),
    "transpose_no_bias": transpose("strides=[2,2], pads=[1,1,1,1]", "float[2,4,5,4] x, float[4,3,4,4] w"),
    "transpose_groups": transpose("strides=[2,3], group=2", "float[2,4,5,4] x, float[4,3,3,3] w, float[6] b"),
    "transpose_depthwise": transpose("strides=[2,2], group=4", "float[1,4,5,4] x, float[4,1,2,2] w"),
    "transpose_stride_over_kernel": transpose("strides=[3,4]", "float[1,4,5,4] x, float[4,3,2,2] w, float[3] b"),
    "transpose_output_padding": transpose("strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]"),
    "transpose_output_padding_over_pads": transpose("strides=[3,2], output_padding=[2,1]"),
    "transpose_output_padding_dilated": transpose(
        "strides=[2,2], pads=[2,2,2,2], output_padding=[1,0], dilations=[2,2]"
    ),
    "transpose_uneven_pads": transpose("strides=[2,2], pads=[0,1,2,0]"),
    "transpose_uneven_pads_dilated": transpose("strides=[2,2], pads=[0,1,2,3], dilations=[2,2]"),
    "transpose_pads_beyond_kernel": transpose("strides=[3,3], pads=[4,3,3,4]"),
    "transpose_dilation": transpose("strides=[2,3], dilations=[2,1]"),
    "transpose_dilation_groups": transpose(
        "dilations=[2,3], group=2, pads=[1,2,1,2]", "float[2,4,5,4] x, float[4,3,3,3] w, float[6] b"
    ),
    "transpose_same_upper": transpose('auto_pad="SAME_UPPER", strides=[2,2]'),
    "transpose_same_lower": transpose('auto_pad="SAME_LOWER", strides=[2,2]'),
    "transpose_same_no_padding": transpose('auto_pad="SAME_UPPER", strides=[4,4]'),
    "transpose_valid": transpose('auto_pad="VALID", strides=[2,2]'),
    "transpose_output_shape": transpose("output_shape=[10,9], strides=[2,2]"),
    "transpose_output_shape_upper": transpose('output_shape=[10,8], strides=[2,2], auto_pad="SAME_UPPER"'),
    "transpose_output_shape_beyond": transpose("output_shape=[12,10], strides=[2,2]"),
    "transpose_output_shape_and_padding": transpose("output_shape=[10,8], strides=[2,2], output_padding=[1,0]"),
    "transpose_same_with_padding": Case(
        "float[1,4,5,4] x, float[4,3,3,3] w",
        'y = ConvTranspose<auto_pad="SAME_UPPER", strides=[2,2], output_padding=[1,1]>(x, w)',
        dialects=(),
        refused="ONNX and onnxruntime disagree on the size",
    ),
    "transpose_signal": transpose(
        "strides=[2], pads=[1,0], group=2, output_padding=[1]", "float[2,4,9] x, float[4,3,3] w, float[6] b"
    ),
    "transpose_signal_dilated": transpose("dilations=[2]", "float[2,4,9] x, float[4,3,3] w"),
    "transpose_volume": transpose(
        "strides=[2,2,1], pads=[1,0,1,0,1,1]", "float[2,4,3,4,5] x, float[4,3,3,2,3] w, float[3] b"
    ),
    "transpose_volume_groups": transpose(
        "strides=[1,2,3], dilations=[2,1,2], group=2", "float[1,4,3,2,2] x, float[4,3,2,3,2] w, float[6] b"
    ),
    "transpose_weight_at_run_time": Case(
        "float[2,4,5,4] x, float[4,3,3,3] x2",
        "y = ConvTranspose<strides=[2,2], pads=[0,1,1,0], output_padding=[1,0]>(x, x2)",
        dialects=PORTABLE,
    ),
    "transpose_everything_at_run_time": Case(
        "float[2,4,5] x, float[4,3,3] x2, float[6] x3",
        "y = ConvTranspose<group=2, strides=[2], dilations=[2]>(x, x2, x3)",
        dialects=PORTABLE,
    ),
    "transpose_bias_at_run_time": Case(
        "float[1,4,5,4] x, float[4,3,3,3] w, float[3] x2", "y = ConvTranspose(x, w, x2)", dialects=PORTABLE
    ),
    "transpose_one_tap": transpose("pads=[0,1,0,1]", "float[1,4,3,3] x, float[4,3,1,1] w"),
    "transpose_one_tap_strided": transpose("strides=[2,2]", "float[1,4,3,3] x, float[4,3,1,1] w, float[3] b"),
}
