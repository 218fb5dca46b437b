"""The layers that every Caffe has computed alike since 2017, and limits that several dialects share."""

from __future__ import annotations

from converters.caffe.graph import Node
from converters.caffe.shapes import MAX_AXES as ANY
from converters.caffe.values import spatial
from converters.dialects.base import Check, Rule, rule

CONVOLUTION = (
    "num_output bias_term pad kernel_size group stride pad_h pad_w kernel_h kernel_w stride_h stride_w axis dilation"
)
POOLING = "pool kernel_size stride pad kernel_h kernel_w stride_h stride_w pad_h pad_w global_pooling"


def axes_between(low: int, high: int) -> Check:
    """The engine's layer takes blobs with so many axes."""
    wanted = f"{low} axes" if low == high else f"{low} to {high} axes"

    def check(node: Node) -> str:
        rank = node.bottoms[0].rank
        return "" if low <= rank <= high else f"{node.type} takes {wanted}, not {rank}"

    return check


def one_bottom(node: Node) -> str:
    """The engine has the layer with learned weights alone."""
    return f"{node.type} takes one bottom" if len(node.bottoms) > 1 else ""


def no_dilation(node: Node) -> str:
    """The engine ignores the layer's dilation."""
    dilation = spatial(node.values, "dilation", node.bottoms[0].rank - 2)
    return f"{node.type} ignores dilation" if set(dilation) != {1} else ""


def within_channel_bias(node: Node) -> str:
    """Caffe's LRN reads k only across channels."""
    within = node.values["norm_region"] == "WITHIN_CHANNEL"
    return "LRN within a channel ignores k" if within and node.values["k"] != 1 else ""


def grows(node: Node) -> str:
    """The engine's Pad does not cut."""
    negative = [name for name, value in node.values.given.items() if name != "pad_value" and _negative(value)]
    return f"Pad can't take negative {', '.join(negative)}" if negative else ""


def _negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


CAFFE_2017: dict[str, Rule] = {
    "Input": rule("input_param", "shape"),
    "Convolution": rule("convolution_param", CONVOLUTION),
    "Deconvolution": rule("convolution_param", CONVOLUTION),
    "Pooling": rule("pooling_param", POOLING),
    "InnerProduct": rule("inner_product_param", "num_output bias_term axis"),
    "BatchNorm": rule("batch_norm_param", "use_global_stats moving_average_fraction eps", axes_between(2, ANY)),
    "Scale": rule("scale_param", "axis num_axes bias_term", axes_between(1, ANY)),
    "Bias": rule("bias_param", "axis num_axes", axes_between(1, ANY)),
    "Eltwise": rule("eltwise_param", "operation coeff"),
    "ReLU": rule("relu_param", "negative_slope"),
    "PReLU": rule("prelu_param", "channel_shared", axes_between(2, 4)),
    "Sigmoid": rule(),
    "TanH": rule(),
    "AbsVal": rule(),
    "ELU": rule("elu_param", "alpha"),
    "BNLL": rule(),
    "Power": rule("power_param", "power scale shift"),
    "Exp": rule("exp_param", "base scale shift"),
    "Log": rule("log_param", "base scale shift"),
    "Threshold": rule("threshold_param", "threshold"),
    "Softmax": rule("softmax_param", "axis"),
    "LRN": rule("lrn_param", "local_size alpha beta norm_region k", within_channel_bias),
    "MVN": rule("mvn_param", "normalize_variance across_channels eps", axes_between(2, 4)),
    "Concat": rule("concat_param", "axis"),
    "Slice": rule("slice_param", "axis slice_point"),
    "Split": rule(),
    "Silence": rule(),
    "Dropout": rule("dropout_param", "dropout_ratio"),
    "Reshape": rule("reshape_param", "shape axis num_axes"),
    "Flatten": rule("flatten_param", "axis end_axis"),
    "Crop": rule("crop_param", "axis offset"),
    "Tile": rule("tile_param", "axis tiles"),
    "Reduction": rule("reduction_param", "operation axis coeff"),
    "ArgMax": rule("argmax_param", "out_max_val top_k axis"),
    "Embed": rule("embed_param", "num_output input_dim bias_term"),
    "Parameter": rule("parameter_param", "shape"),
    "DummyData": rule("dummy_data_param", "data_filler shape"),
    "LSTM": rule("recurrent_param", "num_output expose_hidden"),
}
