"""The map of a conversion is what its passes say of every blob: in an engine each value holds, not outputs alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from converters import mapping
from converters.mapping import ConversionMap
from converters.onnx_to_caffe import convert_file
from converters.preprocessing import Preprocessing
from tests.cases import all_cases, build
from tests.parity import planted
from tests.parity.looking import need
from toolkit import runners
from toolkit.parity.translation import Translated, of_map
from toolkit.runners.base import Target

RAW = Preprocessing(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), swap=True)
FOLDED = {name: case for name, case in all_cases().items() if name.startswith("folding/") and not case.refused}
OPTIONS = {"caffe": {}, "opencv": {"fusion": "off"}}  # by engine: what leaves every layer's value readable
ENGINES = [name for name in OPTIONS if not runners.available()[name]]


def assert_holds(known: ConversionMap, feeds: dict[str, np.ndarray], engine: str, tolerance: float = 1e-4) -> int:
    """Compare every value that the map and the ONNX file know, read as the map says; returns how many there are."""
    nodes = onnx.load(known.source, load_external_data=False).graph.node
    values = tuple(name for node in nodes for name in node.output if name in known.names)
    with runners.load("onnxruntime", Target(known.source, outputs=values)) as oracle:
        want = oracle.run(feeds)
    target = Target(known.prototxt, Path(known.caffemodel), values, options=OPTIONS[engine])
    with Translated(runners.load, engine, target, of_map(known)) as runner:
        got = runner.run(feeds)
    for name, reference in want.items():
        error = np.abs(got[name].reshape(reference.shape) - reference).max() / max(np.abs(reference).max(), 1e-12)
        assert error < tolerance, f"{name} in '{known.names[name]}' differs by {error:.1e}"
    return len(values)


@pytest.mark.parametrize("options", [{}, {"style": "train"}, {"preprocessing": RAW}], ids=["deploy", "train", "raw"])
@pytest.mark.parametrize("make", [planted.small, planted.shufflenet])
def test_networks(make: Callable[..., planted.Converted], options: dict[str, object], tmp_path: Path) -> None:
    """Folded, shuffled, in place, without final views, with the preprocessing inside."""
    if not ENGINES:
        need("caffe")
    known = mapping.beside(make(tmp_path, **options).prototxt)
    assert known is not None
    (shape,) = known.input_shapes.values()
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for engine in ENGINES:
        assert assert_holds(known, dict.fromkeys(known.inputs, image), engine) > 10
    assert known.channel_orders or make is planted.small or "style" in options


@pytest.mark.parametrize("name", sorted(FOLDED))
def test_rows_that_fold(name: str, tmp_path: Path) -> None:
    need("caffe")
    case = FOLDED[name]
    model, feeds = build(case)
    onnx.save(model, tmp_path / "model.onnx")
    known = convert_file(tmp_path / "model.onnx", tmp_path / "net", dialect="bvlc")
    assert_holds(known, feeds, "caffe", case.tolerance)
