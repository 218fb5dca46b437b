"""Attention: heads, shared keys, masks, caches, and all four outputs."""

from tests.cases import Case

ALL = ("portable",)


def use(
    inputs: str,
    names: str,
    attributes: str = "",
    outputs: tuple[str, ...] = ("y",),
    before: str = "",
    dialects: tuple[str, ...] = ALL,
    refused: str = "",
) -> Case:
    """One use, opset 23; outputs that begin with _ are not compared."""
    settings = f"<{attributes}>" if attributes else ""
    body = f"{before}{', '.join(outputs)} = Attention{settings}({names})"
    kept = tuple(name for name in outputs if not name.startswith("_"))
    return Case(inputs, body, opset=23, outputs=kept, dialects=dialects, refused=refused)


SELF = "float[2,3,5,4] x, float[2,3,6,4] x2, float[2,3,6,8] x3"
SCORES = ("y", "_k", "_v", "s")  # ONNX gives no shape to the keys and values where there is no cache
FLAT = "float[2,5,12] x, float[2,6,12] x2, float[2,6,24] x3"
FLAT_HEADS = "q_num_heads=3, kv_num_heads=3"
BOOLS = "m = Constant<value=bool[2,3] {1,0,1, 1,1,0}>();"
BLIND = "m = Constant<value=bool[2,3] {1,0,1, 0,0,0}>();"
SMALL = "float[1,2,2,4] x, float[1,2,3,4] x2, float[1,2,3,4] x3"

CASES = {
    "plain": use(SELF, "x, x2, x3"),
    "one_head": use("float[1,1,5,4] x, float[1,1,6,4] x2, float[1,1,6,4] x3", "x, x2, x3"),
    "one_query": use("float[2,3,1,4] x, float[2,3,6,4] x2, float[2,3,6,8] x3", "x, x2, x3"),
    "scaled": use(SELF, "x, x2, x3", "scale=0.25"),
    "capped": use(SELF, "x, x2, x3", "softcap=2.0"),
    "causal": use(SELF, "x, x2, x3", "is_causal=1"),
    "shared_keys": use("float[2,6,5,4] x, float[2,3,6,4] x2, float[2,3,6,8] x3", "x, x2, x3"),
    "one_key_head": use("float[2,6,5,4] x, float[2,1,6,4] x2, float[2,1,6,8] x3", "x, x2, x3", "is_causal=1"),
    "flat": use(FLAT, "x, x2, x3", FLAT_HEADS),
    "flat_shared_keys": use(
        "float[2,5,24] x, float[2,6,12] x2, float[2,6,12] x3", "x, x2, x3", "q_num_heads=6, kv_num_heads=3"
    ),
    "constant_keys": use("float[2,3,5,4] x, float[2,3,6,4] w, float[2,3,6,8] v", "x, w, v"),
    "constant_keys_of_one_batch": use("float[2,6,5,4] x, float[2,3,6,4] w, float[2,3,6,8] v", "x, w, v"),
    "mask": use(f"{SELF}, float[5,6] m", "x, x2, x3, m"),
    "mask_of_heads": use(f"{SELF}, float[1,3,5,6] m", "x, x2, x3, m", "is_causal=1"),
    "mask_computed": use(f"{SELF}, float[2,1,5,6] xm", "x, x2, x3, xm"),
    "mask_of_bools": use(SMALL, "x, x2, x3, m", before=BOOLS),
    "mask_that_blinds": use(SMALL, "x, x2, x3, m", before=BLIND, outputs=SCORES, attributes="qk_matmul_output_mode=3"),
    "cache": use(
        f"{SELF}, float[2,3,2,4] xk, float[2,3,2,8] xv", "x, x2, x3, , xk, xv", "is_causal=1", ("y", "k", "v")
    ),
    "cache_of_constants": use(
        f"{SELF}, float[2,3,2,4] k0, float[2,3,2,8] v0", "x, x2, x3, , k0, v0", outputs=("y", "k", "v")
    ),
    **{
        f"scores_{mode}": use(
            f"{SELF}, float[5,6] m", "x, x2, x3, m", f"softcap=3.0, qk_matmul_output_mode={mode}", SCORES
        )
        for mode in range(4)
    },
    "scores_of_minus_infinity": use(
        SELF,
        "x, x2, x3",
        "is_causal=1, qk_matmul_output_mode=2",
        SCORES,
        dialects=(),
        refused="only the first 3 of its outputs",
    ),
}
