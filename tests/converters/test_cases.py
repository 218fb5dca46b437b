"""Every case in every dialect: equal to onnxruntime in every engine that speaks the dialect, or refused by name."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.dialects import DIALECTS
from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, all_cases, build, operators, refusals
from toolkit import runners
from toolkit.runners.base import Target

CASES = all_cases()
REFUSED = refusals()


@functools.cache
def missing() -> dict[str, str]:
    return runners.available()


def assert_equal(want: dict[str, np.ndarray], got: dict[str, np.ndarray], case: Case, where: str) -> None:
    assert want.keys() == got.keys()
    for name, reference in want.items():
        actual = got[name]
        if where == "opencv" and reference.ndim <= 1:  # OpenCV knows no blob below two axes
            actual = actual.reshape(reference.shape)
        assert actual.shape == reference.shape, f"{where}: {name} is {actual.shape}, not {reference.shape}"
        error = np.abs(actual - reference).max() / max(np.abs(reference).max(), 1e-12)
        assert error <= case.tolerance, f"{where}: {name} differs by {error:.2e} of its scale"


def assert_refused(message: str, name: str, dialect: str, folder: Path) -> None:
    case = CASES[name]
    assert case.refused or dialect in REFUSED.get(name, ()), f"{dialect} took this row before: {message}"
    assert case.refused in message
    assert not list(folder.glob("*.prototxt")), "a refused conversion wrote a file"


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name: str, dialect: str, tmp_path: Path) -> None:
    case = CASES[name]
    model, feeds = build(case)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    try:
        report = convert_file(path, tmp_path / "net", dialect=dialect)
    except ConversionError as error:
        assert_refused(str(error), name, dialect, tmp_path)
        return
    assert not case.refused, f"{dialect} took what must be refused"
    assert dialect not in REFUSED.get(name, ()), "a row was won: python scripts/support_table.py"
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    ran = 0
    for engine in DIALECTS[dialect].engines:
        if not missing()[engine]:
            assert_equal(want, engines.run(engine, report, feeds), case, engine)
            ran += 1
    if not ran:
        pytest.skip(f"no engine for {dialect}: {missing()[DIALECTS[dialect].engines[0]]}")


def test_every_lowering_has_a_case() -> None:
    """An operator without a row is an untested operator."""
    from converters.onnx_to_caffe.registry import LOWERINGS

    tested = {op for case in CASES.values() if not case.refused for op in operators(case)}
    assert sorted(LOWERINGS.keys() - tested) == []


def test_no_refusal_is_listed_that_cannot_happen() -> None:
    """What a row demands, and rows and dialects that are gone, must not stand in the list."""
    for name, dialects in REFUSED.items():
        case = CASES[name]
        assert not case.refused, name
        assert dialects, name
        assert dialects <= set(DIALECTS), name
        demanded = set(DIALECTS) if "portable" in case.dialects else set(case.dialects)
        assert not demanded & dialects, f"{name} must be taken by {demanded & dialects}"
