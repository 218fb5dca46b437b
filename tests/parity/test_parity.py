from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converters.errors import InvalidInput, ToolkitError
from toolkit import runners
from toolkit.parity.inputs import Inputs
from toolkit.parity.parity import Rule, Subject, check
from toolkit.parity.report import Report, Verdict, worst
from toolkit.parity.run import Run, load, save
from toolkit.runners.base import RunnerError, RunnerUnavailable, Target

from .fakes import WEIGHTS, Fake, Feeds, linear, loads, subject

REF = subject("onnxruntime", "net.onnx")
OTHER = subject("caffe")


def checked(reference, other, rule: Rule | None = None, inputs: Inputs | None = None, **more: object) -> Report:
    """Two functions as the reference and as the other engine."""
    fakes = Fake("onnxruntime", reference), Fake("caffe", other)
    return check(REF, [replace(OTHER, **more)], loads(*fakes), inputs, rule=rule)


def test_agreement_passes() -> None:
    report = checked(linear, lambda feeds: linear(feeds, error=5e-5))
    assert report.passed
    (row,) = report.rows
    assert (row.verdict, row.reasons, row.notes) == (Verdict.PASSED, (), ())
    assert len(row.comparisons) == 2
    assert row.comparisons[0].outputs[0].required == pytest.approx(5e-5, rel=0.02)


def test_every_engine_is_fed_the_same_two_samples() -> None:
    oracle, other = Fake("onnxruntime", linear), Fake("caffe", linear)
    check(REF, [OTHER], loads(oracle, other))
    assert len(other.fed) == 2
    for ours, theirs in zip(oracle.fed, other.fed, strict=False):
        np.testing.assert_array_equal(ours["x"], theirs["x"])
    assert np.abs(other.fed[0]["x"] - other.fed[1]["x"]).max() > 0.1


def test_a_difference_fails_with_its_size() -> None:
    report = checked(linear, lambda feeds: linear(feeds, error=2e-4))
    assert report.verdict is Verdict.FAILED
    assert all("output 'y': differs by 0.0002" in reason for reason in report.rows[0].reasons)


def test_a_fault_in_the_second_sample_alone_is_found() -> None:
    calls = iter([0.0, 0.5])
    report = checked(linear, lambda feeds: linear(feeds, error=next(calls)))
    assert report.verdict is Verdict.FAILED
    (reason,) = report.rows[0].reasons
    assert reason.startswith("sample 1: output 'y': differs by 0.5")
    assert worst(report.rows[0].comparisons)[0].required == pytest.approx(0.5)


def test_tolerances_are_used() -> None:
    def wrong(feeds: Feeds) -> dict[str, np.ndarray]:
        return linear(feeds, error=2e-4)

    assert checked(linear, wrong, Rule(tolerance=1e-3)).passed
    assert checked(linear, wrong, Rule(tolerances={"y": 1e-3})).passed
    with pytest.raises(ToolkitError, match="'z' is given a tolerance, but the outputs are y"):
        checked(linear, linear, Rule(tolerances={"z": 1e-3}))


