"""A node becomes a call: the lowering's signature says which inputs are computed, constant, or may be left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import Unsupported
from converters.onnx_to_caffe.registry import LOWERINGS, Const, Value, call

BLOB = layers.input_("x", (1, 3))
CONST = Const("c", ir.Tensor(np.ones((1, 3), np.float32)))


def computed(x: Blob, pads: Const | None = None) -> Blob:
    return x


def weighted(x: Value, w: Const) -> Blob:
    return BLOB


def several(*inputs: Value) -> Blob:
    return BLOB


@pytest.mark.parametrize(
    ("lowering", "inputs", "fault"),
    [
        (computed, [BLOB], ""),
        (computed, [BLOB, None], ""),
        (computed, [BLOB, CONST], ""),
        (computed, [CONST], "the input is a constant"),
        (computed, [None, CONST], "the input is missing"),
        (computed, [BLOB, BLOB], "the pads are computed at run time; Caffe needs them fixed"),
        (computed, [BLOB, CONST, CONST], "too many positional arguments"),
        (weighted, [CONST, CONST], ""),
        (weighted, [BLOB, BLOB], "the w is computed at run time; Caffe needs it fixed"),
        (several, [BLOB, CONST, BLOB], ""),
        (several, [BLOB, None, BLOB], "the inputs are missing"),
    ],
)
def test_inputs_are_what_the_signature_says(
    lowering: Callable[..., Blob], inputs: list[Value | None], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOWERINGS, "Relu", lowering)
    node = ir.node("Relu", [ir.Value(name="x")])
    if not fault:
        assert call(node, inputs, ((1, 3),)) == (BLOB,)
        return
    with pytest.raises(Unsupported) as refusal:
        call(node, inputs, ((1, 3),))
    assert str(refusal.value) == fault


def test_every_lowering_says_what_its_inputs_are() -> None:
    """An input without one of the three kinds would reach the lowering unchecked."""
    import inspect

    kinds = {Blob, Const, Value, Blob | None, Const | None, Value | None}
    for op, lowering in LOWERINGS.items():
        for parameter in inspect.signature(lowering, eval_str=True).parameters.values():
            attribute = parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)
            assert attribute or parameter.annotation in kinds, (op, parameter)
