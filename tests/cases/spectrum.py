"""Fourier transforms of a fixed size."""

from tests.cases import Case

STEP, LENGTH = "s = Constant<value_int=3>(); ", "n = Constant<value_int={}>(); "


def stft(signal: str, *steps: str) -> Case:
    return Case(signal, "".join(steps), dialects=("portable",), opset=17)


CASES = {
    "stft": stft("float[2,20,1] x, float[8] w", STEP, "y = STFT<onesided=1>(x, s, w)"),
    "stft_both_sides": stft("float[1,20,1] x, float[7] w", STEP, "y = STFT<onesided=0>(x, s, w)"),
    "stft_no_window": stft("float[2,20,1] x", STEP, LENGTH.format(5), "y = STFT<onesided=1>(x, s, , n)"),
    "stft_window_and_length": stft(
        "float[1,11,1] x, float[6] w", STEP, LENGTH.format(6), "y = STFT<onesided=1>(x, s, w, n)"
    ),
    "stft_unsaid": Case(
        "float[2,20,1] x, float[8] w",
        STEP + "y = STFT(x, s, w)",
        opset=17,
        refused="onnx takes 0 for an onesided that is left out",
        dialects=(),
    ),
    "stft_complex": Case(
        "float[1,20,2] x, float[8] w",
        STEP + "y = STFT<onesided=0>(x, s, w)",
        opset=17,
        refused="a signal of complex numbers",
        dialects=(),
    ),
}
