"""Which rewrites there are for a layer, in the order in which they are tried: the first whose result is legal wins."""

from __future__ import annotations

from collections.abc import Mapping

from converters.dialects.base import Rewriter
from converters.dialects.rewrites import (
    activation,
    arithmetic,
    clip,
    conv,
    erf,
    fusion,
    matmul,
    neurons,
    norm,
    pad,
    permute,
    pooling,
    power,
    recurrent,
    reduce,
    resize,
    rounding,
    rows,
    shuffle,
    slices,
    sums,
    tile,
    views,
)

_OF_A_TYPE: Mapping[str, tuple[Rewriter, ...]] = {
    "BatchNorm": (fusion.keep_apart, norm.statistics_of_one_image, norm.centred_over_deviation),
    "Bias": (arithmetic.bias_by_scale, arithmetic.bias_by_sum),
    "Ceil": (rounding.ceil_by_round,),
    "Clip": (clip.clip_relu6, clip.clip_by_relu, clip.clip_by_maximum, clip.clip_by_shift),
    "Convolution": (conv.convolution_over_one_row, conv.depthwise_of_five_columns),
    "Deconvolution": (
        conv.dilation_as_zero_taps,
        conv.one_tap_of_three,
        conv.deconvolution_over_one_row,
        conv.depth_as_channels,
    ),
    "Eltwise": (arithmetic.eltwise_of_two_axes,),
    "Erf": (erf.erf_by_tanh,),
    "Floor": (rounding.floor_by_round,),
    "Gelu": (erf.gelu_by_sigmoid,),
    "GeluApproximation": (erf.gelu_of_tanh_by_sigmoid,),
    "HardSigmoid": (activation.hard_sigmoid_by_clip,),
    "HardSwish": (activation.hard_swish_by_clip,),
    "IndexOfLargest": (reduce.index_by_argmax, reduce.index_by_pooling),
    "LRN": (norm.bias_out_of_lrn,),
    "Log": (activation.natural_log,),
    "Mish": (activation.mish_by_softplus,),
    "PReLU": (activation.prelu_of_four_axes, fusion.keep_apart),
    "Pad": (pad.pad_by_convolution, pad.pad_by_selection),
    "Permute": (permute.permute_by_slices, permute.permute_by_convolution, permute.permute_by_many_slices),
    "PixelShuffle": (shuffle.pixel_shuffle_by_deconvolution,),
    "Pooling": (pooling.pool_ceil_mode, pooling.pool_and_select, pooling.pool_and_crop, pooling.cut_and_pool),
    "Power": (fusion.keep_apart,),
    "Product": (matmul.product_native, matmul.product_by_scale),
    "Recurrence": (recurrent.lstm_layer, recurrent.step_by_step),
    "Reduction": (reduce.reduction_by_inner_product,),
    "Round": (rounding.round_by_shift,),
    "Scale": (fusion.keep_apart,),
    "ShuffleChannel": (shuffle.shuffle_by_permute,),
    "Sign": (activation.sign_by_tanh,),
    "Swish": (activation.swish_by_sigmoid,),
    "Threshold": (activation.threshold_by_sign,),
    "Tile": (tile.tile_by_concat, tile.tile_by_convolution),
    "Upsample": (resize.upsample_by_resize, resize.upsample_by_deconvolution),
}
# What no engine needs, since each has the layer in some form: ways into chips that have few.
_FOR_CHIPS: Mapping[str, tuple[Rewriter, ...]] = {
    "AbsVal": (neurons.abs_by_relu,),
    "Eltwise": (sums.eltwise_in_pairs, sums.sum_of_multiples),
    "Flatten": (views.flatten_by_reshape,),
    "InnerProduct": (views.rows_as_images, views.flatten_between),
    "PReLU": (neurons.prelu_by_relu,),
    "Permute": (views.permute_by_one_order,),
    "Pooling": (
        pooling.pool_and_pick,
        neurons.average_by_convolution,
    ),
    "Power": (power.power_by_scale, power.power_by_products),
    "Reshape": (views.reshape_by_flatten,),
    "Scale": (sums.gate_by_deconvolution,),
    "Slice": (slices.slice_by_crop, slices.slice_by_convolution, slices.slice_by_blocks),
    "Softmax": (views.softmax_on_last_axis,),
}
REWRITES: Mapping[str, tuple[Rewriter, ...]] = {
    kind: (
        *_OF_A_TYPE.get(kind, ()),
        *((rows.as_row,) if kind in rows.ROWS else ()),
        *_FOR_CHIPS.get(kind, ()),
    )
    for kind in sorted({*_OF_A_TYPE, *rows.ROWS, *_FOR_CHIPS})
}
NAMES = frozenset(rewriter.__name__ for found in REWRITES.values() for rewriter in found)
