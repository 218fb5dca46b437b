"""Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout, Cast and Transpose: the numbers must arrive untouched."""

from __future__ import annotations

from tests.cases import Case


def moved(inputs: str, body: str, *dialects: str, **options: object) -> Case:
    """A row whose numbers are moved and not computed: no difference is tolerated."""
    return Case(inputs, body, dialects=dialects or ("portable",), tolerance=0.0, why="moved, not computed", **options)


def everywhere(inputs: str, body: str, **options: object) -> Case:
    """A row that every dialect must take."""
    return Case(inputs, body, dialects=("portable",), **options)


def refused(inputs: str, body: str, reason: str) -> Case:
    """A row that no dialect may take."""
    return Case(inputs, body, dialects=(), refused=reason)


def ints(name: str, *values: int) -> str:
    """An int64 constant as ONNX text."""
    return f"{name} = Constant<value=int64[{len(values)}]{{{','.join(map(str, values))}}}>(); "


def reshaped(source: str, *shape: int, **attributes: int) -> Case:
    extra = "".join(f"<{key}={value}>" for key, value in attributes.items())
    return moved(f"float[{source}] x", ints("s", *shape) + f"y = Reshape{extra}(x, s)")


def transposed(shape: str, *perm: int) -> Case:
    attribute = f"<perm=[{','.join(map(str, perm))}]>" if perm else ""
    return moved(f"float[{shape}] x", f"y = Transpose{attribute}(x)")


def shuffled(shape: str, split: tuple[int, ...], perm: tuple[int, ...], back: tuple[int, ...]) -> Case:
    body = ints("s", *split) + f"a = Reshape(x, s); b = Transpose<perm=[{','.join(map(str, perm))}]>(a); "
    return moved(f"float[{shape}] x", body + ints("t", *back) + "y = Reshape(b, t)")


NO_SCALAR = ("bvlc-1.0", "bvlc", "shufflenet")

