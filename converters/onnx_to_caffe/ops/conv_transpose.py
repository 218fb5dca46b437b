"""ConvTranspose -> Deconvolution, which has no output_padding and takes the same pad off both ends."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.kernels import grown_dilated
from converters.caffe.net import Weights
from converters.errors import require
from converters.onnx_to_caffe.ops.conv import biased, check_bias
from converters.onnx_to_caffe.parts.unfold import picks, spread_to_columns
from converters.onnx_to_caffe.registry import Value, lowers


def _cut(
    full: Sequence[int], wanted: Sequence[int], pads: Sequence[int], auto_pad: str, asked: bool
) -> tuple[list[int], list[int]]:
    """What is taken off each end of the full product; a negative end is zeros to append.

    With output_shape, or a SAME padding (whose output is the input times the stride), the pads follow from the size.
    """
    count = len(full)
    if not asked and not auto_pad.startswith("SAME"):
        pads = list(pads) or [0] * (2 * count)
        return (list(pads[:count]), list(pads[count:])) if auto_pad == "NOTSET" else ([0] * count, [0] * count)
    total = [max(f - w, 0) for f, w in zip(full, wanted, strict=True)]
    begin = [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in total]
    sizes = wanted if asked else [f - t for f, t in zip(full, total, strict=True)]
    return begin, [f - b - s for f, b, s in zip(full, begin, sizes, strict=True)]


@lowers("ConvTranspose")
def conv_transpose(
    x: Blob,
    w: Value,
    b: Value | None = None,
    *,
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
    output_padding: Sequence[int] = (),
    output_shape: Sequence[int] = (),
) -> Blob:
    """ConvTranspose -> Deconvolution; uneven pads and output_padding become zero taps of the kernel."""
    require(w.rank == x.rank, f"a weight of {w.rank} axes for an input of {x.rank}")
    require(group > 0, f"{group} groups")
    require(w.shape[0] == x.shape[1], f"weights for {w.shape[0]} channels on an input of {x.shape[1]}")
    check_bias(b, w.shape[1] * group)
    sizes, kernel = x.shape[2:], w.shape[2:]
    count = len(kernel)
    require(not kernel_shape or tuple(kernel_shape) == kernel, f"kernel_shape {list(kernel_shape)} of {w.shape}")
    strides, dilations = list(strides) or [1] * count, list(dilations) or [1] * count
    extra = list(output_padding) or [0] * count
    require(
        output_shape or not auto_pad.startswith("SAME") or not any(extra),
        f"auto_pad={auto_pad} with output_padding: ONNX and onnxruntime disagree on the size",
        "write explicit pads",
    )
    require(
        all(o >= n for o, n in zip(output_shape[-count:], sizes, strict=False)),
        f"output_shape {list(output_shape)} is smaller than the input: ONNX gives it no shape",
        "write explicit pads",
    )
    full = [
        s * (n - 1) + d * (k - 1) + 1 + o
        for n, s, k, d, o in zip(sizes, strides, kernel, dilations, extra, strict=True)
    ]
    wanted = list(output_shape)[-count:] or [n * s for n, s in zip(sizes, strides, strict=True)]
    begin, end = _cut(full, wanted, pads, auto_pad, bool(output_shape))
    end = [e - o for e, o in zip(end, extra, strict=True)]
    pad = [max(b, e, 0) for b, e in zip(begin, end, strict=True)]
    front = [p - b for p, b in zip(pad, begin, strict=True)]
    back = [p - e for p, e in zip(pad, end, strict=True)]
    taps: Weights
    if isinstance(w, Blob):
        x, group = spread_to_columns(x, w, group), w.shape[1] * group
        taps = picks(group, kernel)
    else:
        taps = w
    weight, dilations = grown_dilated(taps, front, back, dilations)
    fixed = None if isinstance(b, Blob) else b
    y = layers.convolution(x, weight, fixed, stride=strides, pad=pad, dilation=dilations, group=group, transposed=True)
    return biased(y, b) if isinstance(b, Blob) else y
