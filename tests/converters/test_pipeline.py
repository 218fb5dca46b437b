"""The passes are one list: its order is checked, each tells what it did, and inspect shows what convert writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import converters.dialects as dialects
from converters.caffe import layers
from converters.caffe.graph import Blob, emit, layer
from converters.caffe.net import Net
from converters.caffe.passes.eliminate_shuffles import eliminate_shuffles
from converters.caffe.passes.fold import fold, fold_rewrites
from converters.caffe.passes.merge_duplicates import merge_duplicates
from converters.caffe.passes.merge_views import merge_views
from converters.caffe.places import Place, Result
from converters.dialects import DIALECTS
from converters.errors import ToolkitError
from converters.onnx_passes import load
from converters.onnx_to_caffe import convert, convert_file
from converters.onnx_to_caffe.inspect import inspect
from converters.onnx_to_caffe.pipeline import DEPLOY, PIPELINES, Pass, Task, ordered, parts
from converters.onnx_to_caffe.run import CHANGED, UNDONE, PassError, run, start
from tests.cases import all_cases, build

CASES = all_cases()
RNG = np.random.default_rng(7)
PORTABLE = Task(dialect=DIALECTS["portable"])
X = layers.input_("x", (2, 4, 9, 8))


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def net_of(**outputs: Blob) -> Net:
    return emit("n", {"x": X, **outputs}, list(outputs), [X])


def kinds(net: Net) -> list[str]:
    return [item.type for item in net.layers if item.type != "Input"]


def simplified(net: Net) -> Net:
    """What the passes before the dialect make of a net."""
    return run(start(net), parts(DEPLOY)[0], PORTABLE).net


@pytest.mark.parametrize("name", sorted(CASES))
def test_inspect_shows_what_convert_writes(name: str, tmp_path: Path) -> None:
    """Every layer that is written belongs to one node, and no other is shown."""
    case = CASES[name]
    dialect = (*case.dialects, "portable")[0]
    onnx.save(build(case)[0], tmp_path / "model.onnx")
    try:
        source = load(tmp_path / "model.onnx")
        written = Counter(item.type for item in convert(source, dialect=dialect).net.layers)
    except ToolkitError:
        assert case.refused, "the dialects of the row must take it"
        return
    found = inspect(source, dialect)
    assert found.convertible
    assert found.layers == written
    shown = Counter(kind for node in found.nodes for kind in node.layers)
    assert shown == Counter({kind: n for kind, n in written.items() if kind not in ("Input", "Silence")})


def test_layers_alike_are_merged_before_folding() -> None:
    """Then a batch normalisation has one reader and can be folded."""
    w, s = weights(4, 4, 1, 1), weights(4)
    padded = [layer("Pad", X, pad_param=dict.fromkeys(("pad_u", "pad_d", "pad_l", "pad_r"), 1)).tops[0] for _ in "ab"]
    twice = [layers.scale(layers.convolution(one, w), s, s) for one in padded]
    assert kinds(simplified(net_of(y=layers.add(*twice)))) == ["Convolution", "Eltwise"]


def test_pads_are_absorbed_before_activations_move() -> None:
    """A pad before a maximum must still know that nothing is negative."""
    padded = layer("Pad", layers.relu(X), pad_param=dict.fromkeys(("pad_u", "pad_d", "pad_l", "pad_r"), 1)).tops[0]
    y = layers.pooling(padded, "MAX", (3, 3), stride=(2, 2), floor=True)
    assert kinds(simplified(net_of(y=y))) == ["Pooling", "ReLU"]


def nothing(net: Net, task: Task) -> Result:
    return Result(net)


def test_a_list_in_a_wrong_order_is_refused() -> None:
    needs, makes = Pass("needs", nothing, ("made",)), Pass("makes", nothing, (), ensures=("made",))
    breaks = Pass("breaks", nothing, (), breaks=("made",))
    assert ordered(makes, needs) == (makes, needs)
    for passes, blame in (
        ((needs, makes), "'needs' requires a net made, which 'makes' ensures only behind it"),
        ((makes, breaks, needs), "'needs' requires a net made, which 'breaks' before it breaks"),
        ((needs,), "'needs' requires a net made, which no pass ensures"),
        ((makes, makes), "two passes have one name"),
    ):
        with pytest.raises(RuntimeError, match=blame):
            ordered(*passes)


@pytest.mark.parametrize("style", PIPELINES)
def test_every_swap_of_two_passes_that_need_each_other_is_refused(style: str) -> None:
    """The order is one that the facts explain: legalise can't go behind what is done to its result, and so on."""
    passes = PIPELINES[style]
    place = [one.name for one in passes].index("legalise")
    for other in passes[place + 1 :]:
        moved = [one for one in passes if one is not other]
        with pytest.raises(RuntimeError, match=f"'{other.name}' requires"):
            ordered(*moved[:place], other, *moved[place:])


