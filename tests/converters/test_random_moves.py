"""Random chains of operators that only move numbers, of any rank: converted always, and equal to the last bit."""

from __future__ import annotations

import random
from math import prod

import numpy as np
import onnx
import onnx.printer
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from converters.dialects import DIALECTS
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.converters.random_graphs import Builder
from tests.converters.test_random_graphs import PRESENT
from toolkit import runners
from toolkit.runners.base import Target

Shape = tuple[int, ...]


def transpose(b: Builder, x: str, shape: Shape) -> None:
    b.add("Transpose", [x], perm=b.choose.sample(range(len(shape)), len(shape)))


def reshape(b: Builder, x: str, shape: Shape) -> None:
    left, dims = prod(shape), []
    for _ in range(b.choose.randint(0, 4)):
        dims.append(b.pick(*[d for d in range(1, left + 1) if left % d == 0]))
        left //= dims[-1]
    b.add("Reshape", [x, b.ints(b.choose.sample([*dims, left], len(dims) + 1))])


def cut(b: Builder, x: str, shape: Shape) -> None:
    axes = b.choose.sample(range(len(shape)), b.choose.randint(1, len(shape)))
    starts, ends, steps = [], [], []
    for axis in axes:
        low = b.choose.randint(0, shape[axis] - 1)
        high = b.choose.randint(low + 1, shape[axis])
        steps.append(b.pick(1, 1, 2, 3, -1, -2))
        forward = steps[-1] > 0
        starts.append(b.pick(low, low - shape[axis]) if forward else high - 1)
        ends.append(b.pick(high, 2**62) if forward else low - 1 if low else -(2**62))
    b.add("Slice", [x, *map(b.ints, (starts, ends, axes, steps))])


def pad(b: Builder, x: str, shape: Shape) -> None:
    mode = b.pick("constant", "edge", "reflect")
    sizes = [b.choose.randint(0, min(3, n - 1) if mode == "reflect" else 3) for _ in range(2) for n in shape]
    value = [b.constant(np.float32(b.pick(0.0, 0.5, -3.0)))] if mode == "constant" else []
    b.add("Pad", [x, b.ints(sizes), *value], mode=mode)


def gather(b: Builder, x: str, shape: Shape) -> None:
    axis = b.choose.randint(0, len(shape) - 1)
    indices = [b.choose.randint(-shape[axis], shape[axis] - 1) for _ in range(b.choose.randint(1, 24))]
    array = np.array(indices, np.int64)
    if len(shape) > 1 and b.pick(True, False, False):
        array = array[0]
    b.add("Gather", [x, b.constant(array)], axis=axis)


def gather_nd(b: Builder, x: str, shape: Shape) -> None:
    depth = b.choose.randint(1, len(shape))
    places = [[b.choose.randrange(size) for size in shape[:depth]] for _ in range(b.choose.randint(1, 5))]
    b.add("GatherND", [x, b.constant(np.array(places, np.int64))])


def concat(b: Builder, x: str, shape: Shape) -> None:
    axis = b.choose.randint(0, len(shape) - 1)
    other = b.floats((*shape[:axis], b.pick(1, 2, 3), *shape[axis + 1 :]))
    b.add("Concat", b.choose.sample([x, x, other], 3), axis=axis)


def tile(b: Builder, x: str, shape: Shape) -> None:
    b.add("Tile", [x, b.ints([b.pick(1, 1, 2, 5) for _ in shape])])


def expand(b: Builder, x: str, shape: Shape) -> None:
    sizes = [size if size > 1 else b.pick(1, 3, 6) for size in shape]
    b.add("Expand", [x, b.ints([2, *sizes] if len(shape) < 5 and b.pick(True, False) else sizes)])


def where(b: Builder, x: str, shape: Shape) -> None:
    mask = np.random.default_rng(b.pick(*range(8))).random([b.pick(1, size) for size in shape]) < 0.5
    b.add("Where", [b.constant(mask), x, b.constant(np.float32(2))])


def depth_to_space(b: Builder, x: str, shape: Shape) -> None:
    if len(shape) == 4 and shape[1] % 4 == 0:
        b.add("DepthToSpace", [x], blocksize=2, mode=b.pick("CRD", "DCR"))


MOVES = (transpose, transpose, reshape, cut, pad, gather, gather_nd, concat, tile, expand, where, depth_to_space)


def chain(choose: random.Random) -> onnx.ModelProto:
    builder = Builder(choose, tuple(choose.choice((1, 2, 3, 4, 5, 8)) for _ in range(choose.randint(1, 5))))
    for _ in range(choose.randint(1, 4)):
        name, shape = builder.values[-1]
        if not 1 <= len(shape) <= 6 or prod(shape) > 3000:
            break
        choose.choice(MOVES)(builder, name, shape)
    builder.add("Relu", [builder.values[-1][0]])
    return builder.model()


@pytest.mark.skipif(not PRESENT, reason="no Caffe engine is installed")
@pytest.mark.parametrize("dialect", ["portable", "bvlc", "brocolli", "opencv"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(choose=st.randoms(use_true_random=False))
def test_random_moves(tmp_path_factory: pytest.TempPathFactory, dialect: str, choose: random.Random) -> None:
    model = chain(choose)
    note(onnx.printer.to_text(model.graph))
    folder = tmp_path_factory.mktemp("net")
    onnx.save(model, folder / "net.onnx")
    report = convert_file(folder / "net.onnx", folder / "net", dialect=dialect)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    feeds = {"x": np.random.default_rng(1).uniform(-2, 2, shape).astype(np.float32)}
    with runners.load("onnxruntime", Target(str(folder / "net.onnx"))) as oracle:
        want = oracle.run(feeds)
    for engine in set(DIALECTS[dialect].engines) & set(PRESENT):
        for name, got in engines.run(engine, report, feeds).items():
            if engine == "opencv" and want[name].ndim <= 1:  # OpenCV knows no blob below two axes
                got = got.reshape(want[name].shape)
            assert got.shape == want[name].shape
            assert (got == want[name]).all()
