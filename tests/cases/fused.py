"""The operators that onnxruntime's optimiser writes into a model that it saves."""

from __future__ import annotations

from tests.cases import Case

EVERYWHERE = ("portable",)
IMAGE = "float[2,4,7,6] x, float[6,4,3,3] w, float[6] b"
FORMS = {
    "relu": 'activation="Relu"',
    "tanh": 'activation="Tanh"',
    "sigmoid": 'activation="Sigmoid"',
    "leaky": 'activation="LeakyRelu", activation_params=[0.2]',
    "clip": 'activation="Clip", activation_params=[0.0, 6.0]',
    "clip_low": 'activation="Clip", activation_params=[-0.5, 3.4028235e38]',
    "hard_sigmoid": 'activation="HardSigmoid", activation_params=[0.3, 0.4]',
}
WINDOWS = {
    "strided": "strides=[2, 1], pads=[1, 0, 1, 0]",
    "dilated": "dilations=[2, 1], kernel_shape=[3, 3]",
    "same": 'auto_pad="SAME_UPPER", strides=[2, 2]',
}
GEMMS = {
    "relu": 'activation="Relu"',
    "softplus": 'activation="Softplus"',
    "softsign": 'activation="Softsign"',
    "leaky": 'activation="LeakyRelu", activation_alpha=0.2',
    "elu": 'activation="Elu", activation_alpha=0.7',
    "hard_sigmoid": 'activation="HardSigmoid", activation_alpha=0.3, activation_beta=0.4',
    "selu": 'activation="Selu", activation_alpha=1.6, activation_gamma=1.1',
    "thresholded": 'activation="ThresholdedRelu", activation_alpha=0.5',
}
TURNS = {
    "plain": ("2,3,4,5", "2,3,5,6", "alpha=0.5"),
    "a": ("2,3,5,4", "2,3,5,6", "transA=1"),
    "b": ("2,3,4,5", "2,3,6,5", "transB=1, alpha=-2.0"),
    "both": ("5,4", "6,5", "transA=1, transB=1"),
    "batch_a": ("4,2,3,5", "2,3,5,6", "transBatchA=1"),
    "batch_b": ("2,3,4,5", "5,2,3,6", "transBatchB=1"),
    "batch_and_last": ("2,4,5", "6,2,5", "transB=1, transBatchB=1"),
    "all": ("5,2,4", "6,2,5", "transA=1, transB=1, transBatchA=1, transBatchB=1, alpha=0.25"),
}
TOKENS = "float[2,5,8] x, float[2,5,8] xs, float[8] g, float[8] b, float[8] c"


def row(inputs: str, call: str, opset: int = 18, **more: object) -> Case:
    """One call of an operator of Microsoft's domain."""
    return Case(inputs, f"y = com.microsoft.{call}", opset, dialects=EVERYWHERE, **more)  # type: ignore[arg-type]


def refused(inputs: str, call: str, reason: str) -> Case:
    """The same where nothing takes it."""
    return Case(inputs, f"y = com.microsoft.{call}", refused=reason)


