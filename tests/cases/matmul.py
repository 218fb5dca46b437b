"""MatMul, Gemm and Einsum: constants on either side, of any rank; two computed operands; every C of Gemm."""

from tests.cases import Case

ALL = ("portable",)


def row(inputs: str, body: str, **options: object) -> Case:
    """A row that every dialect must take."""
    return Case(inputs, body, dialects=ALL, **options)  # type: ignore[arg-type]


MATMUL = {
    "matrix_constant": ("float[3,5] x", "float[5,4] w"),
    "constant_matrix": ("float[3,5] w", "float[5,4] x"),
    "batch_constant": ("float[2,3,5] x", "float[5,4] w"),
    "batch_of_one_constant": ("float[1,7,5] x", "float[1,5,4] w"),
    "rank_four_constant": ("float[2,3,4,5] x", "float[5,6] w"),
    "rank_five_constant": ("float[1,2,3,4,5] x", "float[5,2] w"),
    "constant_rank_four": ("float[6,4] w", "float[2,3,4,5] x"),
    "constant_lifts_the_rank": ("float[3,5] x", "float[1,1,5,4] w"),
    "batched_constant": ("float[3,4,5] x", "float[3,5,2] w"),
    "batched_constant_one_row": ("float[2,3,1,5] x", "float[3,5,2] w"),
    "batched_constant_inner": ("float[2,3,2,4,5] x", "float[3,1,5,2] w"),
    "batched_constant_outer": ("float[2,3,4,5] x", "float[2,1,5,2] w"),
    "batched_constant_of_one_batch": ("float[4,5] x", "float[2,3,5,2] w"),
    "batched_constant_spread": ("float[2,1,4,5] x", "float[1,3,5,2] w"),
    "batched_constant_first": ("float[3,4,5] w", "float[3,5,2] x"),
    "batched_constant_first_inner": ("float[2,1,4,5] w", "float[2,3,5,2] x"),
    "batched_constant_first_outer": ("float[3,4,5] w", "float[2,3,5,2] x"),
    "batched_constant_first_of_one_batch": ("float[3,4,5] w", "float[1,5,2] x"),
    "batched_constant_first_spread": ("float[2,1,4,5] w", "float[1,3,5,2] x"),
    "vector_constant": ("float[5] x", "float[5,4] w"),
    "vector_batched_constant": ("float[5] x", "float[2,5,4] w"),
    "constant_vector": ("float[3,5] w", "float[5] x"),
    "matrix_constant_vector": ("float[3,5] x", "float[5] w"),
    "batch_constant_vector": ("float[2,3,5] x", "float[5] w"),
    "constant_vector_batch": ("float[5] w", "float[2,5,3] x"),
    "size_one": ("float[1,1] x", "float[1,1] w"),
    "two": ("float[3,5] x", "float[5,4] x2"),
    "two_batched": ("float[2,3,5] x", "float[2,5,4] x2"),
    "two_rank_four": ("float[2,3,4,5] x", "float[2,3,5,2] x2"),
    "two_rank_five": ("float[1,2,3,4,5] x", "float[1,2,3,5,2] x2"),
    "two_broadcast": ("float[2,1,4,5] x", "float[3,5,2] x2"),
    "two_left_broadcast": ("float[4,5] x", "float[3,5,2] x2"),
    "two_right_broadcast": ("float[2,3,4,5] x", "float[5,2] x2"),
    "two_one_row": ("float[2,1,5] x", "float[2,5,4] x2"),
    "two_one_column": ("float[2,3,5] x", "float[2,5,1] x2"),
    "two_outer": ("float[2,3,1] x", "float[2,1,4] x2"),
    "two_dot": ("float[2,1,5] x", "float[2,5,1] x2"),
    "two_vector_first": ("float[5] x", "float[2,5,3] x2"),
    "two_vector_last": ("float[2,3,5] x", "float[5] x2"),
}

