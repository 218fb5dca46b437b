"""Conv and ConvTranspose."""

from tests.cases import Case

CASES = {
    "conv": Case("float[1,3,9,8] x, float[6,3,3,3] w, float[6] b", "y = Conv(x, w, b)", dialects=("portable",)),
}
