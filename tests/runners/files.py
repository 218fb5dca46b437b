"""Tiny models in every format, written without any code of ours: the caffemodel's protobuf is encoded by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _blob(array: np.ndarray) -> bytes:
    """BlobProto: shape { dim, packed } is field 7, data, packed, is field 5."""
    dims = b"".join(map(_varint, array.shape))
    return _field(7, _field(1, dims)) + _field(5, struct.pack(f"<{array.size}f", *array.ravel()))


def caffemodel(path: Path, layers: Mapping[str, Sequence[np.ndarray]]) -> Path:
    """NetParameter: layer is field 100, in which name is 1 and blobs is 7."""
    path.write_bytes(
        b"".join(
            _field(100, _field(1, name.encode()) + b"".join(_field(7, _blob(blob)) for blob in blobs))
            for name, blobs in layers.items()
        )
    )
    return path


def input_layer(name: str, shape: Sequence[int]) -> str:
    dims = " ".join(f"dim: {size}" for size in shape)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'


PROTOTXT = (
    input_layer("data", (1, 3, 5, 5))
    + """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_h: 3 kernel_w: 3 stride_h: 1 stride_w: 1 pad_h: 1 pad_w: 1 } }
layer { name: "shift" type: "Power" bottom: "conv" top: "shift" power_param { shift: -0.25 } }
layer { name: "relu" type: "ReLU" bottom: "shift" top: "shift" }
layer { name: "halves" type: "Slice" bottom: "shift" top: "low" top: "high" slice_param { axis: 1 slice_point: 2 } }
layer { name: "twice" type: "Power" bottom: "low" top: "twice" power_param { scale: 2 } }
layer { name: "prod" type: "Eltwise" bottom: "high" bottom: "twice" top: "prod" eltwise_param { operation: PROD } }
"""
)

ONNX = """<ir_version: 8, opset_import: ["": 17]>
tiny (float[N,3,5,5] data) => (float[N,2,5,5] prod)
<float[4,3,3,3] w, float[4] b, float quarter = {0.25}, float two = {2}> {
  conv = Conv<pads=[1,1,1,1]>(data, w, b)
  lower = Sub(conv, quarter)
  shift = Relu(lower)
  low, high = Split<axis=1>(shift)
  twice = Mul(low, two)
  prod = Mul(high, twice)
}"""

TORCH = """
import numpy as np
import torch

class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        stored = np.load({weights!r})
        self.conv.load_state_dict({{"weight": torch.from_numpy(stored["w"]), "bias": torch.from_numpy(stored["b"])}})

    def forward(self, data):
        conv = self.conv(data)
        shift = torch.relu(conv - 0.25)
        low, high = shift.chunk(2, dim=1)
        return high * (2 * low), shift
"""


def weights() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.standard_normal((4, 3, 3, 3), np.float32), rng.standard_normal(4, np.float32)


def image(batch: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((batch, 3, 5, 5), np.float32)


def expected(data: np.ndarray) -> dict[str, np.ndarray]:
    """The values of the tiny network, in numpy."""
    w, b = weights()
    padded = np.pad(data, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    conv = np.einsum("nchwij,ocij->nohw", windows, w) + b[:, None, None]
    shift = np.maximum(conv - 0.25, 0)
    low, high = shift[:, :2], shift[:, 2:]
    return {"conv": conv, "shift": shift, "high": high, "prod": high * (2 * low)}


def write_tiny(folder: Path) -> dict[str, tuple[str, Path | None]]:
    """The tiny network for every runtime: what a Target calls path and weights."""
    import onnx

    w, b = weights()
    (folder / "tiny.prototxt").write_text(PROTOTXT)
    caffemodel(folder / "tiny.caffemodel", {"conv": [w, b]})
    model = onnx.parser.parse_model(ONNX)
    model.graph.initializer.extend([onnx.numpy_helper.from_array(w, "w"), onnx.numpy_helper.from_array(b, "b")])
    onnx.save(model, folder / "tiny.onnx")
    np.savez(folder / "weights.npz", w=w, b=b)
    (folder / "tiny_model.py").write_text(TORCH.format(weights=str(folder / "weights.npz")))
    caffe = (str(folder / "tiny.prototxt"), folder / "tiny.caffemodel")
    return {
        "caffe": caffe,
        "caffe-via-onnx": caffe,
        "mnn": caffe,
        "opencv": caffe,
        "openvino": caffe,
        "onnxruntime": (str(folder / "tiny.onnx"), None),
        "torch": (f"{folder / 'tiny_model.py'}:Tiny", None),
    }
