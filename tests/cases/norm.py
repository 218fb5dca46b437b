"""Normalisations: with given statistics, with the input's own, by magnitudes; ranks 1 to 5."""

from tests.cases import Case

PORTABLE = ("portable",)
SHAPES = {"rows": "3,4", "signal": "2,4,5", "image": "2,4,3,5", "volume": "2,4,2,3,2", "pixel": "2,4,1,1"}


def batch_norm(shape: str, channels: int, attributes: str = "", **options: object) -> Case:
    vectors = ", ".join(f"float[{channels}] {name}" for name in "gbmv")
    body = f"y = BatchNormalization{attributes}(x, g, b, m, v)"
    return Case(f"float[{shape}] x, {vectors}", body, low=0.1, dialects=PORTABLE, **options)  # type: ignore[arg-type]


def scaled(op: str, shape: str, scale: str, bias: str = "", **options: object) -> Case:
    """A normalisation with a scale, and a bias where one is given."""
    inputs = f"float[{shape}] x, float[{scale}] g" + (f", float[{bias}] b" if bias else "")
    body = f"y = {op}(x, g{', b' if bias else ''})"
    return Case(inputs, body, dialects=PORTABLE, **options)  # type: ignore[arg-type]


def plain(body: str, shape: str = "2,3,4,5", **options: object) -> Case:
    return Case(f"float[{shape}] x", f"y = {body}(x)", dialects=PORTABLE, **options)  # type: ignore[arg-type]


