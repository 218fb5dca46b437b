"""Rows of tests/cases in the dialects of chips: right in an engine that reads their files, or refused by name.

OpenVINO and MNN run here, so that what their dialects take is right there, or becomes a limit. The files for other
chips are run in the engines that speak all their layers. A part of the rows will do for every run of the tests;
`pytest --every-row` takes all.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from converters.dialects import CHIPS, find
from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import all_cases, build
from tests.converters.test_cases import assert_equal, missing
from toolkit import runners
from toolkit.runners.base import RunnerError, Target

CASES = all_cases()
IMPORTERS = ("openvino", "mnn")
STEP = {"openvino": 10, "mnn": 4}  # every so many rows; an import by OpenVINO takes a second
OTHERS = 40
# What the importer's own runtime gets wrong, whatever the file says.
FAULTS = {
    (
        "openvino",
        "arithmetic/maximum_of_all",
    ): "its CPU plugin overwrites a blob that two outputs need",
    ("mnn", "functions/near_zero"): "its exponential function is off by 1.5e-4 of numbers near 0",
}


def rows(chip: str, every: bool) -> list[str]:
    names = sorted(CASES)
    return names if every else names[:: STEP.get(chip, OTHERS)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = bool(metafunc.config.getoption("every_row"))
    if "name" in metafunc.fixturenames:
        chosen = [(chip, name) for chip in CHIPS for name in rows(chip, every)]
        metafunc.parametrize(("chip", "name"), chosen, ids=[f"{chip}-{name}" for chip, name in chosen])


def test_a_row_is_right_or_refused(chip: str, name: str, tmp_path: Path) -> None:
    case, dialect = CASES[name], find(chip)
    if (chip, name) in FAULTS:
        pytest.xfail(FAULTS[chip, name])
    model, feeds = build(case)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    try:
        report = convert_file(path, tmp_path / "net", dialect=chip)
    except ConversionError:
        assert not list(tmp_path.glob("*.prototxt")), "a refused conversion wrote a file"
        return
    assert report.layers.keys() <= dialect.layers.keys()
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    engine = dialect.engines[0]
    if missing()[engine]:
        pytest.skip(missing()[engine])
    try:
        got = engines.run(engine, report, feeds)
    except RunnerError as error:
        if engine == "mnn" and "the model has no value" in str(error):
            pytest.xfail("MNN fuses a layer that is an output with the one behind it, and can't give it")
        raise
    assert_equal(want, got, case, engine)


def test_every_chip_has_a_file_and_an_engine() -> None:
    folder = Path(find.__code__.co_filename).parent / "chips"
    assert {path.stem for path in folder.iterdir()} == set(CHIPS)
    assert all(find(chip).engines for chip in CHIPS)
    assert [find(chip).engines for chip in IMPORTERS] == [(chip,) for chip in IMPORTERS]
