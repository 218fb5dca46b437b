"""The table of facts about layer types: whole, used, and true where a run can tell."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from converters.caffe import schema, traits
from converters.caffe.net import Layer
from converters.caffe.shapes import RULES, infer
from converters.caffe.traits import TABLE, Traits
from converters.caffe.values import Values, spatial
from converters.dialects import DIALECTS
from converters.dialects.order import REWRITES
from converters.errors import Unsupported

ROOT = Path(__file__).parents[2]
MESSAGES = {field.name for field in schema.message("LayerParameter").DESCRIPTOR.fields if field.message_type}
LISTS = {  # the files that may list layer types, and what for
    "converters/caffe/traits.py": "the table itself",
    "converters/caffe/upgrade.py": "names that types had in old files",
    "converters/caffe/shapes/": "one rule a type, by family",
    "converters/caffe/composite/rules.py": "likewise",
    "converters/dialects/common.py": "what every engine has",
    "converters/dialects/known/": "what each engine has",
    "converters/dialects/fusion.py": "what OpenCV folds into weights",
    "converters/dialects/order.py": "the rewrites of each type",
    "converters/dialects/rewrites/recurrent.py": "ONNX's recurrences, which have layers' names",
}


def test_every_layer_of_every_dialect_and_rewrite_has_a_row() -> None:
    for dialect in DIALECTS.values():
        assert dialect.layers.keys() <= TABLE.keys(), dialect.name
    assert REWRITES.keys() <= TABLE.keys()


def test_every_row_has_a_shape_rule_and_every_rule_a_row() -> None:
    assert RULES.keys() == TABLE.keys()


@pytest.mark.parametrize("kind", TABLE)
def test_a_row_names_a_message_of_the_schema_unless_no_caffe_has_the_layer(kind: str) -> None:
    row = TABLE[kind]
    assert (row.message in MESSAGES) != (row.composite or not row.message)
    if not row.composite and row.message:
        assert row.defaults.keys() <= schema.defaults(row.message).keys()


@pytest.mark.parametrize("kind", TABLE)
def test_the_dialects_read_the_message_that_the_row_names(kind: str) -> None:
    named = {dialect.layers[kind].message for dialect in DIALECTS.values() if kind in dialect.layers}
    assert named <= {TABLE[kind].message, ""}


def test_no_dialect_has_a_layer_that_stands_for_many() -> None:
    made = {kind for kind, row in TABLE.items() if row.composite}
    assert made
    assert not made & {kind for dialect in DIALECTS.values() for kind in dialect.layers}


def test_every_fact_is_asked_for() -> None:
    """A fact that nobody reads is a comment, and goes stale like one."""
    files = (ROOT / "converters").rglob("*.py")
    parts = (part for path in files for part in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    asked = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    assert {field.name for field in fields(Traits)} <= asked


def listed(tree: ast.AST) -> list[tuple[int, list[str]]]:
    """Literal collections that name two layer types or more, with their lines."""
    found = []
    for node in ast.walk(tree):
        parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        names = [one.value for one in parts if isinstance(one, ast.Constant) and one.value in TABLE]
        if len(names) > 1:
            found.append((node.lineno, names))
    return found


@pytest.mark.parametrize("room", ["caffe", "dialects"])
def test_no_other_file_lists_layer_types(room: str) -> None:
    """Facts come from the table: what holds for several types is one of its columns."""
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "converters" / room).rglob("*.py")}
    found = {name: listed(ast.parse(path.read_text(encoding="utf-8"))) for name, path in files.items()}
    assert {name: lists for name, lists in found.items() if lists and not name.startswith(tuple(LISTS))} == {}


@pytest.mark.parametrize("place", LISTS)
def test_a_file_that_may_list_layer_types_does(place: str) -> None:
    files = [ROOT / place] if place.endswith(".py") else list((ROOT / place).glob("*.py"))
    assert any(listed(ast.parse(path.read_text(encoding="utf-8"))) for path in files)


# Facts, measured by a plain form of each function.
FUNCTIONS = {
    "AbsVal": np.abs,
    "BNLL": lambda x: np.log1p(np.exp(x)),
    "Ceil": np.ceil,
    "Clip": lambda x: np.clip(x, -1, 2),
    "Dropout": lambda x: x,
    "ELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "Exp": np.exp,
    "Floor": np.floor,
    "HardSigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "ReLU": lambda x: np.maximum(x, 0),
    "ReLU6": lambda x: np.clip(x, 0, 6),
    "Round": np.rint,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sign": np.sign,
    "Swish": lambda x: x / (1 + np.exp(-x)),
    "TanH": np.tanh,
    "Threshold": lambda x: (x > 0).astype(x.dtype),
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_what_the_table_claims_of_a_function_is_so(kind: str) -> None:
    x = np.linspace(-9, 9, 1801)
    y, row = FUNCTIONS[kind](x), TABLE[kind]
    assert row.neuron
    by_value = kind in ("Clip", "Threshold")  # whether zero stays zero depends on the layer's parameters
    assert row.keeps_zero == (y[900] == 0 and not by_value)
    assert not row.not_negative or y.min() >= 0
    assert not row.monotone or (np.diff(y) >= 0).all()


def test_an_unknown_type_claims_nothing() -> None:
    assert traits.of("SomethingElse") == Traits()
    with pytest.raises(Unsupported, match="no shape rule"):
        infer("SomethingElse", {}, [(1, 2)], 1)


def test_a_layer_without_what_it_reads_is_refused() -> None:
    for kind, row in TABLE.items():
        if not row.source:
            with pytest.raises(Unsupported, match="needs an input blob"):
                infer(kind, {}, [], 1)


def test_values_are_what_is_written_else_what_caffe_takes() -> None:
    values = Values("Scale", {"scale_param": {"axis": 2}})
    assert (values["axis"], values["num_axes"], values["bias_term"]) == (2, 1, False)
    assert "axis" in values
    assert "num_axes" not in values
    assert Layer("LRN", "n").values["norm_region"] == "ACROSS_CHANNELS"
    assert Layer("BatchNorm", "n").values["eps"] == 1e-5  # as the schema writes it, not the nearest float32
    assert Layer("BatchNorm", "n").values["use_global_stats"] is True  # what the phase TEST makes of no value
    assert Layer("Permute", "n").values["order"] == ()
    with pytest.raises(KeyError):
        values["kernel_size"]


@pytest.mark.parametrize(
    ("param", "want"),
    [
        ({}, [1, 1]),
        ({"stride": 3}, [3, 3]),
        ({"stride": [2]}, [2, 2]),
        ({"stride": [2, 3]}, [2, 3]),
        ({"stride_w": 4}, [1, 4]),
    ],
)
def test_both_spellings_of_a_window_are_read(param: dict, want: list[int]) -> None:
    assert spatial(Values("Convolution", {"convolution_param": param}), "stride", 2) == want