def boom(net: Net, task: Task) -> Result:
    raise KeyError("who")


def test_a_pass_that_fails_is_named_with_those_before_it() -> None:
    net = net_of(y=layers.relu(layers.convolution(X, weights(4, 4, 1, 1))))
    passes = (*DEPLOY, Pass("last", boom, ()))
    with pytest.raises(PassError, match=r"the pass 'last', after preprocess, .*, in_place, failed: KeyError") as caught:
        run(start(net), passes, PORTABLE)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "faulty, complaint",
    [
        (lambda net, task: Result(replace(net, layers=net.layers[1:])), "it does not say what became of x"),
        (lambda net, task: Result(replace(net), {"y": Place("z")}), "'y' is in 'z', which is not in its net"),
        (lambda net, task: Result(replace(net), {"y": Place()}), "which is not in its net"),
        (lambda net, task: Result(replace(net, outputs=("z",))), "its outputs are y, not z"),
        (lambda net, task: Result(read_by_another(net)), "its outputs are z, not y"),
        (lambda net, task: Result(twice(net, tops=("z",), outputs=("y", "z"))), "2 layers are called 'y'"),
        (lambda net, task: Result(twice(net, name="z")), "'y' is written 2 times"),
        (lambda net, task: Result(reading_later(net)), "'x' reads 'y', which nothing makes before it"),
    ],
)
def test_a_pass_that_leaves_a_broken_net_is_named(faulty: object, complaint: str) -> None:
    with pytest.raises(PassError, match=complaint):
        run(start(net_of(y=layers.relu(X))), [Pass("faulty", faulty, ())], PORTABLE)  # type: ignore[arg-type]


def twice(net: Net, outputs: tuple[str, ...] = ("y",), **other: Any) -> Net:
    return replace(net, layers=(*net.layers, replace(net.layers[-1], **other)), outputs=outputs)


def read_by_another(net: Net) -> Net:
    return twice(net, name="z", bottoms=("y",), tops=("z",))


def reading_later(net: Net) -> Net:
    return replace(net, layers=(replace(net.layers[0], bottoms=("y",)), *net.layers[1:]))


def test_moves_compose() -> None:
    first = {"a": Place("b", order=(2, 0, 1)), "c": Place("b"), "d": Place(gone="unused")}
    second = {"b": Place("e", order=(1, 2, 0), view=True)}
    assert first["a"].then(second) == Place("e", order=(0, 1, 2), view=True)
    assert first["c"].then(second) == Place("e", order=(1, 2, 0), view=True)
    assert first["d"].then(second) == first["d"]
    assert first["a"].then({"b": Place(gone="overwritten")}) == Place(gone="overwritten")


def model(folder: Path, *nodes: onnx.NodeProto, shape: tuple[int, ...] = (1, 4, 8, 8), **constants: np.ndarray) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_the_map_knows_values_that_are_alike(tmp_path: Path) -> None:
    """Of two layers that are alike one is left, and holds both values."""
    twice = [helper.make_node("Relu", ["x"], [name]) for name in "ab"]
    done = convert_file(model(tmp_path, *twice, helper.make_node("Add", ["a", "b"], ["y"])), tmp_path / "net")
    assert done.blobs["a"] == done.blobs["b"]


