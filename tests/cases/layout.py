"""DepthToSpace, SpaceToDepth, Tile, Expand, Where, Trilu, Col2Im, CenterCropPad."""

from __future__ import annotations

from tests.cases import Case
from tests.cases.shape import everywhere, ints, moved


def tiled(shape: str, *repeats: int) -> Case:
    return moved(f"float[{shape}] x", ints("r", *repeats) + "y = Tile(x, r)")


def expanded(shape: str, *target: int) -> Case:
    return moved(f"float[{shape}] x", ints("s", *target) + "y = Expand(x, s)")


def mask(name: str, shape: str, *values: int) -> str:
    return f"{name} = Constant<value=bool[{shape}]{{{','.join(map(str, values))}}}>(); "


CHECKS = mask("c", "2,3", 1, 0, 0, 0, 1, 1)
RUN = mask("c", "4", 1, 0, 0, 1)
CHESS = mask("c", "6,7", *[i % 2 for i in range(42)])
INFINITE = "n = Constant<value=float{-inf}>(); "

CASES = {
    "depth_to_space_dcr": moved("float[2,12,2,3] x", "y = DepthToSpace<blocksize=2>(x)"),
    "depth_to_space_dcr_3": moved("float[1,18,3,2] x", 'y = DepthToSpace<blocksize=3, mode="DCR">(x)'),
    "depth_to_space_dcr_one_channel": moved("float[1,4,2,3] x", "y = DepthToSpace<blocksize=2>(x)"),
    "depth_to_space_dcr_wide": moved("float[1,64,6,6] x", "y = DepthToSpace<blocksize=2>(x)"),
    "depth_to_space_crd": moved("float[2,12,2,3] x", 'y = DepthToSpace<blocksize=2, mode="CRD">(x)'),
    "depth_to_space_crd_4": moved("float[1,16,1,2] x", 'y = DepthToSpace<blocksize=4, mode="CRD">(x)'),
    "depth_to_space_1": moved("float[1,3,2,2] x", "a = DepthToSpace<blocksize=1>(x); y = Relu(a)"),
    "space_to_depth": moved("float[2,3,4,6] x", "y = SpaceToDepth<blocksize=2>(x)"),
    "space_to_depth_3": moved("float[1,2,6,3] x", "y = SpaceToDepth<blocksize=3>(x)"),
    "space_to_depth_wide": moved("float[1,32,4,4] x", "y = SpaceToDepth<blocksize=2>(x)"),
    "tile_channels": tiled("2,3,4,5", 1, 2, 1, 1),
    "tile_many": tiled("1,2,3,3", 1, 7, 1, 1),
    "tile_space": tiled("1,2,3,3", 1, 1, 2, 3),
    "tile_batch": tiled("1,2,3", 4, 1, 1),
    "tile_all": tiled("2,3,2", 2, 2, 2),
    "tile_rank1": tiled("3", 5),
    "tile_rank5": tiled("1,2,1,2,3", 1, 1, 9, 1, 2),
    "tile_none": tiled("2,3", 1, 1),
    "expand_channels": expanded("2,1,3,4", 2, 5, 3, 4),
    "expand_space": expanded("2,3,1,1", 2, 3, 4, 5),
    "expand_more_axes": expanded("3,1", 2, 3, 4),
    "expand_two_sided": expanded("2,1,3,4", 1, 6, 1, 1),
    "expand_apart": expanded("1,3,1,2", 2, 3, 4, 2),
    "expand_rank1": expanded("1", 6),
    "expand_rank5": expanded("2,1,3,1,1", 2, 2, 3, 2, 3),
    "expand_nothing": expanded("2,3", 1, 1),
    "where_rows": everywhere("float[4,2,3] x, float[4,2,3] x2", CHECKS + "y = Where(c, x, x2)"),
    "where_constant_right": everywhere("float[4,2,3] x, float[2,3] k", CHECKS + "y = Where(c, x, k)"),
    "where_constant_left": everywhere("float[4,2,3] x, float[4,2,3] k", CHECKS + "y = Where(c, k, x)"),
    "where_scalar": everywhere("float[4,2,3] x", "n = Constant<value=float{-100}>(); " + CHECKS + "y = Where(c, x, n)"),
    "where_infinite": everywhere("float[2,3,4] x", INFINITE + RUN + "a = Where(c, x, n); y = Softmax(a)"),
    "where_causal": everywhere(
        "float[1,2,3,3] x",
        "n = Constant<value=float{-3.4e38}>(); "
        + mask("c", "1,1,3,3", 1, 0, 0, 1, 1, 0, 1, 1, 1)
        + "a = Where(c, x, n); y = Softmax(a)",
    ),
    "where_broadcasts_blob": everywhere("float[4,1,3] x, float[1] x2", CHECKS + "y = Where(c, x, x2)"),
    "where_grows": everywhere(
        "float[1,1,4] x",
        mask("c", "2,1,4", 1, 0, 0, 1, 0, 1, 1, 0) + "n = Constant<value=float{2}>(); y = Where(c, x, n)",
    ),
    "where_always": moved("float[2,4] x, float[2,4] x2", mask("c", "4", 1, 1, 1, 1) + "y = Where(c, x, x2)"),
    "where_never": moved("float[2,4] x, float[4] k", mask("c", "4", 0, 0, 0, 0) + "y = Where(c, x, k)"),
    "where_channels": everywhere(
        "float[2,3,2,2] x", mask("c", "3,1,1", 1, 0, 1) + "n = Constant<value=float{0.5}>(); y = Where(c, x, n)"
    ),
    "where_after_conv": everywhere(
        "float[1,2,4,4] x, float[4,2,1,1] w",
        "a = Conv(x, w); " + RUN + "n = Constant<value=float{0}>(); y = Where(c, a, n)",
    ),
    "where_many": everywhere("float[2,6,7] x, float[2,6,7] x2", CHESS + "y = Where(c, x, x2)"),
    "where_many_constant": everywhere("float[2,6,7] x, float[7] k", CHESS + "y = Where(c, k, x)"),
    "where_many_infinite": everywhere("float[2,6,7] x", INFINITE + CHESS + "a = Where(c, x, n); y = Softmax(a)"),
    "where_not_a_number": everywhere(
        "float[2,3,4] x",
        "k = Constant<value=float[3,1]{0,-inf,0}>(); n = Constant<value=float{0}>(); "
        + mask("c", "3,1", 0, 1, 0)
        + "a = Add(x, k); b = Softmax(a); y = Where(c, n, b)",
    ),
    "where_computed": everywhere("float[2,3] x, float[2,3] x2", "c = Greater(x, x2); y = Where(c, x, x2)"),
    "trilu_large": everywhere("float[1,12,12] x", "y = Trilu(x)"),
    "trilu_upper": everywhere("float[2,4,5] x", "y = Trilu(x)"),
    "trilu_lower": everywhere(
        "float[2,3,5,4] x", ints("k", -1).replace("[1]{-1}", "{-1}") + "y = Trilu<upper=0>(x, k)"
    ),
    "trilu_2d": everywhere("float[4,4] x", ints("k", 1).replace("[1]{1}", "{1}") + "y = Trilu(x, k)"),
    "col2im": everywhere("float[1,10,12] x", ints("s", 4, 5) + ints("b", 1, 5) + "y = Col2Im<pads=[0,1,0,1]>(x, s, b)"),
    "col2im_channels": everywhere("float[2,12,8] x", ints("s", 3, 5) + ints("b", 2, 2) + "y = Col2Im(x, s, b)"),
    "col2im_strides": everywhere(
        "float[1,9,4] x", ints("s", 5, 5) + ints("b", 3, 3) + "y = Col2Im<strides=[2,2]>(x, s, b)"
    ),
    "col2im_dilations": Case(
        "float[1,4,5] x", ints("s", 6, 6) + ints("b", 2, 2) + "y = Col2Im<dilations=[1,5]>(x, s, b)", dialects=("bvlc",)
    ),
    "center_crop_pad": moved("float[1,2,5,8] x", ints("s", 8, 5) + "y = CenterCropPad<axes=[2,3]>(x, s)"),
}
