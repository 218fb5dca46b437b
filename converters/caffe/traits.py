"""Every fact about a layer type, once: one row a type. Passes, rewrites and shape rules ask the table.

A fact holds whatever engine runs the layer; which engine has it, with which fields and limits, is in the dialects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Traits:
    """What is true of a layer type. A fact that is left out is not claimed, so that nothing is done on its strength."""

    message: str = ""  # its parameter message: a field of LayerParameter
    defaults: Mapping[str, Any] = field(default_factory=dict)  # where Caffe takes another value than the schema says
    blobs: tuple[str, ...] = ()  # what its learned blobs are, in order; a file may leave out the last

    elementwise: bool = False  # a number of the top depends on the numbers at its own place alone
    many: bool = False  # reads several blobs of one shape
    keeps_zero: bool = False  # zero becomes zero
    not_negative: bool = False  # no number of the top is below zero; a ReLU's only where it has no slope
    keeps_sign: bool = False  # no number of the top is below zero where none of the bottom is
    monotone: bool = False  # never falls, to the last bit: the largest number stays the largest

    by_channel: bool = False  # its blobs hold one number a channel, and channel c of the top is made of channel c alone
    affine: bool = False  # where its parameters allow, a factor and a shift for each channel
    broadcasts: bool = False  # a blob or a second bottom runs along some of its axes, from `axis` on
    by_plane: bool = False  # of an image, each channel's plane by itself
    routes: bool = False  # moves whole runs of an axis, numbers untouched
    along_axis: bool = False  # its `axis` counts from the front, and the other axes are all alike to it

    convolves: bool = False  # weights slide over the axes after the channels, in groups
    linear: bool = False  # weights times the bottom, plus a bias
    windows: bool = False  # has a kernel, a stride and a pad along each axis after the channels
    image: bool = False  # takes blobs of four axes and no others
    never_in_place: bool = False  # wrong in Caffe itself, or refused there, where it overwrites its bottom

    view: bool = False  # the same numbers in the same order, under another shape
    alias: bool = False  # its top is its bottom's memory
    shared_tops: bool = False  # two of its tops can be the same memory
    # May overwrite its bottom, right in BVLC, OpenCV, ncnn and MNN alike: in "inference" alone, or "always", where
    # gradients flow back too, as Caffe's own networks have it.
    in_place: str = ""
    source: bool = False  # reads no blob
    itself: bool = False  # two that look alike are two: never merged
    composite: bool = False  # stands for many: no Caffe has it, rewrites build it, no file holds it

    @property
    def neuron(self) -> bool:
        """Whether it is a function of one number."""
        return self.elementwise and not self.many


def _neuron(message: str = "", **facts: Any) -> Traits:
    return Traits(message, elementwise=True, **facts)


def _convolution(message: str, **facts: Any) -> Traits:
    return Traits(message, blobs=("weight", "bias"), windows=True, never_in_place=True, **facts)


def _recurrent(*blobs: str) -> Traits:
    return Traits("recurrent_param", blobs=blobs, shared_tops=True)


UNKNOWN = Traits()
STAND_IN = "(unsupported)"  # the type of a layer that can't be made; it stands there so that later blockers are found
TABLE: dict[str, Traits] = {
    # what has no bottom
    "Input": Traits("input_param", source=True, itself=True),
    "DummyData": Traits("dummy_data_param", source=True, itself=True),
    "Parameter": Traits("parameter_param", blobs=("weight",), source=True, itself=True),
    # functions of one number
    "AbsVal": _neuron(keeps_zero=True, not_negative=True, never_in_place=True),
    "BNLL": _neuron(not_negative=True, in_place="inference"),
    "Clip": _neuron("clip_param", monotone=True),
    "Dropout": _neuron("dropout_param", itself=True, keeps_sign=True, keeps_zero=True, in_place="always"),
    "ELU": _neuron("elu_param", keeps_zero=True, in_place="inference"),
    "Exp": _neuron("exp_param", not_negative=True, in_place="inference"),
    "HardSigmoid": _neuron("hardsigmoid_param", not_negative=True),
    "HardSwish": _neuron(keeps_zero=True),
    "Log": _neuron("log_param"),
    "Mish": _neuron(keeps_zero=True),
    "Power": _neuron("power_param", affine=True, in_place="inference"),
    "ReLU": _neuron("relu_param", not_negative=True, monotone=True, keeps_zero=True, in_place="always"),
    "ReLU6": _neuron("relu6_param", not_negative=True, monotone=True, keeps_zero=True),
    "Sigmoid": _neuron("sigmoid_param", not_negative=True, in_place="inference"),
    "Softplus": _neuron(not_negative=True),
    "Swish": _neuron("swish_param", keeps_zero=True),
    "TanH": _neuron("tanh_param", keeps_zero=True, in_place="inference"),
    "Threshold": _neuron("threshold_param", not_negative=True, monotone=True),
    # functions of one number that OpenCV alone has as layers, by these names
    "Acos": _neuron(not_negative=True),
    "Asin": _neuron(keeps_zero=True),
    "Atan": _neuron(keeps_zero=True),
    "Ceil": _neuron(monotone=True, keeps_zero=True),
    "Cos": _neuron(),
    "Erf": _neuron(keeps_zero=True),
    "Floor": _neuron(monotone=True, keeps_zero=True),
    "Gelu": _neuron(keeps_zero=True),
    "GeluApproximation": _neuron(keeps_zero=True),
    "Round": _neuron(monotone=True, keeps_zero=True),
    "Sign": _neuron(keeps_zero=True),
    "Sin": _neuron(keeps_zero=True),
    "Tan": _neuron(keeps_zero=True),
    # sums, products and numbers a channel
    "BatchNorm": Traits(
        "batch_norm_param",
        {"use_global_stats": True},  # Caffe's default is the phase: stored statistics in TEST, the batch's in TRAIN
        blobs=("statistic", "statistic", "statistic"),
        by_channel=True,
        affine=True,
        in_place="always",
    ),
    "Axpy": Traits(),
    "Bias": Traits("bias_param", blobs=("shift",), affine=True, broadcasts=True, along_axis=True),
    "Eltwise": Traits("eltwise_param", elementwise=True, many=True),
    "PReLU": Traits("prelu_param", blobs=("slope",), by_channel=True, keeps_zero=True, in_place="always"),
    "Scale": Traits(
        "scale_param",
        blobs=("factor", "shift"),
        affine=True,
        broadcasts=True,
        along_axis=True,
        in_place="always",
    ),
    # weights
    "Convolution": _convolution("convolution_param", convolves=True, linear=True),
    "ConvolutionDepthwise": _convolution("convolution_param"),
    "Deconvolution": _convolution("convolution_param", convolves=True, linear=True),
    "DepthwiseConvolution": _convolution("convolution_param"),
    "Embed": Traits("embed_param", blobs=("weight", "bias")),
    "InnerProduct": Traits("inner_product_param", blobs=("weight", "bias"), linear=True, never_in_place=True),
    "LSTM": _recurrent("weight", "bias", "recurrence"),
    "RNN": _recurrent("weight", "bias", "recurrence", "output weight", "output bias"),
    # images
    "BilinearInterpolate": Traits("bilinear_interpolate_param", by_plane=True),
    "Crop": Traits("crop_param"),
    "DetectionOutput": Traits("detection_output_param"),
    "Interp": Traits("interp_param", by_plane=True),
    "Pad": Traits("pad_param", by_plane=True),
    "PixelShuffle": Traits("pixelshuffle_param", image=True),
    "Pooling": Traits("pooling_param", by_plane=True, windows=True, image=True, keeps_sign=True, never_in_place=True),
    "PriorBox": Traits("prior_box_param"),
    "ROIPooling": Traits("roi_pooling_param"),
    "Reorg": Traits("reorg_param", image=True),
    "Resize": Traits("resize_param", by_plane=True),
    "SPP": Traits("spp_param", image=True),
    "Upsample": Traits("upsample_param", by_plane=True),
    # normalisation
    "LRN": Traits("lrn_param", image=True, never_in_place=True),
    "MVN": Traits("mvn_param"),
    "Normalize": Traits("norm_param", blobs=("factor",)),
    "Softmax": Traits("softmax_param", not_negative=True, along_axis=True),
    # where the numbers stand
    "Concat": Traits("concat_param", routes=True, along_axis=True),
    "BatchReindex": Traits(),
    "Flatten": Traits("flatten_param", view=True, alias=True, never_in_place=True),
    "Im2col": Traits("convolution_param"),
    "Permute": Traits("permute_param", never_in_place=True),
    "Reshape": Traits("reshape_param", view=True, alias=True, never_in_place=True),
    "ShuffleChannel": Traits("shuffle_channel_param", routes=True, image=True),
    "Silence": Traits(),
    "Slice": Traits("slice_param", routes=True, along_axis=True),
    "Split": Traits(alias=True, never_in_place=True),
    "Tile": Traits("tile_param", along_axis=True),
    "Unsqueeze": Traits("unsqueeze_param"),
    # along axes
    "ArgMax": Traits("argmax_param"),
    "MatMul": Traits(),
    "Reduction": Traits("reduction_param", never_in_place=True),
    # layers that stand for many
    "IndexOfLargest": Traits("index_param", {"axis": 0, "last": False}, composite=True),
    "Product": Traits("product_param", {"trans_a": False, "trans_b": False}, composite=True),
    "Recurrence": Traits(
        "recurrence_param",
        {"reverse": False, "linear_before_reset": False},
        composite=True,
    ),
    STAND_IN: Traits("stand_in_param", {"shapes": ()}, source=True, composite=True),
}


def of(kind: str) -> Traits:
    """The row of a layer type; of a type that is not known, a row that claims nothing."""
    return TABLE.get(kind, UNKNOWN)
