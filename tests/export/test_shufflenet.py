"""ShuffleNet V2: every width, static and open batch, equal to torch, under the published layer names."""

from __future__ import annotations

import hashlib
from collections import Counter

import onnx
import onnx_ir as ir
import pytest
from torch import nn

from fixtures import make
from tests.export.running import assert_same
from toolkit.export import export, save
from toolkit.models import create

# SHA-256 (first 16 digits) of the published prototxt's "layer <- bottoms" lines for width 0.5, Scale layers left out
LAYERS = "d3c9e1e3e7ef120b"


def network(width: float, size: int) -> nn.Module:
    model = create(f"shufflenet_v2_x{width}", num_classes=20, image_size=size)
    model.load_state_dict(make.state_dict(model.state_dict()))
    return model


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("width", make.WIDTHS)
def test_every_width_equals_torch(width: float, dynamic: bool, tmp_path) -> None:
    net = network(width, 64)
    model = export(net, dynamic_batch=dynamic)
    (path,) = save(model, tmp_path / "net.onnx")
    onnx.checker.check_model(path, full_check=True)
    for batch in (1, 3) if dynamic else (1,):
        assert_same(ir.load(path), net, [(batch, 3, 64, 64)])
    batch_dim = "batch" if dynamic else 1
    assert _shape(model.graph.inputs[0]) == ("data", [batch_dim, 3, 64, 64])
    assert _shape(model.graph.outputs[0]) == ("output", [batch_dim, 20])
    # 16 units: 13 with a split; 3 convolutions each and 2 more in the 3 others; stem, conv5 and fc
    assert Counter(node.op_type for node in model.graph) == {
        "Conv": 57,
        "Relu": 37,
        "Reshape": 32,
        "Transpose": 16,
        "Concat": 16,
        "Split": 13,
        "BatchNormalization": 1,  # of the image: the padding behind it keeps it apart
        "MaxPool": 1,
        "AveragePool": 1,
        "Flatten": 1,
    }


def test_the_parts_are_what_the_caffe_side_expects() -> None:
    """The published form: names, order, bottoms; ceil-mode pooling; a real Split; Reshape, Transpose, Reshape."""
    model = export(network(0.5, 224), keep_bn=True)
    nodes = {node.name: node for node in model.graph}
    inner = [name for name in nodes if name.endswith(("/shuffle/reshape", "/shuffle/transpose"))]
    assert len(inner) == 32
    lines = [
        f"{name} <- {' '.join(_blob(value, inner) for value in node.inputs if not value.is_initializer())}"
        for name, node in nodes.items()
        if name not in (*inner, "output")
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == LAYERS

    pool = nodes["stage1/pool"]
    assert pool.attributes.get_int("ceil_mode") == 1
    assert pool.attributes.get_ints("pads") == (0, 0, 0, 0)
    assert nodes["pool"].attributes.get_ints("kernel_shape") == (7, 7)
    split = nodes["stage_2_2/slice1"]
    assert [value.name for value in split.outputs] == ["stage_2_2/slice1", "stage_2_2/slice2"]
    assert split.inputs[1].const_value.numpy().tolist() == [24, 24]
    assert nodes["stage_2_1/shuffle/reshape"].inputs[1].const_value.numpy().tolist() == [1, 2, 24, 28, 28]
    assert nodes["stage_2_1/shuffle/transpose"].attributes.get_ints("perm") == (0, 2, 1, 3, 4)
    assert nodes["output"].op_type == "Flatten"
    assert len(nodes["stage1/conv"].inputs) == 2  # no bias where the module has none
    assert nodes["stage1/conv"].inputs[1].name == "network.1.0.weight"


def _blob(value: ir.Value, inner: list[str]) -> str:
    """The Caffe blob of an ONNX value: BatchNorm and ReLU work in place, a shuffle is one layer."""
    while value.name in inner:
        value = value.producer().inputs[0]
    return "data" if value.name == "data/bn" else value.name.removesuffix("/relu").removesuffix("/bn")


def _shape(value: ir.Value) -> tuple[str, list[int | str]]:
    return value.name, [dim if isinstance(dim, int) else str(dim) for dim in value.shape]
