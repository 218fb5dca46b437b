"""Where the windows of a convolution or a pooling lie, read from ONNX's attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converters.errors import require


@dataclass(frozen=True)
class Axis:
    """The windows along one axis: `count` of them, `stride` apart, the first `begin` before the image."""

    size: int
    kernel: int
    stride: int
    dilation: int
    begin: int
    end: int
    count: int

    @property
    def extent(self) -> int:
        """The length of a window with the gaps that its dilation leaves."""
        return self.dilation * (self.kernel - 1) + 1

    def taps(self, window: int) -> list[int]:
        """The positions that a window reads, those in the padding and past it too."""
        return [window * self.stride - self.begin + i * self.dilation for i in range(self.kernel)]

    def same(self) -> bool:
        """Whether the windows are the single pixels, in order."""
        return (self.kernel, self.stride, self.begin, self.count) == (1, 1, 0, self.size)


def _same_pads(auto_pad: str, size: int, extent: int, stride: int) -> tuple[int, int]:
    """SAME: as many windows as strides fit into the image; the odd pixel of padding goes to the named end."""
    total = (-(-size // stride) - 1) * stride + extent - size
    require(
        total >= -1,
        f"auto_pad={auto_pad} of stride {stride} and kernel {extent}: runtimes disagree on where the windows lie",
        "write explicit pads",
    )
    small = max(total, 0) // 2
    large = max(total, 0) - small
    return (small, large) if auto_pad == "SAME_UPPER" else (large, small)


def axes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    auto_pad: str = "NOTSET",
    ceil: bool = False,
) -> list[Axis]:
    """The windows along each spatial axis. With `ceil` the last one may reach past the padding, not start there."""
    count = len(kernel)
    require(len(sizes) == count, f"a kernel over {count} axes on an image of {len(sizes)}")
    strides, dilations = list(strides) or [1] * count, list(dilations) or [1] * count
    pads = list(pads) or [0] * (2 * count)
    require(auto_pad in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"), f"auto_pad={auto_pad}")
    made = []
    for i, (size, k, s, d) in enumerate(zip(sizes, kernel, strides, dilations, strict=True)):
        begin, end = (pads[i], pads[count + i]) if auto_pad == "NOTSET" else (0, 0)
        if auto_pad.startswith("SAME"):
            begin, end = _same_pads(auto_pad, size, d * (k - 1) + 1, s)
        span = size + begin + end - (d * (k - 1) + 1)
        windows = (-(-span // s) if ceil or span < 0 else span // s) + 1  # C++ divides towards zero
        if ceil and (windows - 1) * s >= size + begin:
            windows -= 1
        require(windows > 0, f"the kernel of {d * (k - 1) + 1} is larger than the padded image of {size + begin + end}")
        made.append(Axis(size, k, s, d, begin, end, windows))
    return made
