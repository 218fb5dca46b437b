"""OpenCV 4's dnn module: its text parser is lenient, its layers are its own."""

from __future__ import annotations

from converters.caffe.functions import ALONE, COMPOSED
from converters.caffe.graph import Node
from converters.dialects.base import Dialect, Rule, register, rule
from converters.dialects.common import CAFFE_2017, CONVOLUTION, POOLING, axes_between, no_dilation

ABSENT = ("Bias", "Threshold", "Tile", "Reduction", "ArgMax", "Embed", "Parameter", "DummyData", "LSTM")


def unfused_scale(node: Node) -> str:
    """OpenCV fuses a Scale into the convolution before it as if it were per channel, whatever its shape."""
    if len(node.bottoms) > 1 or not node.blobs:
        return ""
    per_channel = node.param("scale_param").get("axis", 1) == 1 and len(node.blobs[0].shape) == 1
    source = node.bottoms[0].node
    while source.type in ("Dropout", "Power"):
        source = source.bottoms[0].node
    fused = source.type in ("Convolution", "Deconvolution") and not per_channel
    return f"Scale that is not per channel would be fused wrongly into the {source.type} before it" if fused else ""


def lrn_bias(node: Node) -> str:
    """OpenCV takes LRN's k for 1."""
    return "LRN ignores k" if node.param("lrn_param").get("k", 1) != 1 else ""


def stored_statistics(node: Node) -> str:
    """OpenCV takes batch statistics image by image, and adds 1e-9 to the variance whatever eps says."""
    use = node.param("batch_norm_param").get("use_global_stats", True)
    return "" if use else "BatchNorm has its own eps for batch statistics"


def natural_log(node: Node) -> str:
    """OpenCV's Log has no parameters."""
    return "Log ignores base, scale and shift" if node.param("log_param") else ""


def eps_outside(node: Node) -> str:
    """OpenCV's MVN adds eps to the variance, Caffe to the deviation."""
    divides = node.param("mvn_param").get("normalize_variance", True)
    return "MVN puts eps elsewhere than Caffe" if divides else ""


def has_axes(node: Node) -> str:
    """OpenCV can't make a blob of no axes."""
    return "" if node.shapes[0] else "Reshape makes no blob without axes (a single number)"


def no_minus(node: Node) -> str:
    """OpenCV reads HardSigmoid's parameters from a message that it does not know, where it loses minus signs."""
    negative = [name for name, value in node.param("hardsigmoid_param").items() if value < 0]
    return f"HardSigmoid would lose the sign of {', '.join(negative)}" if negative else ""


OPENCV_4: dict[str, Rule] = {name: found for name, found in CAFFE_2017.items() if name not in ABSENT} | {
    "Convolution": rule("convolution_param", CONVOLUTION, axes_between(3, 5)),
    "Deconvolution": rule("convolution_param", CONVOLUTION, no_dilation, axes_between(4, 4)),
    "Scale": rule("scale_param", "axis num_axes bias_term", unfused_scale),
    "BatchNorm": rule("batch_norm_param", "use_global_stats moving_average_fraction eps", stored_statistics),
    "LRN": rule("lrn_param", "local_size alpha beta norm_region k", lrn_bias),
    "Log": rule("log_param", "base scale shift", natural_log),
    "MVN": rule("mvn_param", "normalize_variance across_channels eps", eps_outside),
    "Reshape": rule("reshape_param", "shape", has_axes),
}
OPENCV = register(
    Dialect(
        "opencv",
        "OpenCV 4's readNetFromCaffe",
        OPENCV_4
        | {
            "Pooling": rule("pooling_param", POOLING + " ceil_mode"),
            "Permute": rule("permute_param", "order"),
            "ShuffleChannel": rule("shuffle_channel_param", "group"),
            "Normalize": rule("norm_param", "across_spatial channel_shared eps"),
            "HardSwish": rule(),
            "HardSigmoid": rule("hardsigmoid_param", "alpha beta", no_minus),
            "Mish": rule(),
            "ReLU6": rule(),
            "Swish": rule(),
            **dict.fromkeys((*COMPOSED, *ALONE), rule()),
            "MatMul": rule(),
        },
        engines=("opencv",),
    )
)
