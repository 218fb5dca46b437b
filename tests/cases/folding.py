"""What goes into the weights of other layers: pads, transposes, numbers, and layers that are there twice."""

from __future__ import annotations

from tests.cases import Case

ALL = ("portable",)
PADS = "p = Constant<value = int64[8] {0,0,1,1,0,0,1,1}>()"
UNEVEN = "p = Constant<value = int64[8] {0,0,0,1,0,0,1,2}>()"
IMAGE = "float[2,3,9,8] x, float[4,3,3,3] w"


def case(inputs: str, body: str, **more: float) -> Case:
    return Case(inputs, body, dialects=ALL, **more)


CASES: dict[str, Case] = {
    "pad_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); y = Conv(a, w)"),
    "pad_uneven_conv": case(IMAGE, f"{UNEVEN}; a = Pad(x, p); y = Conv<strides=[2,2]>(a, w)"),
    "pad_conv_dilated": case(IMAGE, f"{UNEVEN}; a = Pad(x, p); y = Conv<dilations=[2,2], pads=[1,1,1,1]>(a, w)"),
    "pad_conv_grouped": case("float[1,4,7,7] x, float[6,2,3,3] w", f"{UNEVEN}; a = Pad(x, p); y = Conv<group=2>(a, w)"),
    "pad_relu_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); r = Relu(a); y = Conv(r, w)"),
    "pad_leaky_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); r = LeakyRelu(a); y = Conv(r, w)"),
    "pad_gelu_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); r = Gelu(a); y = Conv(r, w)", opset=20),
    "pad_floor_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); r = Floor(a); y = Conv(r, w)"),
    "pad_sigmoid_conv": case(IMAGE, f"{PADS}; a = Pad(x, p); r = Sigmoid(a); y = Conv(r, w)"),
    "pad_read_twice": case(
        f"{IMAGE}, float[4,3,5,5] v",
        f"{PADS}; a = Pad(x, p); b = Conv(a, w); c = Conv<pads=[1,1,1,1]>(a, v); y = Add(b, c)",
    ),
    "pad_read_by_another": case(
        f"{IMAGE}, float[4,3,1,1] v",
        f"{PADS}; a = Pad(x, p); c = Conv(a, w); g = GlobalMaxPool(a); k = Conv(g, v); y = Add(c, k)",
    ),
    "pad_relu_maxpool": case(
        IMAGE, f"{PADS}; r = Relu(x); a = Pad(r, p); y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(a)"
    ),
    "pad_maxpool": case(IMAGE, f"{PADS}; a = Pad(x, p); y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(a)"),
    "pad_leaky_maxpool": case(IMAGE, f"{PADS}; r = LeakyRelu(x); a = Pad(r, p); y = MaxPool<kernel_shape=[3,3]>(a)"),
    "pad_hardsigmoid_maxpool": case(
        IMAGE, f"{PADS}; r = HardSigmoid(x); a = Pad(r, p); y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(a)"
    ),
    "pad_below_zero_maxpool": case(
        IMAGE,
        f"{PADS}; n = Constant<value = float {{-1.0}}>(); r = Relu(x); a = Pad(r, p, n); b = Pad(a, p); "
        "y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(b)",
    ),
    "floor_maxpool": case(IMAGE, "r = Floor(x); y = MaxPool<kernel_shape=[3,3], strides=[2,2]>(r)"),
    "pad_averagepool": case(IMAGE, f"{PADS}; a = Pad(x, p); y = AveragePool<kernel_shape=[3,3], strides=[2,2]>(a)"),
    "pad_ones_conv": case(IMAGE, f"{PADS}; o = Constant<value = float {{1.0}}>(); a = Pad(x, p, o); y = Conv(a, w)"),
    "nhwc_flatten_gemm": case(
        "float[2,3,4,5] x, float[60,7] w", "t = Transpose<perm=[0,2,3,1]>(x); f = Flatten(t); y = MatMul(f, w)"
    ),
    "other_order_flatten_gemm": case(
        "float[2,3,4,5] x, float[60,7] w", "t = Transpose<perm=[0,3,1,2]>(x); f = Flatten(t); y = MatMul(f, w)"
    ),
    "batch_moved_flatten_gemm": case(
        "float[2,3,4,5] x, float[40,7] w", "t = Transpose<perm=[1,0,2,3]>(x); f = Flatten(t); y = MatMul(f, w)"
    ),
    "nhwc_matmul": case(
        "float[2,3,4,5] x, float[3,7] w",
        "t = Transpose<perm=[0,2,3,1]>(x); m = MatMul(t, w); y = Transpose<perm=[0,3,1,2]>(m)",
    ),
    "nhwc_mlp": case(
        "float[2,3,4,5] x, float[3,7] w, float[7] b, float[7,3] v",
        "t = Transpose<perm=[0,2,3,1]>(x); m = MatMul(t, w); a = Add(m, b); r = Relu(a); n = MatMul(r, v); "
        "y = Transpose<perm=[0,3,1,2]>(n)",
    ),
    "nhwc_gelu_mlp": case(
        "float[2,3,4,5] x, float[3,7] w, float[7,3] v",
        "t = Transpose<perm=[0,2,3,1]>(x); m = MatMul(t, w); r = Gelu(m); n = MatMul(r, v); "
        "y = Transpose<perm=[0,3,1,2]>(n)",
        opset=20,
    ),
    "nhwc_functions": case(
        "float[2,3,4,5] x",
        "t = Transpose<perm=[0,2,3,1]>(x); a = Erf(t); b = Round(t); c = Add(a, b); d = Sign(c); e = Mul(c, d); "
        "y = Transpose<perm=[0,3,1,2]>(e)",
    ),
    "shuffle_gelu_conv": case(
        "float[1,6,4,5] x, float[6,6,1,1] w, float[4,6,1,1] v",
        "i = Constant<value = int64[5] {1,2,3,4,5}>(); j = Constant<value = int64[4] {1,6,4,5}>(); c = Conv(x, w); "
        "s = Reshape(c, i); t = Transpose<perm=[0,2,1,3,4]>(s); u = Reshape(t, j); g = Gelu(u); y = Conv(g, v)",
        opset=20,
    ),
    "nhwc_residual": case(
        "float[2,3,4,5] x, float[3] s",
        "t = Transpose<perm=[0,2,3,1]>(x); r = Relu(x); u = Transpose<perm=[0,2,3,1]>(r); m = Mul(t, s); "
        "a = Add(m, u); y = Transpose<perm=[0,3,1,2]>(a)",
    ),
    "numbers_around_conv": case(
        IMAGE,
        "a = Constant<value = float {1.5}>(); b = Constant<value = float {-0.5}>(); "
        "i = Mul(x, a); j = Add(i, b); k = Div(j, a); c = Conv(k, w); d = Mul(c, a); e = Sub(d, b); y = Div(e, a)",
    ),
    "numbers_around_gemm": case(
        "float[2,6] x, float[6,4] w",
        "a = Constant<value = float {1.5}>(); b = Constant<value = float {-0.5}>(); "
        "i = Mul(x, a); j = Add(i, b); c = MatMul(j, w); d = Mul(c, a); y = Sub(d, b)",
    ),
    "bn_flatten_gemm": case(
        "float[2,3,4,5] x, float[3] s, float[3] b, float[3] m, float[60,7] w",
        "v = Abs(s); n = BatchNormalization(x, s, b, m, v); f = Flatten(n); y = MatMul(f, w)",
    ),
    "same_twice": case(IMAGE, "a = Conv(x, w); b = Conv(x, w); c = Relu(a); d = Relu(b); y = Mul(c, d)"),
    "same_twice_as_outputs": Case(
        IMAGE, "a = Relu(x); b = Relu(x); c = Conv(b, w)", outputs=("a", "b", "c"), dialects=ALL
    ),
    "relu6": case(
        IMAGE,
        "l = Constant<value = float {0.0}>(); h = Constant<value = float {6.0}>(); c = Conv(x, w); y = Clip(c, l, h)",
    ),
    "clip_read_twice": case(
        IMAGE,
        "l = Constant<value = float {-1.0}>(); h = Constant<value = float {2.0}>(); "
        "c = Conv(x, w); d = Clip(c, l, h); y = Add(c, d)",
    ),
}
