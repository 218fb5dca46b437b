"""Fourier transforms of a fixed size -> Convolution: its weights are the waves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape
from converters.errors import require
from converters.onnx_to_caffe.parts.transposed import transpose
from converters.onnx_to_caffe.registry import Const, lowers


@lowers("STFT")
def stft(
    signal: Blob,
    frame_step: Const,
    window: Const | None = None,
    frame_length: Const | None = None,
    *,
    onesided: int = 1,
    out_shapes: Sequence[Shape],
) -> Blob:
    """STFT -> Convolution along a real signal (N, samples, 1); cosines and sines are its channels."""
    require(signal.rank == 2 or signal.shape[-1] == 1, "a signal of complex numbers")
    require(window is not None or frame_length is not None, "neither a window nor the length of a frame")
    length = frame_length.ints()[0] if frame_length is not None else window.shape[0] if window is not None else 0
    require(
        window is None or window.shape == (length,), f"a window of {window and window.shape[0]} for frames of {length}"
    )
    bins, step = length // 2 + 1 if onesided else length, frame_step.ints()[0]
    told = "onnx takes 0 for an onesided that is left out, onnxruntime 1"
    require(out_shapes[0][2] == bins, told, "write the attribute")
    batch, samples = signal.shape[:2]

    def waves() -> npt.NDArray[np.float64]:
        """(bins * 2, 1, length, 1); the angle is reduced first, in whole numbers."""
        angle = 2 * np.pi / length * (np.outer(np.arange(bins), np.arange(length)) % length)
        shape = np.ones(length) if window is None else np.asarray(window, np.float64)
        return (np.stack([np.cos(angle), -np.sin(angle)], 1) * shape).reshape(2 * bins, 1, length, 1)

    weight = Lazy((2 * bins, 1, length, 1), waves)
    y = layers.convolution(layers.reshape(signal, (batch, 1, samples, 1)), weight, stride=(step, 1))
    frames = y.shape[2]
    return layers.reshape(transpose(layers.reshape(y, (batch, 2 * bins, frames)), (0, 2, 1)), (batch, frames, bins, 2))
