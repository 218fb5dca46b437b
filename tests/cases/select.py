"""Split, Slice, Concat, Gather and their kin at constant positions."""

from __future__ import annotations

from tests.cases import Case
from tests.cases.shape import everywhere, ints, moved, refused

END = 9223372036854775807
START = -9223372036854775808


def sliced(
    shape: str, starts: list[int], ends: list[int], axes: list[int] | None = None, steps: list[int] | None = None
) -> Case:
    body = ints("a", *starts) + ints("b", *ends)
    body += ints("c", *axes) if axes is not None else ""
    body += ints("d", *steps) if steps is not None else ""
    names = "a, b" + (", c" if axes is not None else ", " if steps else "") + (", d" if steps is not None else "")
    return moved(f"float[{shape}] x", body + f"y = Slice(x, {names})")


def split(shape: str, axis: int, *sizes: int, outputs: str = "") -> Case:
    names = ", ".join(f"y{i}" for i in range(len(sizes)))
    wanted = tuple(outputs.split()) or tuple(names.split(", "))
    return moved(f"float[{shape}] x", ints("s", *sizes) + f"{names} = Split<axis={axis}>(x, s)", outputs=wanted)


def gathered(shape: str, axis: int, *indices: int) -> Case:
    return moved(f"float[{shape}] x", ints("i", *indices) + f"y = Gather<axis={axis}>(x, i)")


def grid(name: str, rows: int, columns: int, *values: int) -> str:
    return f"{name} = Constant<value=int64[{rows},{columns}]{{{','.join(map(str, values))}}}>(); "


FOCUS = (
    ints("z", 0)
    + ints("o", 1)
    + ints("e", END)
    + ints("h", 2)
    + ints("w", 3)
    + ints("t", 2)
    + "a = Slice(x, z, e, h, t); b = Slice(x, o, e, h, t); "
    "p = Slice(a, z, e, w, t); q = Slice(b, z, e, w, t); r = Slice(a, o, e, w, t); s = Slice(b, o, e, w, t); "
)

