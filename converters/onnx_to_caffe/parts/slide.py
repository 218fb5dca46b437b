"""Caffe's Pooling over windows that ONNX places anywhere: a fitting pad, and the cut that leaves the wanted windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.shapes import pooled_size
from converters.errors import Unsupported
from converters.onnx_to_caffe.parts.windows import Axis


@dataclass(frozen=True)
class Fit:
    """Caffe's kernel and pad for an axis, and how many windows come before the first wanted one."""

    kernel: int
    pad: int
    skip: int

    def divisors(self, axis: Axis) -> npt.NDArray[np.float64]:
        """What Caffe divides each wanted window's sum by: its length up to the end of the padding."""
        start = np.arange(self.skip, self.skip + axis.count) * axis.stride - self.pad
        return (np.minimum(start + self.kernel, axis.size + self.pad) - start).astype(np.float64)


def _fit(axis: Axis) -> Fit:
    """The smallest pad, whole strides above the leading one, that gives enough windows at the end.

    A kernel that reaches past the end of the image from every window can be cut to where the first one ends.
    """
    for kernel in dict.fromkeys((axis.kernel, min(axis.kernel, axis.size + axis.begin))):
        for skip in range(kernel):
            pad = axis.begin + skip * axis.stride
            if pad < kernel <= axis.size + 2 * pad:
                have = pooled_size(axis.size, kernel, axis.stride, pad, floor=False, padded=True)
                if have >= skip + axis.count:
                    return Fit(kernel, pad, skip)
    raise Unsupported(f"no pad of Caffe's places the pooling windows as {axis}")


def _sizes(sizes: Sequence[int], fits: Sequence[Fit], axes: Sequence[Axis], floor: bool) -> list[int]:
    """How many windows Caffe makes along each axis."""
    padded = any(fit.pad for fit in fits)
    return [
        pooled_size(size, fit.kernel, axis.stride, fit.pad, floor=floor, padded=padded)
        for size, fit, axis in zip(sizes, fits, axes, strict=True)
    ]


def slide(x: Blob, method: str, axes: Sequence[Axis]) -> tuple[Blob, list[Fit]]:
    """Pool axes 2 and 3 of a blob of four axes; exactly the wanted windows come out."""
    fits = [_fit(axis) for axis in axes]
    wanted = [fit.skip + axis.count for fit, axis in zip(fits, axes, strict=True)]
    floor = _sizes(x.shape[2:], fits, axes, True) == wanted != _sizes(x.shape[2:], fits, axes, False)
    for i, (axis, fit) in enumerate(zip(axes, fits, strict=True)):
        # A last window without a pixel: engines disagree on when it is dropped, so the image is cut to have none
        last = pooled_size(axis.size, fit.kernel, axis.stride, fit.pad, floor=False, padded=False) - 1
        if not floor and not fit.pad and last * axis.stride >= axis.size:
            x = layers.narrow(x, 2 + i, 0, (axis.count - 1) * axis.stride + fit.kernel)
    kernel, stride = [fit.kernel for fit in fits], [axis.stride for axis in axes]
    y = layers.pooling(x, method, kernel, stride=stride, pad=[fit.pad for fit in fits], floor=floor)
    for i, (axis, fit) in enumerate(zip(axes, fits, strict=True)):
        y = layers.narrow(y, 2 + i, fit.skip, fit.skip + axis.count)
    return y, fits
