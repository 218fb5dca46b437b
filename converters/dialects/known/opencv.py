"""OpenCV 4's dnn module: its text parser is lenient, its layers are its own."""

from __future__ import annotations

from dataclasses import replace

from converters.caffe.graph import Node
from converters.caffe.shapes import MAX_AXES as ANY
from converters.caffe.values import spatial
from converters.dialects.base import Dialect, Rule, rule
from converters.dialects.common import CAFFE_2017, CONVOLUTION, POOLING, axes_between, no_dilation
from converters.dialects.fusion import fused_wrongly

# Of one number, by these names. Its Erf is right to 4e-7, no more.
FUNCTIONS = (
    *("Gelu", "GeluApproximation", "Sign", "Floor", "Ceil", "Round"),
    *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan"),
)
ABSENT = ("Bias", "Threshold", "Tile", "Reduction", "ArgMax", "Embed", "Parameter", "DummyData", "LSTM")


def learned_bias(node: Node) -> str:
    """OpenCV's Scale by another blob forgets its bias."""
    both = len(node.bottoms) > 1 and node.values["bias_term"]
    return "Scale by another blob has no bias" if both else ""


def last_window(node: Node) -> str:
    """Refuse a last window that starts beyond the image, as rounding up may have it.

    Caffe drops it on every axis where any axis has padding; OpenCV drops it on the axes with padding and fills it
    otherwise.
    """
    if node.values["global_pooling"] or not node.values["ceil_mode"]:
        return ""
    sizes = node.bottoms[0].shape[2:]
    kernel, stride, pad = (spatial(node.values, name, 2) for name in ("kernel_size", "stride", "pad"))
    beyond = [
        p == 0 and -(-(size - k) // s) * s >= size for size, k, s, p in zip(sizes, kernel, stride, pad, strict=True)
    ]
    return "Pooling has a last window beyond the image" if any(beyond) else ""


def single_tap(node: Node) -> str:
    """OpenCV's Deconvolution with a kernel of one tap ignores stride and pad, and writes past its memory."""
    values, count = node.values, node.bottoms[0].rank - 2
    plain = set(spatial(values, "stride", count)) == {1} and not any(spatial(values, "pad", count))
    alone = set(node.blobs[0].shape[2:]) == {1} and not plain
    return "Deconvolution with one tap has no stride and no pad" if alone else ""


def explicit_points(node: Node) -> str:
    """Without points OpenCV counts the tops that are read."""
    points = node.values["slice_point"]
    return "" if len(node.shapes) > 1 and points else "Slice takes at least one slice_point"


def several(node: Node) -> str:
    """OpenCV's Concat of one blob gives garbage."""
    return "" if len(node.bottoms) > 1 else "Concat takes at least two bottoms"


def written_out(node: Node) -> str:
    """Over three axes OpenCV wants a number for each."""
    param, count = node.values.given, node.bottoms[0].rank - 2
    short = [
        n for n in ("kernel_size", "pad", "stride", "dilation") if count > 2 and n in param and _length(param[n]) == 1
    ]
    return f"{node.type} over {count} axes needs {count} values of {', '.join(short)}" if short else ""


def whole_windows(node: Node) -> str:
    """OpenCV's own loop for depthwise kernels of 3 x 3 (or 3) takes for granted what it does not check.

    A row above the image means none below it, a column before it a dilation of 1 and a second column.
    """
    values, x = node.values, node.bottoms[0]
    count = x.rank - 2
    kernel, stride, pad, dilation = (
        spatial(values, name, count) for name in ("kernel_size", "stride", "pad", "dilation")
    )
    depthwise = values["group"] == x.shape[1] == values["num_output"] > 1
    alike = set(kernel) == {3} and count <= 2 and max(pad) <= 1
    if not depthwise or not alike or not (stride[-1] == 1 or (stride[-1] == 2 and dilation[-1] == 1)):
        return ""
    rows = count == 1 or not pad[0] or x.shape[2] >= 2 * dilation[0]
    columns = not pad[-1] or (dilation[-1] == 1 and x.shape[-1] >= 2)
    return "" if rows and columns else "the depthwise Convolution would read outside the image"


def _length(values: object) -> int:
    return len(values) if isinstance(values, list | tuple) else 1


def one_factor(node: Node) -> str:
    """OpenCV scales one sum over channels and space by one factor alone."""
    both = node.values["across_spatial"] and not node.values["channel_shared"]
    return "Normalize across space takes one factor for all channels" if both else ""


def full_order(node: Node) -> str:
    """OpenCV does not append the axes that the order leaves out."""
    whole = len(node.values["order"]) == node.bottoms[0].rank
    return "" if whole else "Permute needs the full order"


def lrn_bias(node: Node) -> str:
    """OpenCV takes LRN's k for 1."""
    return "LRN ignores k" if node.values["k"] != 1 else ""


def stored_statistics(node: Node) -> str:
    """OpenCV takes batch statistics image by image, and divides by the root of 1 + eps once more."""
    return "" if node.values["use_global_stats"] else "BatchNorm has its own eps for batch statistics"


def natural_log(node: Node) -> str:
    """OpenCV's Log has no parameters."""
    return "Log ignores base, scale and shift" if node.values.given else ""


def eps_outside(node: Node) -> str:
    """OpenCV's MVN adds eps to the variance, Caffe to the deviation."""
    return "MVN puts eps elsewhere than Caffe" if node.values["normalize_variance"] else ""


def has_axes(node: Node) -> str:
    """OpenCV can't make a blob of no axes."""
    return "" if node.shapes[0] else "Reshape can't make a blob without axes (a single number)"


def no_minus(node: Node) -> str:
    """OpenCV reads HardSigmoid's parameters from a message that it does not know, where it loses minus signs."""
    negative = [name for name, value in node.values.given.items() if value < 0]
    return f"HardSigmoid would lose the sign of {', '.join(negative)}" if negative else ""


def no_row(node: Node) -> str:
    """OpenCV sees n numbers of one axis as (n) here and as (n, 1) there."""
    return f"{node.type} can't take a blob with one axis" if any(blob.rank == 1 for blob in node.bottoms[:1]) else ""


def without_rows(rules: dict[str, Rule]) -> dict[str, Rule]:
    """The rules with blobs of one axis left to the layers that make and unmake them."""
    free = ("Input", "Reshape", "Flatten", "Split", "Silence")
    return {
        name: found if name in free else replace(found, checks=(no_row, *found.checks)) for name, found in rules.items()
    }


OPENCV_4 = without_rows(
    {name: found for name, found in CAFFE_2017.items() if name not in ABSENT}
    | {
        "Convolution": rule("convolution_param", CONVOLUTION, axes_between(3, 5), written_out, whole_windows),
        "Deconvolution": rule("convolution_param", CONVOLUTION, no_dilation, axes_between(4, 4), single_tap),
        "Pooling": rule("pooling_param", POOLING + " ceil_mode", last_window),
        "Scale": rule("scale_param", "axis num_axes bias_term", axes_between(1, ANY), learned_bias, fused_wrongly),
        "BatchNorm": rule(
            "batch_norm_param", "use_global_stats moving_average_fraction eps", stored_statistics, fused_wrongly
        ),
        "Eltwise": rule("eltwise_param", "operation coeff", axes_between(2, 5)),
        "PReLU": rule("prelu_param", "channel_shared", axes_between(2, 4), fused_wrongly),
        "Power": rule("power_param", "power scale shift", fused_wrongly),
        "LRN": rule("lrn_param", "local_size alpha beta norm_region k", lrn_bias),
        "Log": rule("log_param", "base scale shift", natural_log),
        "MVN": rule("mvn_param", "normalize_variance across_channels eps", axes_between(4, 4), eps_outside),
        "Concat": rule("concat_param", "axis", several),
        "Slice": rule("slice_param", "axis slice_point", explicit_points),
        "Reshape": rule("reshape_param", "shape", has_axes),
    }
)
OPENCV = Dialect(
    "opencv",
    "OpenCV 4's readNetFromCaffe",
    OPENCV_4
    | without_rows(
        {
            "Permute": rule("permute_param", "order", full_order),
            "ShuffleChannel": rule("shuffle_channel_param", "group"),
            "Normalize": rule("norm_param", "across_spatial channel_shared eps", one_factor),
            "HardSwish": rule(),
            "HardSigmoid": rule("hardsigmoid_param", "alpha beta", no_minus),
            "Mish": rule(),
            "ReLU6": rule(),
            "Swish": rule(),
            # Its Erf is right to 4e-7, no more.
            **dict.fromkeys(FUNCTIONS, rule()),
            "MatMul": rule(),
            "Resize": rule("resize_param", "interpolation zoom_factor", axes_between(4, 4)),
        }
    ),
    engines=("opencv",),
)