CASES = {
    **{f"batch_{name}": batch_norm(shape, 4) for name, shape in SHAPES.items()},
    "batch_vector": batch_norm("5", 1),
    "batch_eps": batch_norm("2,4,3,5", 4, "<epsilon=0.25>"),
    "batch_opset_7": batch_norm("2,4,3,5", 4, opset=7),
    "batch_opset_9": batch_norm("2,4,3,5", 4, opset=9),
    "batch_training": Case(
        "float[2,4,3] x, float[4] g, float[4] b, float[4] m, float[4] v",
        "y, a, c = BatchNormalization<training_mode=1>(x, g, b, m, v)",
        low=0.1,
        outputs=("y",),
        dialects=(),
        refused="training_mode=1",
    ),
    "batch_at_run_time": Case(
        "float[2,4,3] x, float[4] x2, float[4] x3, float[4] x4, float[4] x5",
        "y = BatchNormalization(x, x2, x3, x4, x5)",
        low=0.1,
        dialects=PORTABLE,
    ),
    "batch_partly_at_run_time": Case(
        "float[2,4,3,5] x, float[4] x2, float[4] b, float[4] x4, float[4] v",
        "y = BatchNormalization(x, x2, b, x4, v)",
        low=0.1,
        dialects=PORTABLE,
    ),
    "batch_scale_at_run_time": Case(
        "float[2,4,3,5] x, float[4] x2, float[4] b, float[4] m, float[4] v",
        "y = BatchNormalization(x, x2, b, m, v)",
        low=0.1,
        dialects=PORTABLE,
    ),
    "instance_at_run_time": Case(
        "float[2,4,3,5] x, float[4] x2, float[4] x3", "y = InstanceNormalization(x, x2, x3)", dialects=PORTABLE
    ),
    **{
        f"instance_{name}": scaled("InstanceNormalization", shape, "4", "4")
        for name, shape in SHAPES.items()
        if name != "rows"
    },
    "instance_eps": scaled("InstanceNormalization<epsilon=0.5>", "2,4,3,5", "4", "4"),
    "instance_of_one_image": scaled("InstanceNormalization", "1,3,7,5", "3", "3"),
    "instance_far_from_zero": scaled("InstanceNormalization", "2,4,7,5", "4", "4", low=99, high=101),
    "instance_after_conv": Case(
        "float[2,3,6,6] x, float[4,3,3,3] w, float[4] c, float[4] g, float[4] b",
        "a = Conv(x, w, c); y = InstanceNormalization(a, g, b)",
        dialects=PORTABLE,
    ),
    **{
        f"group_{name}": scaled("GroupNormalization<num_groups=2>", shape, "4", "4", opset=21)
        for name, shape in SHAPES.items()
        if name not in ("rows", "pixel")
    },
    "group_of_all": scaled("GroupNormalization<num_groups=1, epsilon=0.1>", "2,6,3,5", "6", "6", opset=21),
    "group_of_one": scaled("GroupNormalization<num_groups=6>", "2,6,3,5", "6", "6", opset=21),
    "group_opset_18": scaled("GroupNormalization<num_groups=3>", "2,6,3,5", "3", "3", opset=18),
    "layer": scaled("LayerNormalization", "2,4,6", "6", "6"),
    "layer_no_bias": scaled("LayerNormalization<epsilon=0.5>", "2,4,6", "6"),
    "layer_two_axes": scaled("LayerNormalization<axis=1>", "2,4,6", "4,6", "4,6"),
    "layer_broadcast_scale": scaled("LayerNormalization<axis=-2>", "2,4,6", "6", "4,1"),
    "layer_all_axes": scaled("LayerNormalization<axis=0>", "2,4,6", "2,4,6", "6"),
    "layer_vector": scaled("LayerNormalization", "7", "7"),
    "layer_rows": scaled("LayerNormalization", "3,7", "7", "7"),
    "layer_image": scaled("LayerNormalization<axis=1>", "2,3,4,5", "3,4,5", "3,4,5"),
    "layer_rank_5": scaled("LayerNormalization<axis=3>", "2,3,2,2,3", "2,3"),
    "layer_of_one": scaled("LayerNormalization", "2,3,1", "1", "1"),
    "layer_far_from_zero": scaled("LayerNormalization", "2,4,32", "32", "32", low=99, high=101),
    "layer_statistics": Case(
        "float[2,4,6] x, float[6] g, float[6] b",
        "y, mean, deviation = LayerNormalization<epsilon=0.5>(x, g, b)",
        dialects=PORTABLE,
    ),
    "layer_statistics_of_all": Case(
        "float[2,4,6] x, float[6] g", "y, mean, deviation = LayerNormalization<axis=0>(x, g)", dialects=PORTABLE
    ),
    "layer_at_run_time": Case(
        "float[2,4,6] x, float[4,6] x2, float[6] x3", "y = LayerNormalization<axis=1>(x, x2, x3)", dialects=PORTABLE
    ),
    "layer_scale_at_run_time": Case(
        "float[2,4,6] x, float[6] x2, float[6] b", "y = LayerNormalization(x, x2, b)", dialects=PORTABLE
    ),
    "rms_at_run_time": Case("float[2,4,6] x, float[6] x2", "y = RMSNormalization(x, x2)", opset=23, dialects=PORTABLE),
    "rms": scaled("RMSNormalization", "2,4,6", "6", opset=23),
    "rms_two_axes": scaled("RMSNormalization<axis=2, epsilon=0.5>", "2,4,3,6", "3,6", opset=23),
    "rms_vector": scaled("RMSNormalization", "6", "6", opset=23),
    "rms_after_conv": Case(
        "float[1,3,6,1] x, float[4,3,1,1] w, float[1] g",
        "a = Conv(x, w); y = RMSNormalization<axis=2>(a, g)",
        opset=23,
        dialects=PORTABLE,
    ),
    **{
        f"l{p}_{name}": plain(f"LpNormalization<axis={axis}, p={p}>", shape)
        for p in (1, 2)
        for name, (shape, axis) in {
            "last": ("2,4,6", -1),
            "channels": ("2,3,4,5", 1),
            "batch": ("3,4,5", 0),
            "vector": ("7", 0),
            "rank_5": ("2,3,2,3,2", 2),
            "of_one": ("5,1", 1),
        }.items()
    },
    "l1_of_zeros": plain("LpNormalization<axis=1, p=1>", low=0, high=0),
    "l2_of_zeros": plain("LpNormalization<axis=1>", low=0, high=0),
    "l2_of_zeros_last": plain("LpNormalization", low=0, high=0),
    "l2_of_little": plain("LpNormalization", low=0, high=1e-7),
    **{
        f"mean_variance_{''.join(map(str, axes)) or 'default'}": plain(
            f"MeanVarianceNormalization{f'<axes={axes}>' if axes else ''}"
        )
        for axes in ([], [2, 3], [1], [0], [3], [1, 3], [0, 2], [0, 1, 2, 3], [1, 2, 3], [0, 3])
    },
    "mean_variance_of_one_image": plain("MeanVarianceNormalization", "1,3,4,5"),
    "mean_variance_negative_axis": plain("MeanVarianceNormalization<axes=[-1]>"),
    "mean_variance_rows": plain("MeanVarianceNormalization<axes=[0]>", "5,3"),
    "lrn": plain("LRN<size=5>", "2,7,4,5"),
    "lrn_bias": plain("LRN<size=3, alpha=0.5, beta=0.6, bias=2.0>", "2,7,4,5"),
    "lrn_small_bias": plain("LRN<size=3, alpha=0.5, bias=0.25>", "2,7,4,5"),
    "lrn_of_one": plain("LRN<size=1, alpha=0.5>", "2,7,4,5"),
    "lrn_over_all": plain("LRN<size=9, alpha=2.0>"),
}
