"""Every opset from 11 to 23 says the same; what an older one can't say is refused by name."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from converters.errors import ConversionError, ToolkitError
from tests.export import nets
from tests.export.graphs import assert_unchanged, graph, kinds, run
from tests.export.running import assert_same
from toolkit.export import OPSETS, export
from toolkit.export.change_opset import convert

INT = np.int64


@cache
def mobile() -> tuple[nets.Mobile, ir.Model]:
    net = nets.randomised(nets.Mobile())
    return net, export(net, input_shapes={"x": (1, 3, 16, 16)}, dynamic_batch=True)


@pytest.mark.parametrize("opset", OPSETS)
def test_a_network_says_the_same_in_every_opset(opset: int) -> None:
    net, native = mobile()
    model = convert(native.clone(), opset)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    assert model.opset_imports == {"": opset}
    assert model.ir_version == onnx.helper.OP_SET_ID_VERSION_MAP["ai.onnx", opset]
    for batch in (1, 3):
        assert_same(model, net, [(batch, 3, 16, 16)])


@pytest.mark.parametrize("opset", [11, 23])
def test_export_names_what_the_conversion_added(opset: int) -> None:
    net, _ = mobile()
    model = export(net, input_shapes={"x": (1, 3, 16, 16)}, opset=opset)
    assert_same(model, net, [(1, 3, 16, 16)])
    names = {node.name for node in model.graph}
    assert {"stem.2", "se.fc2", "up.0", "logits"} <= names
    assert ("stem.2/hard_sigmoid" in names) == (opset < 14)
    assert all("source" in node.metadata_props for node in model.graph)


@pytest.mark.parametrize("opset", [OPSETS[0] - 1, OPSETS[-1] + 1])
def test_other_opsets_are_refused_before_any_work(opset: int) -> None:
    with pytest.raises(ToolkitError, match=f"opset {opset} can't be written; choose one from 11 to 23"):
        export(nets.Mobile(), opset=opset)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_keeps_its_axis_below_13(op: str, axis: int) -> None:
    model = graph(f"g (float[2,4,3] x) => (float[2,4,3] y) {{ y = {op}<axis={axis}>(x) }}")
    before = run(model)
    model = convert(model, 12)
    assert_unchanged(before, run(model))
    assert kinds(model) == ([op] if axis in (2, -1) else ["Transpose", op, "Transpose"])


CASES = {
    "split": ("float[2,6] x", "float[2,2] y, float[2,4] z", "y, z = Split<axis=1>(x, s)", {"s": [2, 4]}),
    "reduce": ("float[2,3,4] x", "float[2,4] y", "y = ReduceMax<keepdims=0>(x, a)", {"a": [1]}),
    "reduce-all": ("float[2,3] x", "float[1,1] y", "y = ReduceL2(x)", {}),
    "squeeze": ("float[2,1,4] x", "float[2,4,1] y", "z = Squeeze(x, a) y = Unsqueeze(z, b)", {"a": [1], "b": [2]}),
    "sum": ("float[2,3,4] x", "float[2,3,1] y", "y = ReduceSum(x, a)", {"a": [-1]}),
    "pad": ("float[2,3] x", "float[2,6] y", "y = Pad(x, p)", {"p": [0, 1, 0, 2]}),
    "hardswish": ("float[2,3] x", "float[2,3] y", "y = HardSwish(x)", {}),
    "resize": ("float[1,2,3,3] x", "float[1,2,7,7] y", 'y = Resize<mode="linear">(x, , , s)', {"s": [1, 2, 7, 7]}),
}


@pytest.mark.parametrize("opset", [11, 12, 13, 17])
@pytest.mark.parametrize("case", CASES)
def test_operators_with_another_form_keep_their_meaning(case: str, opset: int) -> None:
    inputs, outputs, body, constants = CASES[case]
    arrays = {name: np.array(values, INT) for name, values in constants.items()}
    model = graph(f"g ({inputs}) => ({outputs}) {{ {body} }}", **arrays)
    before = run(model)
    model = convert(model, opset)
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    assert_unchanged(before, run(model))


def test_all_that_an_older_opset_can_not_say_is_listed() -> None:
    model = graph(
        """g (float[2,4] x) => (float[2,4] y) {
            [normal] a = LayerNormalization(x, scale)
            [wide] b = Mish(a)
            y = Relu(b)
        }""",
        scale=np.ones(4, np.float32),
    )
    with pytest.raises(ConversionError) as caught:
        convert(model, 13)
    assert [(problem.op, problem.name) for problem in caught.value.problems] == [
        ("LayerNormalization", "normal"),
        ("Mish", "wide"),
    ]
    assert caught.value.problems[0].hint == "export with opset 17 or newer"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('y = Resize<antialias=1, mode="linear">(x, , , s)', "antialias=1 is newer"),
        ("y = Pad(x, p, , a)", "it pads chosen axes"),
        ("t = Cast<to=7>(x) y = ReduceMean(x, t)", "its axes are computed"),
    ],
)
def test_a_new_ability_of_an_old_operator_is_refused(body: str, reason: str) -> None:
    arrays = {"s": np.array([2, 2], INT), "p": np.array([1, 1], INT), "a": np.array([0], INT)}
    model = graph(f"g (float[2] x) => (float[n] y) {{ {body} }}", **arrays)
    with pytest.raises(ConversionError, match=reason):
        convert(model, 12)
