"""Moves of numbers: every permutation's plan, simulated; Slices put together; Reshapes in a row merged."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.caffe.permutation import Move, cost, factors, grouped, plan
from converters.onnx_passes import canonicalise, load
from converters.onnx_to_caffe import convert, convert_file
from tests.cases import all_cases, build
from tests.cases.shape import ints, moved
from toolkit import runners
from toolkit.runners.base import Target

CASES = all_cases()


def simulate(x: np.ndarray, move: Move) -> np.ndarray:
    """What the move's layer computes: a product with a one-hot matrix, its stride its kernel."""
    cells = (move.cell_h, move.cell_w)
    if move.gather:
        image = x.reshape(move.outer, move.rows, cells[0], move.columns, cells[1])
        return image.transpose(0, 2, 4, 1, 3).reshape(move.outer, move.channels, -1)[:, move.permutation()]
    channels = x.reshape(move.outer, move.channels, move.rows, move.columns)
    placed = np.empty_like(channels)
    placed[:, move.permutation()] = channels
    return placed.reshape(move.outer, *cells, move.rows, move.columns).transpose(0, 3, 1, 4, 2)


@pytest.mark.parametrize("cells", [True, False])
@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 4), (2, 3, 4, 5), (3, 2, 4, 2, 5), (2, 1, 3, 1, 2), (97, 128)])
def test_every_permutation_arrives(shape: tuple[int, ...], cells: bool) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    for order in permutations(range(len(shape))):
        y = x
        for move in plan(*grouped(shape, order), cells):
            assert cells or move.cell_w == 1
            y = simulate(y, move)
        assert (y.reshape(-1) == x.transpose(order).reshape(-1)).all(), order


@pytest.mark.parametrize("order", [(0, 4, 2, 1, 3), (0, 2, 4, 1, 3), (0, 3, 1, 4, 2), (0, 3, 2, 4, 1)])
def test_phases_of_an_image_take_one_move(order: tuple[int, ...]) -> None:
    dims = (3, 8, 2, 9, 2) if order[3] == 1 else (3, 2, 2, 8, 9)
    assert len(plan(dims, order)) == 1


def test_a_large_block_passes_in_parts() -> None:
    assert factors(256) == (16, 16)
    assert factors(197) == (197,)
    assert cost(plan((256, 3136), (1, 0))) < 256
    assert [move.channels for move in plan((3, 50176), (1, 0))] == [3]


def test_grouping_drops_ones_and_joins_neighbours() -> None:
    assert grouped((1, 3, 1, 4, 5), (0, 3, 2, 4, 1)) == ((3, 20), (1, 0))
    assert grouped((2, 3, 4), (0, 1, 2)) == ((24,), (0,))
    assert grouped((1, 1, 5), (2, 0, 1)) == ((5,), (0,))


def canonical_ops(name: str, tmp_path: Path) -> list[str]:
    model, _ = build(CASES[name])
    onnx.save(model, tmp_path / "model.onnx")
    return [node.op_type for node in canonicalise(load(tmp_path / "model.onnx")).graph]


@pytest.mark.parametrize(
    "name, ops",
    [
        ("select/focus", ["Conv"]),
        ("select/focus_row_first", ["Conv"]),
        ("select/focus_three_of_four", ["Conv"]),
        ("select/focus_many_channels", ["Reshape", "Transpose", "Reshape"]),
        ("select/patch_merging", ["Reshape", "Transpose", "Reshape"]),
        ("select/slices_of_one_blob", ["Split"]),
        ("select/slices_and_gathers", ["Split", "Squeeze"]),
        ("select/slices_two_axes", ["Split", "Concat", "Split", "Concat", "Concat"]),
    ],
)
def test_slices_are_put_together(name: str, ops: list[str], tmp_path: Path) -> None:
    assert sorted(canonical_ops(name, tmp_path)) == sorted(ops)


@pytest.mark.parametrize("name", ["select/slices_overlap", "select/focus_odd_size", "select/slice_step_hw"])
def test_other_slices_stay(name: str, tmp_path: Path) -> None:
    assert {"Slice"} <= set(canonical_ops(name, tmp_path)) <= {"Slice", "Concat"}


def layer_types(body: str, tmp_path: Path, dialect: str = "portable", shape: str = "1,6,4,4") -> list[str]:
    model, _ = build(moved(f"float[{shape}] x", body))
    onnx.save(model, tmp_path / "model.onnx")
    net = convert(load(tmp_path / "model.onnx"), dialect=dialect, keep_shuffle=True).net
    return [item.type for item in net.layers][1:]


def test_reshapes_in_a_row_are_one(tmp_path: Path) -> None:
    body = ints("s", 2, 3, 16) + ints("t", 6, 16) + "a = Reshape(x, s); b = Reshape(a, t); y = Relu(b)"
    assert layer_types(body, tmp_path) == ["Reshape", "ReLU"]


def test_a_reshape_back_is_none(tmp_path: Path) -> None:
    body = ints("s", 6, 16) + ints("t", 1, 6, 4, 4) + "a = Reshape(x, s); b = Relu(a); c = Reshape(b, t); y = Relu(c)"
    assert layer_types(body, tmp_path) == ["Reshape", "ReLU", "Reshape", "ReLU"]


def test_a_transpose_is_one_convolution_between_reshapes(tmp_path: Path) -> None:
    assert layer_types("y = Transpose<perm=[0,2,3,1]>(x)", tmp_path) == ["Reshape", "Deconvolution", "Reshape"]


def test_a_few_long_runs_are_slices(tmp_path: Path) -> None:
    types = layer_types("y = Transpose<perm=[0,2,1,3]>(x)", tmp_path, shape="1,3,4,64")
    assert types == ["Slice", "Reshape", "Reshape", "Reshape", "Concat"]


def test_slices_alone_where_convolutions_are_forbidden(tmp_path: Path) -> None:
    model, feeds = build(CASES["shape/transpose_rank5"])
    onnx.save(model, tmp_path / "model.onnx")
    chip = 'title = "chip"\nbase = "portable"\nforbid = ["permute_by_convolution"]\n'
    (tmp_path / "chip.toml").write_text(chip)
    report = convert_file(tmp_path / "model.onnx", tmp_path / "net", dialect=str(tmp_path / "chip.toml"))
    assert {"Slice", "Concat"} <= set(report.layers) <= {"Input", "Slice", "Concat", "Reshape"}
    target = Target(report.prototxt, Path(report.caffemodel), tuple(report.outputs.values()))
    engine = next((name for name in ("caffe", "opencv") if not runners.available()[name]), "")
    if not engine:
        pytest.skip("no engine that runs Caffe files")
    with runners.load(engine, target) as runner:
        (got,) = runner.run(feeds).values()
    assert (got == feeds["x"].transpose(0, 3, 1, 4, 2)).all()


def test_the_layer_itself_where_the_dialect_has_it(tmp_path: Path) -> None:
    assert layer_types("y = Transpose<perm=[0,2,3,1]>(x)", tmp_path, "opencv") == ["Permute"]
    shuffle = ints("s", 1, 2, 3, 4, 4) + ints("t", 1, 6, 4, 4)
    shuffle += "a = Reshape(x, s); b = Transpose<perm=[0,2,1,3,4]>(a); y = Reshape(b, t)"
    assert layer_types(shuffle, tmp_path, "shufflenet") == ["ShuffleChannel"]
