"""Operators that are linear in one input: onnxruntime tells their matrix."""

from tests.cases import Case

IMAGE = "float[2,3,5,6] x, float[2,4,7,2] g"


def sample(**attributes: object) -> str:
    given = ", ".join(
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}" for name, value in attributes.items()
    )
    return f"y = GridSample<{given}>(x, g)" if given else "y = GridSample(x, g)"


CASES = {
    **{
        f"grid_{mode}_{padding}_{corners}": Case(
            IMAGE, sample(mode=mode, padding_mode=padding, align_corners=corners), opset=20, dialects=("portable",)
        )
        for mode in ("linear", "nearest", "cubic")
        for padding in ("zeros", "border", "reflection")
        for corners in (0, 1)
    },
    "grid_defaults": Case(IMAGE, sample(), opset=16, dialects=("portable",), low=-1, high=1),
    "grid_of_opset_16": Case(IMAGE, sample(mode="bicubic"), opset=16, dialects=("portable",)),
    "grid_in_volumes": Case(
        "float[1,2,3,4,5] x, float[1,2,3,2,3] g", sample(padding_mode="border"), opset=20, dialects=("portable",)
    ),
    "grid_of_one_place": Case("float[1,3,1,1] x, float[1,1,1,2] g", sample(), opset=20, dialects=("portable",)),
    "grid_computed": Case(
        "float[1,3,5,6] x, float[1,4,7,2] x_grid",
        "y = GridSample(x, x_grid)",
        dialects=(),
        refused="the grid is computed at run time",
    ),
    "grid_too_large": Case(
        "float[1,1,65,65] x, float[1,64,64,2] g",
        sample(),
        opset=20,
        dialects=(),
        refused="the matrix of this sampling has 17,305,600 numbers",
    ),
    "affine_grid": Case(
        "float[2,2,3] x",
        "s = Constant<value=int64[4] {2, 3, 5, 6}>(); y = AffineGrid(x, s)",
        opset=20,
        dialects=("portable",),
    ),
    "affine_grid_corners": Case(
        "float[1,2,3] x",
        "s = Constant<value=int64[4] {1, 3, 5, 6}>(); y = AffineGrid<align_corners=1>(x, s)",
        opset=20,
        dialects=("portable",),
    ),
    "spatial_transformer_fixed": Case(
        "float[1,3,5,6] x, float[1,2,3] t",
        "s = Constant<value=int64[4] {1, 3, 4, 4}>(); g = AffineGrid(t, s); y = GridSample(x, g)",
        opset=20,
        dialects=("portable",),
    ),
    "dft": Case("float[1,8,3,1] x", "y = DFT<axis=1>(x)", opset=17, dialects=("portable",)),
    "dft_inverse": Case("float[2,8,2] x", "y = DFT<axis=1, inverse=1>(x)", opset=17, dialects=("portable",)),
    "dft_too_large": Case(
        "float[1,70,60,1] x",
        "y = DFT<axis=1>(x)",
        opset=17,
        dialects=(),
        refused="its matrix from (1, 70, 60, 1) is too",
    ),
    "deform_computed": Case(
        "float[1,2,5,5] x, float[4,2,3,3] w, float[1,18,3,3] x2",
        "y = DeformConv<kernel_shape=[3,3]>(x, w, x2)",
        opset=19,
        dialects=(),
        refused="only its first input may be computed",
    ),
    "deform": Case(
        "float[1,2,5,5] x, float[4,2,3,3] w, float[1,18,3,3] o, float[4] b",
        "y = DeformConv<kernel_shape=[3,3]>(x, w, o, b)",
        opset=19,
        dialects=("portable",),
    ),
    "deform_masked": Case(
        "float[1,2,5,5] x, float[4,1,3,3] w, float[1,36,5,5] o, float[4] b, float[1,18,5,5] m",
        "y = DeformConv<kernel_shape=[3,3], pads=[1,1,1,1], group=2, offset_group=2>(x, w, o, b, m)",
        opset=19,
        dialects=("portable",),
    ),
}
