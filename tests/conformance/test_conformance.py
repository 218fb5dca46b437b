"""ONNX's own backend test suite: every float32 example comes out right or is refused by name; no wrong one, no crash.

The suite comes in three forms: the node cases as given (most feed their weights as inputs), the same with all operands
but the first float turned into constants (as trained models have them), and the models in the onnx package's folders.
`python -m tests.conformance.report` lists what is refused and why.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.caffe import layers
from converters.onnx_to_caffe.registry import LOWERINGS
from tests.conformance.judge import CRASH, ENGINES, INVALID, RIGHT, WRONG, difference, judge
from tests.conformance.report import FORMS, counts, disputes, faults, run
from tests.conformance.suite import Example, node_examples, with_constants
from toolkit import runners

# How many examples come out right, of 1263 as given, 921 with constants, 127 in folders (onnx 1.23, onnxruntime 1.32).
# These numbers only ever go up: raise them when an op is added.
FLOORS = {
    ("given", "bvlc"): 655,
    ("given", "opencv"): 665,
    ("given", "portable"): 653,
    ("constants", "bvlc"): 755,
    ("constants", "opencv"): 681,
    ("constants", "portable"): 681,
    ("folders", "bvlc"): 111,
    ("folders", "opencv"): 111,
    ("folders", "portable"): 111,
}
# None of them is called invalid. An older package has fewer examples, an older onnxruntime takes fewer of them; then
# the floor is lower by that share, and by a tenth.
EXAMPLES = {"given": 1263, "constants": 921, "folders": 127}
# The suite rounds the output size down only after it has computed the coordinates by the size before rounding.
DISPUTED = {
    "test_resize_downsample_scales_cubic_align_corners",
    "test_resize_downsample_scales_linear_align_corners",
}


@pytest.mark.parametrize("dialect", sorted(ENGINES))
@pytest.mark.parametrize("form", FORMS)
def test_suite(form: str, dialect: str, record_property, capsys: pytest.CaptureFixture[str]) -> None:
    present = runners.available()
    absent = [present[engine] for engine in ENGINES[dialect] if present[engine]]
    if len(absent) == len(ENGINES[dialect]):
        pytest.skip(absent[0])
    verdicts = run(form, dialect)
    found = counts(verdicts)
    record_property("verdicts", f"{form} {dialect} {found}")
    with capsys.disabled():
        print(f"\n{form:9} {dialect:8} {found} of {len(verdicts)}")
    assert faults(verdicts) == []
    assert set(disputes(verdicts)) <= DISPUTED
    able = (len(verdicts) - found[INVALID]) / EXAMPLES[form]
    assert found[RIGHT] >= FLOORS[form, dialect] * (1 if able >= 1 else 0.9 * able)


def example(name: str) -> Example:
    return next(one for one in node_examples() if one.name == name)


def test_a_wrong_lowering_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is worth nothing if it takes everything."""
    assert judge(example("test_relu"), "portable").kind == RIGHT
    monkeypatch.setitem(LOWERINGS, "Relu", lambda x: layers.relu(x, 0.01))
    verdict = judge(example("test_relu"), "portable")
    assert verdict.kind == WRONG
    assert "differs by" in verdict.reasons[0]


def test_a_crash_is_told_from_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOWERINGS, "Relu", lambda x: x.no_such_attribute)
    verdict = judge(example("test_relu"), "portable")
    assert verdict.kind == CRASH
    assert faults([verdict])[0].startswith("crash: test_relu: AttributeError")


def test_an_expectation_that_onnxruntime_does_not_share_is_told() -> None:
    relu = example("test_relu")
    verdict = judge(replace(relu, expected={"y": relu.expected["y"] + 1}), "portable")
    assert verdict.kind == "disputed"
    assert "the suite disagree" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("want", "got", "fault"),
    [
        ([1.0, 2.0], [1.0, 2.0001], ""),
        ([1.0, 2.0], [1.0, 2.001], "differs by"),
        ([1.0, 2.0], [[1.0, 2.0]], "has shape (1, 2), not (2,)"),
        ([1.0, np.nan, np.inf], [1.0, np.nan, np.inf], ""),
        ([1.0, np.nan], [1.0, 0.0], "has other infinities or NaN"),
        ([1.0, 0.0], [1.0, np.nan], "has other infinities or NaN"),
        ([0.0, 0.0], [0.0, 1e-6], "differs by"),
    ],
)
def test_difference(want: list[float], got: list[float], fault: str) -> None:
    assert difference(np.array(want), np.array(got)).startswith(fault)
    assert bool(difference(np.array(want), np.array(got))) == bool(fault)


def test_operands_become_constants() -> None:
    conv = with_constants(example("test_basic_conv_with_padding"))
    assert conv is not None
    assert [value.name for value in conv.model.graph.input] == list(conv.feeds) == ["x"]
    assert [tensor.name for tensor in conv.model.graph.initializer] == ["W"]
    assert with_constants(example("test_relu")) is None


def test_other_types_are_left_out() -> None:
    names = {one.name for one in node_examples()}
    assert {"test_reshape_one_dim", "test_argmax_default_axis_example", "test_maxpool_2d_default"} <= names
    assert not names & {"test_cast_FLOAT_to_FLOAT16", "test_add_int8", "test_sequence_insert_at_back", "test_max_int8"}