CASES = {
    "reshape": reshaped("2,3,4,5", 6, 20),
    "reshape_infer": reshaped("2,3,4,5", 2, -1),
    "reshape_copy": reshaped("2,3,4,5", 0, -1, 0),
    "reshape_allowzero": reshaped("2,3,4,5", 2, 3, 20, allowzero=1),
    "reshape_rank5": reshaped("2,12,4,5", 2, 3, 4, 4, 5),
    "reshape_rank6": reshaped("1,8,6,4", 1, 2, 4, 3, 2, 4),
    "reshape_to_1d": reshaped("2,3", -1),
    "reshape_from_1d": reshaped("12", 3, 4),
    "reshape_1d_to_4d": reshaped("12", 1, 3, 2, 2),
    "reshape_ones": reshaped("1,1,1,1", 1, 1),
    "reshape_to_scalar": moved("float[1,1] x", "s = Constant<value=int64[0]{}>(); y = Reshape(x, s)", *NO_SCALAR),
    "reshape_through_scalar": moved(
        "float[1,1] x",
        "s = Constant<value=int64[0]{}>(); a = Reshape(x, s); " + ints("t", 1, 1, 1) + "y = Reshape(a, t)",
    ),
    "reshape_twice": moved(
        "float[2,6,2] x",
        ints("s", 4, 6) + ints("t", 2, 12) + "a = Reshape(x, s); b = Relu(a); c = Reshape(b, t); y = Relu(c)",
    ),
    "reshape_both_read": moved(
        "float[2,6,2] x",
        ints("s", 4, 6) + ints("t", 2, 12) + "a = Reshape(x, s); y = Reshape(a, t); z = Relu(a)",
        outputs=("y", "z"),
    ),
    "flatten_default": moved("float[2,3,4,5] x", "y = Flatten(x)"),
    "flatten_0": moved("float[2,3,4] x", "y = Flatten<axis=0>(x)"),
    "flatten_2": moved("float[2,3,4,5] x", "y = Flatten<axis=2>(x)"),
    "flatten_negative": moved("float[2,3,4,5] x", "y = Flatten<axis=-1>(x)"),
    "flatten_rank": moved("float[2,3,4] x", "y = Flatten<axis=3>(x)"),
    "flatten_rank2": moved("float[3,4] x", "y = Flatten(x)"),
    "flatten_1d": moved("float[4] x", "y = Flatten(x)"),
    "flatten_rank5": moved("float[2,3,1,2,2] x", "y = Flatten<axis=3>(x)"),
    "squeeze_all": moved("float[1,3,1,5] x", "y = Squeeze(x)"),
    "squeeze_axes": moved("float[1,3,1,5] x", ints("a", -2) + "y = Squeeze(x, a)"),
    "squeeze_to_1d": moved("float[1,5,1] x", ints("a", 0, 2) + "y = Squeeze(x, a)"),
    "squeeze_to_scalar": moved("float[1,1] x", "y = Squeeze(x)", *NO_SCALAR),
    "squeeze_opset11": moved("float[1,3,1,5] x", "y = Squeeze<axes=[0,2]>(x)", opset=11),
    "unsqueeze": moved("float[3,4] x", ints("a", 0, -1) + "y = Unsqueeze(x, a)"),
    "unsqueeze_1d": moved("float[4] x", ints("a", 1) + "y = Unsqueeze(x, a)"),
    "unsqueeze_rank6": moved("float[2,3,4,5] x", ints("a", 1, 4) + "y = Unsqueeze(x, a)"),
    "unsqueeze_opset11": moved("float[3,4] x", "y = Unsqueeze<axes=[1]>(x)", opset=11),
    "identity": moved("float[2,3] x", "y = Identity(x)"),
    "identity_between": moved("float[2,3] x", "a = Identity(x); y = Relu(a)"),
    "identity_of_input_and_value": moved("float[2,3] x", "y = Relu(x); z = Identity(y)", outputs=("y", "z")),
    "dropout": moved("float[2,3,4] x", "y = Dropout(x)"),
    "dropout_ratio": moved("float[2,3,4] x", "r = Constant<value=float{0.3}>(); a = Dropout(x, r); y = Relu(a)"),
    "dropout_opset7": moved("float[2,3] x", "a = Dropout<ratio=0.4>(x); y = Relu(a)", opset=7),
    "cast_half": Case(
        "float[2,3] x",
        "a = Cast<to=10>(x); y = Cast<to=1>(a)",
        dialects=("portable",),
        tolerance=1e-3,
        why="onnxruntime rounds to half precision on the way, Caffe has none",
    ),
    "cast_double": moved("float[2,3] x", "a = Cast<to=11>(x); b = Relu(a); y = Cast<to=1>(b)"),
    "cast_int": refused("float[2,3] x", "a = Cast<to=7>(x); y = Cast<to=1>(a)", "a cast of computed values"),
    "transpose_2d": transposed("3,5"),
    "transpose_default_rank3": transposed("2,3,4"),
    "transpose_nhwc": transposed("1,3,4,5", 0, 2, 3, 1),
    "transpose_nhwc_batch": transposed("2,3,4,5", 0, 2, 3, 1),
    "transpose_nchw_batch": transposed("2,4,5,3", 0, 3, 1, 2),
    "transpose_hw": transposed("2,3,4,5", 0, 1, 3, 2),
    "transpose_cn": transposed("2,3,4,5", 1, 0, 2, 3),
    "transpose_reverse": transposed("2,3,4,5", 3, 2, 1, 0),
    "transpose_ctc": transposed("2,7,1,5", 3, 0, 1, 2),
    "transpose_ones": transposed("1,3,1,5", 2, 1, 0, 3),
    "transpose_identity": transposed("2,3,4", 0, 1, 2),
    "transpose_rank3": transposed("2,3,4", 0, 2, 1),
    "transpose_rank3_rotate": transposed("2,3,4", 2, 0, 1),
    "transpose_rank5": transposed("2,3,2,4,3", 0, 3, 1, 4, 2),
    "transpose_rank5_reverse": transposed("2,3,2,3,2", 4, 3, 2, 1, 0),
    "transpose_rank6": transposed("1,2,3,2,3,2", 0, 1, 3, 2, 4, 5),
    "transpose_rank6_hard": transposed("2,2,3,2,3,2", 5, 1, 3, 0, 4, 2),
    "transpose_windows": transposed("2,3,4,3,4,5", 0, 1, 3, 2, 4, 5),
    "transpose_heads": transposed("2,7,3,8", 0, 2, 1, 3),
    "transpose_long_runs": transposed("2,3,5,40", 0, 2, 1, 3),
    "transpose_long_runs_second": transposed("2,5,3,40", 0, 2, 1, 3),
    "transpose_large_axis": transposed("1,100,110", 0, 2, 1),
    "transpose_prime": transposed("1,67,71", 0, 2, 1),
    "transpose_twice": moved("float[2,3,4,5] x", "a = Transpose<perm=[0,2,3,1]>(x); y = Transpose<perm=[0,2,1,3]>(a)"),
    "transpose_there_and_back": moved(
        "float[2,3,4,5] x", "a = Transpose<perm=[0,2,3,1]>(x); b = Transpose<perm=[0,3,1,2]>(a); y = Relu(b)"
    ),
    "transpose_1d": transposed("4"),
    "shuffle_5d": shuffled("2,6,3,4", (2, 2, 3, 3, 4), (0, 2, 1, 3, 4), (2, 6, 3, 4)),
    "shuffle_4d": shuffled("2,12,3,4", (2, 3, 4, 12), (0, 2, 1, 3), (2, 12, 3, 4)),
    "shuffle_batch1": shuffled("1,8,5,5", (1, 4, 2, 5, 5), (0, 2, 1, 3, 4), (1, 8, 5, 5)),
    "shuffle_infer": shuffled("2,8,3,4", (2, 4, -1, 3, 4), (0, 2, 1, 3, 4), (0, -1, 3, 4)),
    "shuffle_group8": shuffled("1,24,2,3", (1, 8, 3, 2, 3), (0, 2, 1, 3, 4), (1, 24, 2, 3)),
    "shuffle_group16": shuffled("2,48,2,3", (2, 16, 3, 2, 3), (0, 2, 1, 3, 4), (2, 48, 2, 3)),
    "shuffle_onto_1x1": shuffled("2,6,1,1", (2, 3, 2, 1, 1), (0, 2, 1, 3, 4), (2, 6, 1, 1)),
    "shuffle_row": shuffled("1,6,1,5", (1, 2, 3, 1, 5), (0, 2, 1, 3, 4), (1, 6, 1, 5)),
    "shuffle_rank3": shuffled("2,6,5", (2, 2, 3, 5), (0, 2, 1, 3), (2, 6, 5)),
    "shuffle_unmerged_batch": shuffled("2,6,2,2", (1, 2, 2, 3, 4), (0, 1, 3, 2, 4), (2, 6, 2, 2)),
    "no_shuffle_other_axes": shuffled("2,6,3,4", (2, 2, 3, 3, 4), (0, 2, 1, 4, 3), (2, 6, 3, 4)),
    "no_shuffle_across_rows": shuffled("1,6,4,4", (1, 4, 6, 4), (0, 2, 1, 3), (1, 6, 4, 4)),
    "no_shuffle_other_shape": shuffled("1,6,4,4", (1, 2, 3, 4, 4), (0, 2, 1, 3, 4), (1, 3, 8, 4)),
    "shuffle_unit": moved(
        "float[1,8,3,3] x",
        ints("s", 1, 2, 4, 3, 3) + ints("t", 1, 8, 3, 3) + "a = Reshape(x, s); b = Transpose<perm=[0,2,1,3,4]>(a); "
        "c = Reshape(b, t); d, e = Split<axis=1, num_outputs=2>(c); f = Relu(e); y = Concat<axis=1>(d, f)",
    ),
    "pixel_shuffle": shuffled("2,12,2,3", (2, 3, 2, 2, 2, 3), (0, 1, 4, 2, 5, 3), (2, 3, 4, 6)),
    "pixel_shuffle_3": shuffled("1,18,2,3", (1, 2, 3, 3, 2, 3), (0, 1, 4, 2, 5, 3), (1, 2, 6, 9)),
    "pixel_shuffle_merged": shuffled("1,4,2,3", (2, 2, 2, 3), (2, 0, 3, 1), (1, 1, 4, 6)),
    "pixel_shuffle_uneven": shuffled("1,12,2,3", (1, 2, 2, 3, 2, 3), (0, 1, 4, 2, 5, 3), (1, 2, 4, 9)),
    "pixel_unshuffle": shuffled("2,3,4,6", (2, 3, 2, 2, 3, 2), (0, 1, 3, 5, 2, 4), (2, 12, 2, 3)),
    "pixel_unshuffle_column_first": shuffled("1,3,4,6", (1, 3, 2, 2, 3, 2), (0, 5, 3, 1, 2, 4), (1, 12, 2, 3)),
    "tokens": moved("float[2,6,3,4] x", ints("s", 2, 6, 12) + "a = Reshape(x, s); y = Transpose<perm=[0,2,1]>(a)"),
}
