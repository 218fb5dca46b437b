"""How inputs end in a worker: each way to fail is told from the others, and the inputs behind it are judged."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from converters.errors import ConversionError, InvalidInput, Problem
from scripts.fuzzing.models import Models
from scripts.fuzzing.workers import CONVERTING, REFERENCE, End, Limits, Say, ends

LIMITS = Limits(seconds=1, megabytes=256)


def refused() -> None:
    raise ConversionError([Problem("Conv", "c", "no")])


def blamed() -> None:
    raise ConversionError([Problem("Conv", "c", "comes out wrong (a fault of the converter)")])


def invalid() -> None:
    raise InvalidInput("no model")


def stray() -> None:
    {}["a"]


def endless() -> None:
    time.sleep(60)


def memory() -> None:
    bytearray(2**30)


def quietly_without_memory() -> None:
    try:
        bytearray(2**30)
    except MemoryError as error:
        raise InvalidInput("broken") from error


ENDS = {
    refused: ("ConversionError", False),
    blamed: ("ConversionError", True),
    invalid: ("InvalidInput", False),
    stray: ("KeyError", True),
    endless: ("converting: hang", True),
    memory: ("converting: memory", True),
    quietly_without_memory: ("converting: memory", True),
    os.abort: ("converting: died by 6", True),
}


@pytest.mark.parametrize("act", ENDS, ids=lambda act: act.__name__)
def test_an_end_is_told_from_others_and_the_next_input_is_judged(act: object, tmp_path: Path) -> None:
    def judge(number: int, folder: Path, say: Say) -> End:
        say(CONVERTING)
        if number == 1:
            act()  # type: ignore[operator]
        return End("fine")

    found = list(ends(judge, range(3), LIMITS))
    assert [(number, end.kind, end.bad) for number, end in found] == [
        (0, "fine", False),
        (1, *ENDS[act]),
        (2, "fine", False),
    ]


def test_the_death_of_the_reference_is_no_fault_of_ours(tmp_path: Path) -> None:
    def judge(number: int, folder: Path, say: Say) -> End:
        say(REFERENCE)
        os.abort()

    ((_, end),) = ends(judge, range(1), LIMITS)
    assert (end.kind, end.bad) == ("onnxruntime: died by 6", False)


def test_faults_that_look_alike_are_of_one_sort() -> None:
    first, second = (
        End("KeyError", f'  File "/x/converters/a.py", line {line}, in f\nKeyError: {line}') for line in (1, 2)
    )
    assert first.sort == second.sort
    assert first.sort != End("KeyError", '  File "/x/converters/b.py", line 1, in f\n').sort


def test_a_mutant_is_the_same_in_every_run() -> None:
    one, other = Models(7, ()), Models(7, ())
    for number in range(50):
        assert one.mutant(number) == other.mutant(number)
        assert one.content(one.mutant(number)) == other.content(other.mutant(number))
    assert Models(8, ()).mutant(0) != one.mutant(0)


def test_a_wrong_number_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a fault planted in a lowering, an undamaged row is told as failed."""
    from converters.caffe import layers
    from converters.onnx_to_caffe import registry
    from scripts.fuzzing.models import Mutant

    hunt = Models(0, ("opencv",))
    mutant = Mutant("activation/leaky_relu", (), "portable")
    monkeypatch.setattr(Models, "mutant", lambda self, number: mutant)
    ((_, sound),) = ends(hunt.judge, range(1), Limits())
    assert sound.kind == "compared, equal"
    monkeypatch.setitem(registry.LOWERINGS, "LeakyRelu", lambda x, *, alpha=0.01: layers.relu(x, alpha * 1.01))
    ((_, wrong),) = ends(hunt.judge, range(1), Limits())
    assert wrong.kind == "opencv: failed"
    assert wrong.bad