# The transposed operand comes straight from a Transpose: of the last two axes, or as attention makes it.
TRANSPOSED = {
    "right": ("float[2,3,5] x, float[2,4,5] x2", "t = Transpose<perm=[0,2,1]>(x2); y = MatMul(x, t)"),
    "right_of_one_batch": ("float[1,3,5] x, float[1,4,5] x2", "t = Transpose<perm=[0,2,1]>(x2); y = MatMul(x, t)"),
    "left": ("float[2,5,3] x, float[2,5,4] x2", "t = Transpose<perm=[0,2,1]>(x); y = MatMul(t, x2)"),
    "both": (
        "float[2,5,3] x, float[2,4,5] x2",
        "t = Transpose<perm=[0,2,1]>(x); s = Transpose<perm=[0,2,1]>(x2); y = MatMul(t, s)",
    ),
    "left_on_one_matrix": ("float[2,5,3] x, float[5,4] x2", "t = Transpose<perm=[0,2,1]>(x); y = MatMul(t, x2)"),
    "one_row": ("float[2,1,5] x, float[2,4,5] x2", "t = Transpose<perm=[0,2,1]>(x2); y = MatMul(x, t)"),
    "one_row_of_one_batch": ("float[1,1,5] x, float[1,4,5] x2", "t = Transpose<perm=[0,2,1]>(x2); y = MatMul(x, t)"),
    "one_column": ("float[2,3,5] x, float[2,1,5] x2", "t = Transpose<perm=[0,2,1]>(x2); y = MatMul(x, t)"),
    "outer": (
        "float[2,1,3] x, float[2,4,1] x2",
        "t = Transpose<perm=[0,2,1]>(x); s = Transpose<perm=[0,2,1]>(x2); y = MatMul(t, s)",
    ),
    "heads": (
        "float[1,6,2,4] x, float[1,6,2,4] x2",
        "q = Transpose<perm=[0,2,1,3]>(x); k = Transpose<perm=[0,2,3,1]>(x2); y = MatMul(q, k)",
    ),
    "scaled_heads": (
        "float[2,6,2,4] x, float[2,6,2,4] x2",
        "q = Transpose<perm=[0,2,1,3]>(x); k = Transpose<perm=[0,2,3,1]>(x2);"
        "s = Constant<value_float=0.5>(); h = Mul(k, s); y = MatMul(q, h)",
    ),
    "of_other_axes": ("float[3,2,5] x, float[2,5,4] x2", "t = Transpose<perm=[1,0,2]>(x); y = MatMul(t, x2)"),
    "constant": ("float[2,5,3] x, float[5,4] w", "t = Transpose<perm=[0,2,1]>(x); y = MatMul(t, w)"),
}

GEMM_C = {
    "none": "",
    "vector": "float[4] {c}",
    "row": "float[1,4] {c}",
    "scalar": "float[] {c}",
    "one": "float[1] {c}",
    "column": "float[3,1] {c}",
    "matrix": "float[3,4] {c}",
}
GEMM_SIDES = {"": ("x", "w"), "constant_first_": ("w", "x"), "two_": ("x", "x2")}


def gemm_rows() -> dict[str, Case]:
    """Each transpose and factor on each side; each C, constant and computed."""
    rows = {}
    for side, (a, b) in GEMM_SIDES.items():
        for ta, tb in ((0, 0), (0, 1), (1, 0), (1, 1)):
            shapes = f"float[{'5,3' if ta else '3,5'}] {a}, float[{'4,5' if tb else '5,4'}] {b}"
            body = f"y = Gemm<transA={ta}, transB={tb}, alpha=0.5, beta=2.0>({a}, {b}, c)"
            rows[f"gemm_{side}{'t' if ta else 'n'}{'t' if tb else 'n'}"] = row(f"{shapes}, float[4] c", body)
    for name, declared in GEMM_C.items():
        for kind, c in (("", "c"), ("_computed", "xc")):
            inputs = ", ".join(filter(None, ("float[3,5] x, float[5,4] w", declared.format(c=c))))
            if not (kind and name in ("none", "scalar")):
                body = f"y = Gemm<beta=-1.5>(x, w{', ' + c if declared else ''})"
                rows[f"gemm_c_{name}{kind}"] = row(inputs, body)
    rows["gemm_beta_zero"] = row("float[3,5] x, float[4,5] w, float[3,4] c", "y = Gemm<transB=1, beta=0.0>(x, w, c)")
    rows["gemm_of_constants"] = row(
        "float[3,5] w, float[5,4] v, float[3,4] x", "y = Gemm<alpha=0.5, beta=2.0>(w, v, x)"
    )
    return rows