def test_what_is_overwritten_through_a_view_is_not_in_the_map(tmp_path: Path) -> None:
    """A Reshape shares its input's memory: a layer in place behind it changes what comes before it too."""
    path = model(
        tmp_path,
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Reshape", ["c", "s"], ["r"]),
        helper.make_node("Relu", ["r"], ["a"]),
        helper.make_node("Softmax", ["a"], ["y"], axis=2),
        w=weights(4, 4, 1, 1),
        s=np.array([1, 4, 64]),
    )
    done = convert(load(path))
    relu = next(item for item in done.net.layers if item.type == "ReLU")
    assert relu.bottoms == relu.tops
    assert done.places["a"] == Place(done.places["a"].blob)
    assert {name: done.places[name].gone for name in "cr"} == dict.fromkeys("cr", f"layer '{relu.name}' overwrites it")


def test_a_value_that_nobody_needs_is_in_no_blob(tmp_path: Path) -> None:
    """An empty part of a Split has no blob; it must not be said to be in another."""
    onnx.save(build(CASES["select/split_empty_part"])[0], tmp_path / "model.onnx")
    done = convert_file(tmp_path / "model.onnx", tmp_path / "net")
    assert "b" not in done.blobs
    assert done.blobs["y"] == "y"


def test_what_a_dialect_does_not_take_is_undone(tmp_path: Path) -> None:
    """A chip that takes no stride over 7 can't take a mean in tiles of 1 x 64; the passes before that stay."""
    chip = tmp_path / "chip.toml"
    chip.write_text(
        'title = "a chip"\nbase = "portable"\n[layer.Pooling]\nmax_stride = 7\n[layer.Convolution]\nmax_stride = 7\n',
        "utf-8",
    )
    path = model(
        tmp_path,
        helper.make_node("HardSigmoid", ["x"], ["h"]),
        helper.make_node("GlobalAveragePool", ["h"], ["y"]),
        shape=(1, 4, 64, 64),
    )
    found = {one.name: one for one in convert(load(path), dialect=str(chip)).passes}
    assert [name for name, one in found.items() if one.outcome == UNDONE] == ["tiled_mean"]
    assert "the dialect does not take what comes of it: Pooling" in found["tiled_mean"].notes[-1].reason
    assert found["fold_rewrites"].outcome == CHANGED
    assert found["legalise_again"].outcome != UNDONE


def test_the_dialect_is_asked_once_where_no_pass_changes_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """`legalise_again` looks at layers that meet now; where none do, all of it has been said."""
    asked: list[Net] = []
    legalise = dialects.legalise

    def counted(net: Net, dialect: dialects.Dialect, **when: bool) -> Result:
        asked.append(net)
        return legalise(net, dialect, **when)

    monkeypatch.setattr(dialects, "legalise", counted)
    plain = layers.relu(layers.convolution(X, weights(4, 4, 1, 1)))
    done = run(start(net_of(y=plain)), DEPLOY, PORTABLE)
    assert len(asked) == 1
    assert asked[0] is done.legal[0].net
    asked.clear()
    x = layers.input_("x", (1, 4, 64, 64))
    y = layers.global_pooling(layers.convolution(x, weights(4, 4, 1, 1)), "AVE")
    done = run(start(emit("n", {"x": x, "y": y}, ["y"], [x])), DEPLOY, PORTABLE)
    assert kinds(done.net) == ["Convolution", "Pooling", "Pooling"]
    assert len(asked) == 2
    asked.clear()
    avoided = replace(PORTABLE, dialect=replace(PORTABLE.dialect, avoided={"ReLU": ()}))
    run(start(net_of(y=plain)), DEPLOY, avoided)
    assert len(asked) == 2


@pytest.mark.parametrize("one", [fold, fold_rewrites, eliminate_shuffles, merge_duplicates, merge_views])
def test_a_pass_that_finds_nothing_gives_the_very_net_back(one: Callable[[Net, Task], Result]) -> None:
    net = net_of(y=layers.relu(layers.convolution(X, weights(4, 4, 1, 1))))
    assert one(net, PORTABLE).net is net
    assert dialects.legalise(net, DIALECTS["portable"]).net is net