CASES = {
    "split_even": split("2,6,3,4", 1, 2, 2, 2),
    "split_uneven": split("2,6,3,4", 1, 1, 3, 2),
    "split_negative_axis": split("2,3,4,6", -1, 5, 1),
    "split_axis0": split("4,3", 0, 1, 3),
    "split_one_unused": split("1,6,3,3", 1, 2, 2, 2, outputs="y0 y2"),
    "split_rank5": split("2,3,2,5,2", 3, 2, 3),
    "split_rank1": split("6", 0, 2, 4),
    "split_num_outputs": moved("float[1,6,3,3] x", "y, z = Split<axis=1, num_outputs=2>(x)", outputs=("y", "z")),
    "split_num_outputs_uneven": moved(
        "float[1,7,3,3] x", "y, z, w = Split<axis=1, num_outputs=3>(x)", outputs=("y", "z", "w")
    ),
    "split_opset11": moved("float[1,6,3,3] x", "y, z = Split<axis=1, split=[2,4]>(x)", outputs=("y", "z"), opset=11),
    "split_default_opset11": moved("float[4,3] x", "y, z = Split(x)", outputs=("y", "z"), opset=11),
    "split_single": moved("float[2,3] x", ints("s", 3) + "y = Split<axis=1>(x, s)", outputs=("y",)),
    "slice": sliced("2,6,5,4", [1, 2], [4, 5], [1, 2]),
    "slice_no_axes": sliced("3,6,5", [1, 2], [3, 6]),
    "slice_negative": sliced("2,6,5,4", [-4, -3], [-1, END], [1, -2]),
    "slice_beyond": sliced("2,6,5,4", [-100], [100], [3]),
    "slice_everything": sliced("2,3,4", [0], [END], [1]),
    "slice_batch": sliced("4,3,2,2", [1], [3], [0]),
    "slice_rank1": sliced("9", [2], [-2]),
    "slice_rank5": sliced("2,3,4,3,4", [1, 0, 1], [3, 2, 4], [1, 3, 4]),
    "slice_opset9": moved("float[2,6,5,4] x", "y = Slice<starts=[1,0], ends=[3,4], axes=[1,2]>(x)", opset=9),
    "slice_step_w": sliced("2,3,6,7", [0], [END], [3], [2]),
    "slice_step_h": sliced("2,3,7,5", [1], [END], [2], [3]),
    "slice_step_hw": sliced("2,3,7,8", [1, 0], [END, END], [2, 3], [2, 3]),
    "slice_step_hw_and_channels": sliced("2,6,7,8", [1, 0, 1], [END, END, 5], [2, 3, 1], [2, 3, 2]),
    "slice_step_channels": sliced("2,7,3,4", [1], [END], [1], [2]),
    "slice_step_batch": sliced("5,3,2", [0], [5], [0], [2]),
    "slice_step_rank5": sliced("2,3,4,5,4", [0, 1], [END, END], [3, 4], [2, 2]),
    "slice_step_rank1": sliced("11", [1], [END], [0], [4]),
    "slice_step_rank3": sliced("2,3,9", [0], [END], [2], [2]),
    "slice_step_larger_than_axis": sliced("1,2,3,3", [1], [END], [3], [10]),
    "slice_reverse": sliced("2,3,4,5", [-1], [START], [1], [-1]),
    "slice_reverse_w": sliced("2,3,4,5", [4], [-END], [3], [-1]),
    "slice_reverse_step": sliced("2,9,3,3", [7], [0], [1], [-3]),
    "slice_reverse_batch": sliced("3,2,2", [-1], [START], [0], [-1]),
    "slice_reverse_rank1": sliced("7", [-1], [START], [0], [-1]),
    "slice_reverse_many": sliced("1,2,3,40", [-1], [START], [3], [-1]),
    "slice_reverse_prime": sliced("1,2,3,37", [-1], [START], [3], [-1]),
    "slice_reverse_long": sliced("1,2,144,2", [-1], [START], [2], [-1]),
    "slices_of_one_blob": moved(
        "float[1,6,3,3] x",
        ints("a", 0)
        + ints("b", 2)
        + ints("c", 5)
        + ints("d", END)
        + ints("k", 1)
        + "y = Slice(x, a, b, k); z = Slice(x, c, d, k)",
        outputs=("y", "z"),
    ),
    "slices_overlap": moved(
        "float[1,6,3,3] x",
        ints("a", 0)
        + ints("b", 4)
        + ints("c", 2)
        + ints("d", END)
        + ints("k", 1)
        + "p = Slice(x, a, b, k); q = Slice(x, c, d, k); y = Concat<axis=1>(q, p)",
    ),
    "slices_and_gathers": moved(
        "float[3,2,4,5] x",
        ints("i", 1)
        + "j = Constant<value=int64{2}>(); "
        + ints("a", 0)
        + ints("b", 1)
        + ints("k", 0)
        + "y = Gather<axis=0>(x, i); z = Gather<axis=0>(x, j); w = Slice(x, a, b, k)",
        outputs=("y", "z", "w"),
    ),
    "slices_two_axes": moved(
        "float[1,4,4,3] x",
        ints("a", 0)
        + ints("b", 2)
        + ints("d", 4)
        + ints("k", 1)
        + ints("m", 2)
        + "p = Slice(x, a, b, k); q = Slice(x, b, d, k); r = Slice(x, a, b, m); s = Slice(x, b, d, m); "
        "t = Concat<axis=1>(q, p); u = Concat<axis=2>(s, r); y = Concat<axis=1>(t, u)",
    ),
    "slices_of_slices": moved(
        "float[1,8,3,4] x",
        ints("a", 0)
        + ints("b", 2)
        + ints("c", 4)
        + ints("d", 8)
        + ints("k", 1)
        + "p = Slice(x, a, c, k); q = Slice(x, c, d, k); r = Slice(p, a, b, k); s = Slice(p, b, c, k); "
        "t = Slice(q, a, b, k); u = Slice(q, b, c, k); y = Concat<axis=1>(s, u, r, t)",
    ),
    "slices_steps": moved(
        "float[2,8,3,4] x",
        ints("a", 0)
        + ints("b", 1)
        + ints("d", 8)
        + ints("k", 1)
        + ints("t", 2)
        + "p = Slice(x, a, d, k, t); q = Slice(x, b, d, k, t); y = Concat<axis=1>(q, p)",
    ),
    "focus": moved("float[2,3,4,6] x", FOCUS + "y = Concat<axis=1>(p, q, r, s)"),
    "focus_row_first": moved("float[1,3,4,6] x", FOCUS + "y = Concat<axis=1>(p, r, q, s)"),
    "focus_three_of_four": moved("float[1,3,4,6] x", FOCUS + "y = Concat<axis=1>(s, q, p)"),
    "focus_many_channels": moved("float[1,20,4,6] x", FOCUS + "y = Concat<axis=1>(p, q, r, s)"),
    "focus_odd_size": moved(
        "float[1,3,5,7] x", FOCUS.replace("s = Slice(b, o", "s = Slice(b, z") + "y = Concat<axis=0>(p, p)"
    ),
    "focus_read_elsewhere": moved(
        "float[1,3,4,6] x", FOCUS + "y = Concat<axis=1>(p, q, r, s); v = Concat<axis=1>(p, p)", outputs=("y", "v")
    ),
    "patch_merging": moved(
        "float[2,4,6,5] x",
        FOCUS.replace("h = Constant<value=int64[1]{2}", "h = Constant<value=int64[1]{1}").replace(
            "w = Constant<value=int64[1]{3}", "w = Constant<value=int64[1]{2}"
        )
        + "y = Concat<axis=3>(p, q, r, s)",
    ),
    "concat_axis1": moved("float[2,3,4] x, float[2,2,4] x2", "y = Concat<axis=1>(x, x2)"),
    "concat_axis0": moved("float[1,3,4] x, float[2,3,4] x2", "y = Concat<axis=0>(x, x2)"),
    "concat_negative": moved("float[2,3,4,5] x, float[2,3,4,1] x2", "y = Concat<axis=-1>(x, x2)"),
    "concat_rank1": moved("float[3] x, float[2] x2", "y = Concat<axis=0>(x, x2)"),
    "concat_rank5": moved("float[2,3,2,2,4] x, float[2,3,2,2,1] x2", "y = Concat<axis=4>(x, x2)"),
    "concat_self": moved("float[2,3,4] x", "y = Concat<axis=1>(x, x, x)"),
    "concat_single": moved("float[2,3,4] x", "y = Concat<axis=1>(x)"),
    "concat_many": moved("float[1,2,3,3] x, float[1,1,3,3] x2, float[1,4,3,3] x3", "y = Concat<axis=1>(x2, x, x3, x2)"),
    "concat_constant_first": moved("float[1,1,5] c, float[1,4,5] x", "y = Concat<axis=1>(c, x)"),
    "concat_constant_last": moved("float[2,3,2,4] c, float[2,3,5,4] x", "y = Concat<axis=2>(x, c)"),
    "concat_constant_batch": moved("float[3,4] c, float[1,4] x", "y = Concat<axis=0>(c, x, c)"),
    "concat_constant_rank1": moved("float[3] c, float[2] x", "y = Concat<axis=0>(x, c)"),
    "concat_class_token": moved(
        "float[1,1,8] c, float[1,8,3,2] x",
        ints("s", 1, 8, 6) + "a = Reshape(x, s); b = Transpose<perm=[0,2,1]>(a); y = Concat<axis=1>(c, b)",
    ),
    "gather_scalar": moved("float[2,3,4] x", "i = Constant<value=int64{1}>(); y = Gather<axis=1>(x, i)"),
    "gather_negative": moved("float[2,3,4] x", "i = Constant<value=int64{-1}>(); y = Gather<axis=2>(x, i)"),
    "gather_to_rank1": moved("float[3,4] x", "i = Constant<value=int64{1}>(); y = Gather<axis=0>(x, i)"),
    "gather_contiguous": gathered("2,6,4", 1, 2, 3, 4),
    "gather_permutation": gathered("1,3,4,4", 1, 2, 0, 1),
    "gather_duplicates": gathered("2,3,4,4", 1, 1, 1, 0, -1, 1),
    "gather_step": gathered("2,3,9", 2, 0, 3, 6),
    "gather_same": gathered("2,3,4", 1, 1, 1, 1),
    "gather_scattered": gathered("2,40,3", 1, *[i * 7 % 40 for i in range(40)]),
    "gather_scattered_batch": gathered("20,3", 0, *[i * 7 % 20 for i in range(20)]),
    "gather_scattered_width": gathered("1,2,3,20", 3, *[i * 3 % 20 for i in range(30)]),
    "gather_grid": moved("float[2,5,3] x", grid("i", 2, 3, 0, 1, 2, 2, 3, 4) + "y = Gather<axis=1>(x, i)"),
    "gather_rank5": gathered("2,3,2,2,4", 4, 3, 0),
    "gather_rank1": gathered("5", 0, 3, 3, 0),
    "gather_table": refused("float[5,4] w, float[3] x", "i = Cast<to=7>(x); y = Gather(w, i)", "integers"),
    "gather_elements": moved("float[2,3] x", grid("i", 2, 2, 0, 2, 1, -1) + "y = GatherElements<axis=1>(x, i)"),
    "gather_elements_axis0": moved(
        "float[3,3] x", grid("i", 2, 3, 1, 2, 0, 2, 0, 0) + "y = GatherElements<axis=0>(x, i)"
    ),
    "gather_nd": moved("float[3,4,5] x", grid("i", 2, 2, 0, 1, 2, -1) + "y = GatherND(x, i)"),
    "gather_nd_whole": moved("float[3,4,5] x", grid("i", 2, 1, 2, 0) + "y = GatherND(x, i)"),
    "gather_nd_batch": moved("float[2,4,5] x", grid("i", 2, 1, 1, 3) + "y = GatherND<batch_dims=1>(x, i)"),
    "scatter_nd": moved("float[4,3] x, float[2,3] x2", grid("i", 2, 1, 2, 0) + "y = ScatterND(x, i, x2)"),
    "scatter_nd_points": moved("float[4,3] x, float[2] x2", grid("i", 2, 2, 3, 2, 0, 1) + "y = ScatterND(x, i, x2)"),
    "scatter_nd_onto_constant": moved("float[4,3] c, float[2,3] x2", grid("i", 2, 1, 2, 0) + "y = ScatterND(c, i, x2)"),
    "scatter_nd_of_constant": moved("float[4,3] x, float[2,3] c", grid("i", 2, 1, 3, 1) + "y = ScatterND(x, i, c)"),
    **{
        f"scatter_nd_{kind}": everywhere(
            "float[4,3] x, float[2,3] x2", grid("i", 2, 1, 2, 0) + f'y = ScatterND<reduction="{kind}">(x, i, x2)'
        )
        for kind in ("add", "mul", "max", "min")
    },
    "scatter_nd_add_twice": everywhere(
        "float[4,3] x, float[3,3] x2", grid("i", 3, 1, 2, 0, 2) + 'y = ScatterND<reduction="add">(x, i, x2)'
    ),
    "scatter_elements_max_twice": everywhere(
        "float[2,3] x, float[2,3] x2",
        grid("i", 2, 3, 0, 0, 1, 2, 2, 2) + 'y = ScatterElements<axis=1, reduction="max">(x, i, x2)',
    ),
    "slice_empty": refused("float[2,6] x", ints("a", 3) + ints("b", 3) + "y = Slice(x, a, b)", "an empty result"),
    "slice_empty_part": moved(
        "float[1,6,3] x",
        ints("a", 6) + ints("b", 6) + ints("k", 1) + "e = Slice(x, a, b, k); y = Concat<axis=1>(e, x, e)",
    ),
    "split_empty_part": moved(
        "float[1,6,3] x",
        ints("s", 4, 0, 2)
        + "a, b, c = Split<axis=1>(x, s); d = Transpose<perm=[0,1,2]>(b); y = Concat<axis=1>(c, d, a)",
        outputs=("y",),
    ),
    "scatter_elements": moved(
        "float[3,4] x, float[2,2] x2", grid("i", 2, 2, 0, 3, 2, 1) + "y = ScatterElements<axis=1>(x, i, x2)"
    ),
    "compress": refused(
        "float[2,5,3] x",
        "c = Constant<value=bool[5]{1,0,0,1,1}>(); y = Compress<axis=1>(x, c)",
        "depends on the data",
    ),
    "reverse_sequence": moved("float[4,2,3] x", ints("n", 4, 2) + "y = ReverseSequence(x, n)"),
    "reverse_sequence_all": moved(
        "float[2,5,3] x", ints("n", 5, 5) + "y = ReverseSequence<batch_axis=0, time_axis=1>(x, n)"
    ),
}