def einsum(equation: str, inputs: str) -> str:
    return f'y = Einsum<equation="{equation}">({", ".join(declared.split()[1] for declared in inputs.split(", "))})'


EINSUM = {
    "matmul": ("bij,bjk->bik", "float[2,3,5] x, float[2,5,4] x2"),
    "implicit": ("ij,jk", "float[3,5] x, float[5,4] w"),
    "constant": ("bij,jk->bik", "float[2,3,5] x, float[5,4] w"),
    "constant_first": ("ij,bjk->bik", "float[3,5] w, float[2,5,4] x"),
    "attention_scores": ("bhid,bhjd->bhij", "float[1,2,6,4] x, float[1,2,6,4] x2"),
    "attention_values": ("bhij,bhjd->bihd", "float[1,2,6,6] x, float[1,2,6,4] x2"),
    "outer": ("i,j->ij", "float[3] x, float[4] x2"),
    "elementwise": ("ij,ij->ij", "float[3,4] x, float[3,4] x2"),
    "permuted": ("bchw,dc->bhwd", "float[1,4,3,2] x, float[5,4] w"),
    "two_sums": ("abc,cab->b", "float[2,3,4] x, float[4,2,3] x2"),
}

NO_PRODUCT = "is not a batched product of two matrices"
EINSUM_REFUSED = {
    "transpose": ("abc->cab", "float[2,3,4] x", NO_PRODUCT),
    "sum": ("abc->b", "float[2,3,4] x", NO_PRODUCT),
    "three": ("ij,jk,kl->il", "float[2,3] x, float[3,4] w, float[4,5] x2", NO_PRODUCT),
    "diagonal": ("ii,i->i", "float[3,3] x, float[3] x2", NO_PRODUCT),
    "lone_sum": ("abc,b->a", "float[2,3,4] x, float[3] x2", NO_PRODUCT),
    "ellipsis": ("...ij,...jk->...ik", "float[2,3,4,5] x, float[2,3,5,2] x2", NO_PRODUCT),
    "broadcast": ("ij,jk->ik", "float[2,1] x, float[3,4] x2", "an axis of size 1 that is broadcast"),
}

SCALARS = {
    "dot": ("float[5] x, float[5] w", "y = MatMul(x, w)"),
    "two_vectors": ("float[5] x, float[5] x2", "y = MatMul(x, x2)"),
    "einsum_dot": ("float[5] x, float[5] x2", 'y = Einsum<equation="i,i->">(x, x2)'),
    "einsum_two_sums": ("float[2,3,4] x, float[4,2,3] x2", 'y = Einsum<equation="abc,cab->">(x, x2)'),
}

CASES = {
    **{
        f"matmul_{name}": row(f"{a}, {b}", f"y = MatMul({a.split()[1]}, {b.split()[1]})")
        for name, (a, b) in MATMUL.items()
    },
    **{f"matmul_transposed_{name}": row(*use) for name, use in TRANSPOSED.items()},
    **gemm_rows(),
    **{f"einsum_{name}": row(inputs, einsum(equation, inputs)) for name, (equation, inputs) in EINSUM.items()},
    **{
        f"einsum_{name}": Case(inputs, einsum(equation, inputs), dialects=(), refused=text)
        for name, (equation, inputs, text) in EINSUM_REFUSED.items()
    },
    # OpenCV has no blob without axes.
    **{f"scalar_{name}": Case(*use) for name, use in SCALARS.items()},
    "matmul_too_large": Case(
        "float[1,800,500] x, float[1,500,400] x2", "y = MatMul(x, x2)", dialects=(), refused="multiplications"
    ),
}