FAULTS = {
    "missing": (lambda y: {"y": y, "z": y}, lambda y: {"y": y}, "output 'z' is missing: there is 'y'"),
    "extra": (lambda y: {"y": y}, lambda y: {"y": y, "z": y}, "output 'z' is extra"),
    "none": (lambda y: {"y": y}, lambda y: {}, "output 'y' is missing: there are none"),
    "empty": (lambda y: {}, lambda y: {}, "nothing was compared: the reference has no outputs"),
    "shape": (lambda y: {"y": y}, lambda y: {"y": y.T}, "the shape is (10, 1), the reference has (1, 10)"),
    "nan": (lambda y: {"y": y}, lambda y: {"y": y * np.nan}, "the other holds 10 NaN of 10 values"),
    "nan in both": (lambda y: {"y": y * np.nan}, lambda y: {"y": y * np.nan}, "the reference holds 10 NaN"),
    "infinity": (lambda y: {"y": y}, lambda y: {"y": y + np.inf}, "the other holds 10 infinite of 10 values"),
    "zeros": (lambda y: {"y": y}, lambda y: {"y": y * 0}, "differs by 1 of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_fails_with_its_own_message(fault: str) -> None:
    ours, theirs, message = FAULTS[fault]
    report = checked(lambda feeds: ours(linear(feeds)["y"]), lambda feeds: theirs(linear(feeds)["y"]))
    assert report.verdict is Verdict.FAILED
    assert not report.passed
    assert message in " ".join(report.rows[0].reasons)


def test_the_messages_differ() -> None:
    assert len({message for _, _, message in FAULTS.values()}) == len(FAULTS)


def crash(feeds: Feeds) -> dict[str, np.ndarray]:
    raise RunnerError("caffe crashed: Check failed: 3 == 4")


def test_a_crash_is_an_error_and_the_others_still_run() -> None:
    load = loads(Fake("onnxruntime", linear), Fake("caffe", crash), Fake("opencv", linear))
    report = check(REF, [OTHER, subject("opencv")], load)
    assert [row.verdict for row in report.rows] == [Verdict.ERROR, Verdict.PASSED]
    assert report.rows[0].reasons == ("caffe crashed: Check failed: 3 == 4",)
    assert report.verdict is Verdict.ERROR


def test_a_missing_runtime_fails_unless_optional() -> None:
    load = loads(Fake("onnxruntime", linear), Fake("opencv", linear))
    report = check(REF, [OTHER, subject("opencv")], load)
    assert report.rows[0].reasons == ("not run: caffe is not installed: pip install caffe",)
    assert report.verdict is Verdict.NOT_RUN
    report = check(REF, [replace(OTHER, optional=True), subject("opencv")], load)
    assert report.rows[0].verdict is Verdict.NOT_RUN
    assert report.passed


@pytest.mark.parametrize("others", [[], [replace(OTHER, optional=True)]], ids=["none", "optional and absent"])
def test_comparing_with_nothing_is_no_pass(others: list[Subject]) -> None:
    report = check(REF, others, loads(Fake("onnxruntime", linear)))
    assert report.verdict is Verdict.NOT_RUN
    assert not report.passed


def test_an_optional_engine_that_is_there_counts() -> None:
    assert checked(linear, crash, optional=True).verdict is Verdict.ERROR


def test_without_a_reference_there_is_no_report() -> None:
    with pytest.raises(RunnerUnavailable):
        check(REF, [OTHER], loads(Fake("caffe", linear)))
    with pytest.raises(RunnerError):
        check(REF, [OTHER], loads(Fake("onnxruntime", crash), Fake("caffe", linear)))


def dead(feeds: Feeds) -> dict[str, np.ndarray]:
    """Saturated: the answer is nearly the same whatever it sees."""
    return {"y": (1000 + 0.1 * np.tanh(linear(feeds)["y"])).astype(np.float32)}


def test_a_dead_network_is_insensitive_not_passed() -> None:
    report = checked(dead, dead)
    assert report.verdict is Verdict.INSENSITIVE
    assert not report.passed
    (reason,) = report.rows[0].reasons
    assert reason.startswith("output 'y' hardly depends on the input")


def test_a_dead_network_that_differs_has_failed() -> None:
    assert checked(dead, lambda feeds: {"y": dead(feeds)["y"] * 2}).verdict is Verdict.FAILED


def with_constant(feeds: Feeds) -> dict[str, np.ndarray]:
    return {**linear(feeds), "priors": np.ones((2, 4), np.float32)}


def test_one_dead_output_among_live_ones_is_named() -> None:
    report = checked(with_constant, with_constant)
    assert report.verdict is Verdict.INSENSITIVE
    assert [reason.split("'")[1] for reason in report.rows[0].reasons] == ["priors"]


def test_a_declared_constant_is_compared_but_need_not_move() -> None:
    rule = Rule(constants=("priors",))
    assert checked(with_constant, with_constant, rule).passed
    other = checked(with_constant, lambda feeds: {**linear(feeds), "priors": np.zeros((2, 4), np.float32)}, rule)
    assert other.verdict is Verdict.FAILED


def test_a_declared_constant_must_exist() -> None:
    with pytest.raises(ToolkitError, match="'prior' is declared constant, but the outputs are y, priors"):
        checked(with_constant, with_constant, Rule(constants=("prior",)))


def sharp(feeds: Feeds, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Steep: a millionth of the input moves the answer by about a thousandth of its size."""
    total = feeds["x"].astype(np.float64).reshape(1, -1) @ WEIGHTS.astype(np.float64)
    return {"y": np.sin(1000 * total) + shift}


def test_a_difference_within_the_references_own_rounding_is_ill_conditioned() -> None:
    report = checked(sharp, lambda feeds: sharp(feeds, shift=1e-3))
    assert report.sensitivity[0].noise > 1e-3
    assert report.verdict is Verdict.ILL_CONDITIONED
    assert not report.passed
    assert "ill-conditioned here" in report.rows[0].notes[0]
    assert "differs by" in report.rows[0].reasons[0]


def spread(feeds: Feeds, shift: float = 0.0, factor: float = 1.0) -> dict[str, np.ndarray]:
    """The image less its mean by its spread, of which an image of zeros has none; and a little bias."""
    x = feeds["x"].astype(np.float64)
    return {"y": factor * (x - x.mean()) / np.sqrt(x.var() + 1e-16) + 1e-6 + shift}


def test_on_a_constant_image_what_divides_by_its_spread_is_ill_conditioned() -> None:
    zeros = Inputs(arrays={"x": (np.zeros((1, 3, 4, 4)),)})
    rounding = checked(spread, lambda feeds: spread(feeds, shift=1e-5), inputs=zeros)
    assert rounding.verdict is Verdict.ILL_CONDITIONED
    assert checked(spread, lambda feeds: spread(feeds, factor=1.5), inputs=zeros).verdict is Verdict.FAILED
    assert checked(linear, lambda feeds: linear(feeds, error=2e-4), inputs=zeros).verdict is Verdict.FAILED


def test_ill_conditioned_and_equal_still_passes_and_says_so() -> None:
    report = checked(sharp, sharp)
    assert report.passed
    assert "give an input on which the network answers something" in report.rows[0].notes[0]


def test_ill_conditioning_excuses_no_gross_fault() -> None:
    assert checked(sharp, lambda feeds: sharp(feeds, shift=0.5)).verdict is Verdict.FAILED
    assert checked(sharp, lambda feeds: {**sharp(feeds, 1e-3), "z": np.ones(1)}).verdict is Verdict.FAILED


def test_ill_conditioning_of_one_output_excuses_no_other() -> None:
    def both(feeds: Feeds, error: float = 0.0) -> dict[str, np.ndarray]:
        return {**sharp(feeds, shift=error), **linear(feeds, "healthy", error)}

    assert checked(both, lambda feeds: both(feeds, 1e-3)).verdict is Verdict.FAILED


def test_a_healthy_network_has_no_noise_note() -> None:
    report = checked(linear, linear)
    assert 0 < report.sensitivity[0].noise < 1e-5
    assert report.sensitivity[0].movement > 0.01


def test_names_map_inputs_and_outputs() -> None:
    def blobs(feeds: Feeds) -> dict[str, np.ndarray]:
        return {"fc": linear({"x": feeds["data"]})["y"], "aux": feeds["data"]}

    fakes = (
        Fake("onnxruntime", lambda feeds: {**linear(feeds), "copy": feeds["x"]}),
        Fake("caffe", blobs, {"data": (1, 3, 4, 4)}),
    )
    names = {"x": "data", "y": "fc", "copy": "aux"}
    assert check(REF, [replace(OTHER, names=names)], loads(*fakes)).passed
    assert check(REF, [OTHER], loads(*fakes)).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({"x": (1, 3, 5, 5)}, "input 'x' takes shape (1, 3, 5, 5), the reference was fed (1, 3, 4, 4)"),
        ({"x": (3, 4, 4)}, "input 'x' takes shape"),
        ({"x": (1, 3, 4, 4), "z": (1,)}, "input 'z' is extra"),
        ({"p": (1, 3, 4, 4), "z": (1,)}, "input 'x' is missing: there are 'p', 'z'"),
    ],
)
def test_an_engine_with_other_inputs_fails(inputs: dict, message: str) -> None:
    report = check(REF, [OTHER], loads(Fake("onnxruntime", linear), Fake("caffe", linear, inputs)))
    assert report.verdict is Verdict.FAILED
    assert message in " ".join(report.rows[0].reasons)


def test_a_dynamic_batch_takes_what_the_reference_was_fed() -> None:
    fakes = Fake("onnxruntime", linear), Fake("caffe", linear, {"x": (None, 3, 4, 4)})
    assert check(REF, [OTHER], loads(*fakes)).passed


def vector(feeds: Feeds) -> dict[str, np.ndarray]:
    return {"y": linear(feeds)["y"][0]}


@pytest.mark.parametrize(
    "runtime, shape, verdict",
    [
        ("opencv", (10, 1), Verdict.PASSED),
        ("opencv", (1, 10), Verdict.FAILED),
        ("opencv", (10, 1, 1), Verdict.FAILED),
        ("opencv", (5, 2), Verdict.FAILED),
        ("caffe", (10, 1), Verdict.FAILED),
    ],
)
def test_opencvs_columns_for_vectors_are_undone_and_nothing_else(
    runtime: str, shape: tuple[int, ...], verdict: Verdict
) -> None:
    fakes = Fake("onnxruntime", vector), Fake(runtime, lambda feeds: {"y": vector(feeds)["y"].reshape(shape)})
    assert check(REF, [subject(runtime)], loads(*fakes)).verdict is verdict


def test_opencvs_columns_are_undone_for_vectors_alone() -> None:
    fakes = Fake("onnxruntime", linear), Fake("opencv", lambda feeds: {"y": linear(feeds)["y"][..., np.newaxis]})
    report = check(REF, [subject("opencv")], loads(*fakes))
    assert report.rows[0].reasons == ("output 'y': the shape is (1, 10, 1), the reference has (1, 10)",)


def test_opencvs_columns_are_left_where_the_reference_has_them() -> None:
    def column(feeds: Feeds) -> dict[str, np.ndarray]:
        return {"y": linear(feeds)["y"].T}

    assert check(REF, [subject("opencv")], loads(Fake("onnxruntime", column), Fake("opencv", column))).passed


def saved(tmp_path: Path, compute=linear, runtime: str = "caffe", inputs: Inputs | None = None) -> Subject:
    """A run recorded on another machine."""
    report = check(REF, [subject(runtime)], loads(Fake("onnxruntime", linear), Fake(runtime, compute)), inputs)
    run = report.rows[0].run
    assert run is not None
    return Subject(runtime, load(save(run, tmp_path / runtime)[0]))


def test_a_saved_run_is_compared_without_its_engine(tmp_path: Path) -> None:
    other = saved(tmp_path, inputs=Inputs(seeds=(9,)))
    oracle = Fake("onnxruntime", linear)
    report = check(REF, [other], loads(oracle))
    assert report.passed
    assert isinstance(other.target, Run)
    np.testing.assert_array_equal(oracle.fed[0]["x"], other.target.inputs[0]["x"])


def test_a_saved_run_that_is_wrong_fails(tmp_path: Path) -> None:
    other = saved(tmp_path, lambda feeds: linear(feeds, error=0.1))
    assert check(REF, [other], loads(Fake("onnxruntime", linear))).verdict is Verdict.FAILED


def test_a_saved_reference_brings_its_inputs_and_noise(tmp_path: Path) -> None:
    report = check(REF, [OTHER], loads(Fake("onnxruntime", sharp), Fake("caffe", sharp)), Inputs(seeds=(5,)))
    reference = Subject("onnxruntime", load(save(report.reference, tmp_path / "ref")[0]))
    again = check(reference, [OTHER], loads(Fake("caffe", lambda feeds: sharp(feeds, shift=1e-3))))
    assert again.sensitivity == report.sensitivity
    assert again.verdict is Verdict.ILL_CONDITIONED


def test_saved_runs_of_other_inputs_are_not_compared(tmp_path: Path) -> None:
    first, second = saved(tmp_path, runtime="caffe"), saved(tmp_path, runtime="opencv", inputs=Inputs(seeds=(1,)))
    report = check(first, [second], loads())
    assert report.verdict is Verdict.FAILED
    assert report.rows[0].reasons == ("the saved run was fed other numbers than the reference (sample 0)",)
    third = saved(tmp_path, runtime="ncnn", inputs=Inputs(samples=3))
    assert "has 3 samples, the reference 2" in check(first, [third], loads()).rows[0].reasons[0]


def test_a_saved_run_with_other_input_names_can_not_feed_the_reference(tmp_path: Path) -> None:
    other = saved(tmp_path)
    oracle = Fake("onnxruntime", linear, {"x": (1, 3, 4, 4), "z": (1,)})
    with pytest.raises(InvalidInput, match=r"the saved run of net\.prototxt: input 'z' is missing"):
        check(REF, [other], loads(oracle))


def test_the_report_is_strict_json() -> None:
    load_ = loads(Fake("onnxruntime", linear), Fake("caffe", lambda feeds: {"y": linear(feeds)["y"] * np.nan}))
    report = check(REF, [OTHER, subject("opencv")], load_, rule=Rule(tolerances={"y": 1e-3}))
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert (found["verdict"], found["tolerance"], found["tolerances"], found["samples"]) == (
        "failed",
        1e-4,
        {"y": 1e-3},
        2,
    )
    assert found["reference"] == {
        "runtime": "onnxruntime",
        "version": "1.0",
        "model": "net.onnx",
        "seconds": [0.25] * 2,
    }
    assert [(row["runtime"], row["verdict"]) for row in found["rows"]] == [("caffe", "failed"), ("opencv", "not run")]
    assert found["rows"][0]["required_tolerance"] is None
    assert found["rows"][0]["samples"][1][0]["max_abs"] is None
    assert found["outputs"][0]["insensitive"] is False


def test_json_of_a_pass_holds_the_numbers() -> None:
    found = checked(linear, lambda feeds: linear(feeds, error=5e-5)).to_json()
    (row,) = found["rows"]
    assert row["required_tolerance"] == pytest.approx(5e-5, rel=0.02)
    output = row["samples"][0][0]
    assert (output["name"], output["other_name"], output["shape"], output["passed"]) == ("y", "y", [1, 10], True)
    assert (output["top1"], output["top5"]) == (1, 1)
    assert output["cosine"] == pytest.approx(1)
    assert found["outputs"][0]["movement"] > 0.01


def test_a_report_is_as_bad_as_its_worst_row() -> None:
    order = [
        Verdict.PASSED,
        Verdict.INSENSITIVE,
        Verdict.ILL_CONDITIONED,
        Verdict.NOT_RUN,
        Verdict.FAILED,
        Verdict.ERROR,
    ]
    report = checked(linear, linear)
    for index, verdict in enumerate(order):
        rows = tuple(replace(report.rows[0], verdict=one) for one in order[: index + 1])
        assert replace(report, rows=rows).verdict is verdict


def test_a_net_whose_plain_call_gives_another_blob_does_not_pass() -> None:
    fakes = Fake("onnxruntime", linear), Fake("caffe", linear, plain="inner/silence")
    (row,) = check(REF, [OTHER], loads(*fakes)).rows
    assert row.verdict is Verdict.FAILED
    assert row.reasons[0].startswith("net.forward() without a name gives 'inner/silence'")
    named = replace(OTHER, target=replace(OTHER.target, outputs=("y",)))
    assert check(REF, [named], loads(*fakes)).passed, "who names outputs has no use for the plain call"


def test_opencv_tells_what_its_plain_call_gives(tmp_path: Path) -> None:
    relu = 'layer { name: "y" type: "ReLU" bottom: "a" top: "y" } '
    cut = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 4 dim: 2 dim: 2 } } } '
        'layer { name: "cut" type: "Slice" bottom: "x" top: "a" top: "b" } '
    )
    silence = 'layer { name: "hush" type: "Silence" bottom: "b" } '
    for name, text, gives in (("last", cut + relu + silence, "hush"), ("first", cut + silence + relu, "y")):
        (tmp_path / f"{name}.prototxt").write_text(text)
        (tmp_path / f"{name}.caffemodel").write_bytes(b"")
        with runners.load("opencv", Target(str(tmp_path / f"{name}.prototxt"), tmp_path / f"{name}.caffemodel")) as net:
            found = net.run({"x": np.ones((1, 4, 2, 2), np.float32)})
            assert (net.plain, list(found)) == (gives, ["y"])