CASES = {
    **{f"conv_{name}": row(IMAGE, f"FusedConv<{given}>(x, w, b)") for name, given in FORMS.items()},
    **{f"conv_{name}": row(IMAGE, f'FusedConv<activation="Relu", {it}>(x, w, b)') for name, it in WINDOWS.items()},
    "conv_clip_old": row(IMAGE, f"FusedConv<{FORMS['clip']}>(x, w, b)", 9),
    "conv_grouped": row("float[1,4,5,5] x, float[6,2,3,3] w", 'FusedConv<activation="Relu", group=2>(x, w)'),
    "conv_sum": row(f"{IMAGE}, float[2,6,5,4] xz", 'FusedConv<activation="Relu">(x, w, b, xz)'),
    "conv_sum_no_bias": row(f"{IMAGE}, float[2,6,5,4] xz", 'FusedConv<activation="Relu">(x, w, , xz)'),
    **{
        f"gemm_{name}": row("float[3,4] x, float[4,5] w, float[5] b", f"FusedGemm<{given}>(x, w, b)")
        for name, given in GEMMS.items()
    },
    "gemm_turned": row(
        "float[3,4] x, float[5,4] w, float[5] b",
        'FusedGemm<activation="Tanh", transB=1, alpha=0.5, beta=2.0>(x, w, b)',
    ),
    "gemm_no_bias": row("float[3,4] x, float[4,5] w", 'FusedGemm<activation="Sigmoid">(x, w)'),
    **{
        f"matmul_{name}": row(f"float[{a}] x, float[{b}] xb", f"FusedMatMul<{given}>(x, xb)")
        for name, (a, b, given) in TURNS.items()
    },
    "matmul_behind_another": Case(
        "float[2,4,5] x, float[2,4,5] xb",
        "m = com.microsoft.FusedMatMul<transB=1, alpha=0.1>(x, xb); s = Softmax(m); "
        "y = com.microsoft.FusedMatMul<transA=1>(s, xb)",
        dialects=EVERYWHERE,
    ),
    "gelu": row("float[2,5,8] x", "Gelu(x)"),
    "gelu_image": row("float[1,3,4,4] x", "Gelu(x)", 9),
    "bias_gelu": row("float[2,5,8] x, float[8] b", "BiasGelu(x, b)"),
    "fast_gelu": row("float[2,5,8] x", "FastGelu(x)", 11),
    "fast_gelu_bias": row("float[2,5,8] x, float[8] b", "FastGelu(x, b)"),
    "quick_gelu": row("float[2,5,8] x", "QuickGelu(x)"),
    "silu": row("float[1,3,4,4] x", "QuickGelu<alpha=1.0>(x)", 11),
    "skip_layer_norm": row(TOKENS, "SkipLayerNormalization<epsilon=1.0e-5>(x, xs, g, b, c)"),
    "skip_layer_norm_old": row(TOKENS, "SkipLayerNormalization<epsilon=1.0e-5>(x, xs, g, b)", 13),
    "skip_layer_norm_plain": row(TOKENS, "SkipLayerNormalization(x, xs, g)"),
    "skip_layer_norm_wide": row(
        "float[2,5,8] x, float[1,5,8] xs, float[8] g, float[8] b", "SkipLayerNormalization(x, xs, g, b)"
    ),
    "skip_layer_norm_sum": Case(
        TOKENS,
        "y, , , z = com.microsoft.SkipLayerNormalization<epsilon=1.0e-5>(x, xs, g, b, c)",
        outputs=("y", "z"),
        dialects=EVERYWHERE,
    ),
    "skip_rms_norm": row(TOKENS, "SkipSimplifiedLayerNormalization<epsilon=1.0e-5>(x, xs, g)"),
    "skip_rms_norm_sum": Case(
        TOKENS,
        "y, , , z = com.microsoft.SkipSimplifiedLayerNormalization(x, xs, g, c)",
        13,
        outputs=("y", "z"),
        dialects=EVERYWHERE,
    ),
    "layer_norm_old": Case(TOKENS, "y = LayerNormalization<epsilon=0.01>(x, g, b)", 13, dialects=EVERYWHERE),
    "layer_norm_old_axes": Case(
        "float[2,3,4,5] x, float[4,5] g, float[4,5] b", "y = LayerNormalization<axis=2>(x, g, b)", 13
    ),
    "layer_norm_old_no_bias": Case(TOKENS, "y = LayerNormalization<axis=2>(x, g)", 11, dialects=EVERYWHERE),
    "rms_norm": Case(TOKENS, "y = SimplifiedLayerNormalization<epsilon=0.01>(x, g)", dialects=EVERYWHERE),
    "rms_norm_old": Case(TOKENS, "y = SimplifiedLayerNormalization<axis=2>(x, g)", 13, dialects=EVERYWHERE),
    "unknown_attribute": refused(
        IMAGE, 'FusedConv<activation="Relu", alpha=1.0>(x, w, b)', "got an unexpected keyword argument 'alpha'"
    ),
    "unknown_activation": refused(IMAGE, 'FusedConv<activation="Mish">(x, w, b)', "its activation 'Mish' is none"),
    "too_few_parameters": refused(
        IMAGE, 'FusedConv<activation="Clip", activation_params=[0.0]>(x, w, b)', "'Clip' has 1 parameters"
    ),
    "wrong_parameters": refused(
        "float[3,4] x, float[4,5] w", 'FusedGemm<activation="Relu", activation_alpha=0.5>(x, w)', "has alpha as param"
    ),
    "too_many_inputs": refused("float[2,4] x, float[2,4] xb", "Gelu(x, xb)", "too many positional arguments"),
    "statistics": Case(
        TOKENS,
        "y, m = com.microsoft.SkipLayerNormalization(x, xs, g, b)",
        outputs=("y", "m"),
        refused="its output number 2, 'm', is read",
    ),
    "other_precision": Case(TOKENS, "y = LayerNormalization<stash_type=10>(x, g, b)", 13, refused="another precision"),
    "blocked_layout": Case(
        "float[1,16,8,8] x",
        "y = com.microsoft.nchwc.ReorderInput(x)",
        refused="onnxruntime's own, which its level ORT_ENABLE_ALL writes",
    ),
    "behind_another": Case(
        "float[2,4,4] x",
        "z = com.microsoft.BiasSoftmax<axis=2, is_inner_broadcast=0>(x, x); "
        "y = com.microsoft.FusedMatMul<transA=1>(z, x)",
        refused="BiasSoftmax",
    ),
}
