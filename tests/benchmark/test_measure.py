"""Measuring engines whose clock is a rule: drift cancels, warm-up ends, and noise is told from a difference."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from converters.errors import ToolkitError
from tests.benchmark.fakes import BEGAN, load
from toolkit.benchmark.measure import Contestant, Plan, benchmark
from toolkit.benchmark.report import Report
from toolkit.runners.base import Target

QUICK = Plan(rounds=8, visit=0.05, warmup=1)


def contest(*paths: str, plan: Plan = QUICK, runtime: str = "fake") -> Report:
    return benchmark([Contestant(path, runtime, Target(path)) for path in paths], load, plan)


def test_ratio_against_the_first() -> None:
    report = contest("steady", "double", "steady")
    first, second, third = report.times
    assert report.ratio(first) is None
    assert report.ratio(second).middle == pytest.approx(2)
    assert report.ratio(second).differs
    assert not report.ratio(third).differs
    assert first.version == "fake 1"
    assert [len(found) for found in first.rounds] == [5] * 8, "a visit of 50 ms holds five runs of 10 ms"
    assert [len(found) for found in second.rounds] == [3] * 8
    assert second.throughput == pytest.approx(50)
    assert not report.too_noisy


def test_a_slow_model_runs_once_a_visit() -> None:
    (slow,) = contest("slow").times
    assert [len(found) for found in slow.rounds] == [1] * 8


def test_drift_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run equally fast on a machine that gets slower all the time."""
    monkeypatch.setenv(BEGAN, str(time.monotonic()))
    report = contest("drifting", "drifting", plan=Plan(rounds=20, visit=0.05, warmup=0.2))
    found = report.ratio(report.times[1])
    assert found.middle == pytest.approx(1, abs=0.01)


def test_noise_is_told() -> None:
    report = contest("steady", "noisy", plan=Plan(rounds=8, visit=0.001, warmup=0.2))
    assert [one.label for one in report.too_noisy] == ["noisy"]
    assert report.to_json()["noisy"]
    assert not contest("steady", "spiky").too_noisy, "what disturbs single runs does not disturb a round"


def test_warm_up_goes_on_until_it_gets_no_faster() -> None:
    (warm,) = contest("warming").times
    assert warm.settled
    assert warm.warmup >= 30
    assert max(warm.seconds) == pytest.approx(0.010)
    (never,) = contest("never warm", plan=Plan(rounds=6, visit=1e-9, warmup=0.0)).times
    assert not never.settled


def test_one_that_fails_leaves_the_others() -> None:
    report = contest("refusing", "dying", "steady", "double")
    refused, died, first, second = report.times
    assert refused.reason == "fake: no such layer"
    assert "has ended" in died.reason
    assert report.ran == [first, second]
    assert report.ratio(second).middle == pytest.approx(2), "the first that ran is the reference"
    assert report.to_json()["targets"][0] == {
        "model": "refusing",
        "runtime": "fake",
        "reason": refused.reason,
        "ratio": None,
        "verdict": "not run",
    }


def test_one_that_is_missing() -> None:
    (missing,) = contest("steady", runtime="absent").times
    assert missing.reason == "absent is not installed: pip install absent"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory of a process on Linux alone")
def test_memory_is_each_ones_own() -> None:
    hungry, steady = contest("hungry", "steady").times
    assert hungry.memory > 300_000_000
    assert 10_000_000 < steady.memory < 200_000_000


def test_layers_come_from_a_run_of_their_own_and_add_up_to_it() -> None:
    plan = Plan(rounds=6, visit=0.01, warmup=0.1, layers=True)
    often, once = contest("steady", "double", plan=plan).times
    assert often.layers == {"conv": pytest.approx(0.009 + 0.001 / 21), "relu": 0.001}, "the fastest of 21"
    assert once.layers["conv"] == pytest.approx(0.010), "an engine that tells them once: of that run"
    for found, whole in ((often, 0.012 + 0.001 / 21), (once, 0.013)):
        assert found.profiled == pytest.approx(whole)
        assert sum(found.layers.values()) + found.other == pytest.approx(found.profiled)
    assert once.to_json()["layers_other"] == pytest.approx(0.002)
    assert contest("steady").times[0].layers == {}
    assert contest("mute", plan=plan).times[0].silent == "this engine does not tell what its layers take"


def test_ratios_agree_with_the_times_beside_them() -> None:
    report = contest("steady", "noisy", plan=Plan(rounds=8, visit=0.001, warmup=0.2))
    first, noisy = report.times
    found = report.ratio(noisy)
    assert found.middle == noisy.typical / first.typical
    assert found.low <= found.middle <= found.high
    assert noisy.throughput == 1 / noisy.typical


def test_what_an_engine_prints_does_not_disturb() -> None:
    assert not contest("chatty").times[0].reason


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "measure.py"
    script.write_text(
        "from tests.benchmark.fakes import load\n"
        "from toolkit.benchmark.measure import Contestant, Plan, benchmark\n"
        "from toolkit.runners.base import Target\n"
        "plan = Plan(rounds=6, visit=0.01, warmup=0.1)\n"
        "print(benchmark([Contestant('net', 'fake', Target('steady'))], load, plan).ran[0].typical)\n"
        "def mine(name, target): return load(name, target)\n"
        "try: benchmark([Contestant('net', 'fake', Target('steady'))], mine, plan)\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    )
    times, refusal = done.stdout.splitlines()
    assert float(times) == 0.010
    assert "put it in a module" in refusal
    assert not done.stderr


def test_batch_and_shapes() -> None:
    (found,) = contest("steady", plan=Plan(rounds=6, visit=0.01, warmup=0.1, batch=8)).times
    assert found.batch == 8
    assert found.throughput == pytest.approx(800)
    (found,) = contest("steady", plan=Plan(rounds=6, visit=0.01, warmup=0.1, shapes={"x": (1, 3, 4, 4)})).times
    assert found.batch == 1
    with pytest.raises(ToolkitError, match="'z', which none of the models has"):
        contest("steady", plan=Plan(rounds=6, shapes={"z": (1, 3)}))
