"""Layers in place leave alone what is read elsewhere, also by whoever runs the net."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import emit
from converters.caffe.passes.in_place import in_place
from converters.caffe.places import Context


def test_an_output_behind_a_reshape_is_kept() -> None:
    """A Reshape shares its input's memory: what is in place on the one changes the other."""
    x = layers.input_("x", (2, 3, 4))
    a = layers.neuron("Exp", x)
    y = layers.relu(layers.neuron("TanH", layers.relu(layers.reshape(a, (6, 4)))))
    net = in_place(emit("n", {"x": x, "a": a, "y": y}, ["a", "y"], [x]), Context()).net
    relu, tanh = (next(item for item in net.layers if item.type == kind) for kind in ("ReLU", "TanH"))
    assert relu.bottoms != relu.tops
    assert tanh.bottoms == tanh.tops
