"""Operators that ONNX defines by others."""

from tests.cases import Case

X4, X3 = "float[1,3,5,8] x", "float[1,5,24] x"
CACHES = "float[1,5,4] c, float[1,5,4] s"

CASES = {
    "rotary": Case(f"{X4}, {CACHES}", "y = RotaryEmbedding(x, c, s)", opset=23, dialects=("portable",), low=-1, high=1),
    "rotary_interleaved": Case(
        f"{X4}, {CACHES}", "y = RotaryEmbedding<interleaved=1>(x, c, s)", opset=23, dialects=("portable",)
    ),
    "rotary_part": Case(
        f"{X4}, float[1,5,2] c, float[1,5,2] s",
        "y = RotaryEmbedding<rotary_embedding_dim=4>(x, c, s)",
        opset=23,
        dialects=("portable",),
    ),
    "rotary_of_rows": Case(
        f"{X3}, {CACHES}", "y = RotaryEmbedding<num_heads=3>(x, c, s)", opset=23, dialects=("portable",)
    ),
}
