"""In-place layers -> one blob a write."""

from __future__ import annotations

from converters.caffe.net import Layer, Net
from converters.caffe.unshare import unshare


def test_every_write_has_a_name_and_the_last_keeps_the_blobs() -> None:
    net = Net(
        "net",
        (
            Layer("Input", "x", (), ("x",)),
            Layer("Convolution", "conv", ("x",), ("y",)),
            Layer("ReLU", "relu", ("y",), ("y",)),
            Layer("Scale", "scale", ("y",), ("y",)),
            Layer("Slice", "cut", ("y",), ("a", "b")),
            Layer("ReLU", "last", ("a",), ("a",)),
            Layer("Eltwise", "sum", ("y", "a"), ("sum",)),
        ),
        ("b", "sum"),
    )
    found = unshare(net)
    assert [(layer.bottoms, layer.tops) for layer in found.layers] == [
        ((), ("x",)),
        (("x",), ("y@1",)),
        (("y@1",), ("y@2",)),
        (("y@2",), ("y",)),
        (("y",), ("a@1", "b")),
        (("a@1",), ("a",)),
        (("y", "a"), ("sum",)),
    ]
    assert [layer.name for layer in found.layers] == [layer.name for layer in net.layers]
    assert found.outputs == net.outputs
    assert unshare(found) == found, "what is not shared stays"
