"""Graphs under construction: nodes never change, and are made by the functions that see to their shapes."""

from __future__ import annotations

import ast
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from converters.caffe import layers
from converters.caffe.graph import ancestors, build, emit, emitted, remade, with_name, with_origin
from converters.errors import Unsupported

ROOT = Path(__file__).parents[2]
X = layers.input_("x", (1, 4, 8, 8))


def test_a_node_never_changes() -> None:
    for field in ("origin", "name", "bottoms", "shapes"):
        with pytest.raises(FrozenInstanceError):
            setattr(X.node, field, getattr(X.node, field))


def makers(path: Path) -> list[int]:
    """The lines on which a file calls Node itself."""
    calls = (part for part in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(part, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Node"]


def test_only_the_graph_makes_nodes() -> None:
    graph = ROOT / "converters" / "caffe" / "graph.py"
    files = [path for room in ("converters", "toolkit") for path in (ROOT / room).rglob("*.py")]
    assert makers(graph)
    assert {
        path.relative_to(ROOT).as_posix(): lines for path in files if path != graph and (lines := makers(path))
    } == {}


def test_a_layer_on_another_bottom_has_the_shapes_that_caffe_gives_it_there() -> None:
    pool = layers.pooling(X, "MAX", (2, 2), stride=(2, 2)).node
    assert remade(pool, [layers.relu(X)]).shapes == ((1, 4, 4, 4),)
    small = layers.pooling(X, "AVE", (2, 2), stride=(2, 2))
    assert remade(pool, [small]).shapes == ((1, 4, 2, 2),)
    assert remade(pool, params={"pooling_param": {"pool": "MAX", "kernel_size": 8}}).shapes == ((1, 4, 1, 1),)
    with pytest.raises(Unsupported, match="larger than the padded image"):
        remade(pool, params={"pooling_param": {"pool": "MAX", "kernel_size": 9}})


def test_what_is_not_given_is_as_it_was_but_for_the_name() -> None:
    weight = np.ones((4, 4, 1, 1), np.float32)
    (old,) = with_origin([with_name(layers.convolution(X, weight), "conv")], "value", since=X.node.order)
    new = remade(old.node)
    assert (new.type, new.bottoms, new.params, new.blobs) == ("Convolution", (X,), old.node.params, (weight,))
    assert (new.origin, new.name, old.node.name) == ("value", "", "conv")
    assert remade(old.node, blobs=[2 * weight], origin="other").origin == "other"
    assert new.order > old.node.order


def test_an_origin_goes_to_those_that_have_none() -> None:
    (x,) = with_origin([X], "x")
    (below,) = with_origin([layers.relu(x)], "first")
    inner = layers.neuron("TanH", below)
    one, two = with_origin([layers.add(inner, below), inner], "second")
    assert [node.origin for node in ancestors([one])] == ["x", "first", "second", "second"]
    assert one.node.bottoms == (two, below), "the two still share a layer, and read the very layer of before"
    assert inner.node.origin == ""
    assert one.node.order > two.node.order == inner.node.order


def test_what_was_there_before_keeps_its_own() -> None:
    old = layers.relu(X)
    new = layers.neuron("TanH", old)
    (top,) = with_origin([new], "y", since=old.node.order)
    assert (top.node.origin, top.node.bottoms) == ("y", (old,))
    assert with_origin([old], "y", since=old.node.order) == (old,)
    assert with_origin([new], "") == (new,)


def test_a_layer_that_is_to_lose_its_name_takes_its_tops() -> None:
    y = with_name(layers.relu(X), "called")
    named = {"x": X, "y": y, "z": with_name(layers.neuron("TanH", y), "other")}
    assert [item.name for item in emit("n", named, ["z"], [X]).layers] == ["x", "called", "z"]
    net = emitted("n", named, ["z"], [X], unnamed={y.node}).net
    assert [(item.name, item.tops) for item in net.layers] == [("x", ("x",)), ("y", ("y",)), ("z", ("z",))]
    again, _ = build(net)
    assert again["z"].node.name == "z"
