"""One row an operator use: an ONNX graph as text. Every row runs in every dialect and engine, see test_cases.py.

A row is inputs and a body: `Case("float[1,3,8,8] x, float[6,3,3,3] w", "y = Conv(x, w)")`. Inputs whose name begins
with `x` are fed; all others are seeded constants. The last assigned name, or those in `outputs`, are the outputs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

DOMAIN = re.compile(r"(com\.microsoft(?:\.\w+)?)\.\w+[<(]")


@dataclass(frozen=True)
class Case:
    """One operator use. `low` and `high` bound what is fed and the constants; `dialects` are those that must take it.

    Which of the others refuse it stands in refusals.txt. An output that is no float has its type before its name.
    `refused` rows must be refused everywhere, with that text in the message. `tolerance` other than 1e-4 needs `why`.
    """

    inputs: str
    body: str
    opset: int = 18
    low: float = -2.0
    high: float = 2.0
    outputs: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ("bvlc",)
    refused: str = ""
    tolerance: float = 1e-4
    why: str = ""


def seeded(name: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """The constant or input that a name stands for."""
    return np.random.default_rng(zlib.crc32(name.encode())).uniform(low, high, shape).astype(np.float32)


def build(case: Case) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return the model of a case and its feeds."""
    last = re.findall(r"(?:^|;)\s*([\w, ]+?)\s*=", case.body)[-1]
    outputs = case.outputs or tuple(name.strip() for name in last.split(","))
    typed = ", ".join(name if " " in name else f"float {name}" for name in outputs)
    body = case.body.replace(";", "\n")
    domains = "".join(f', "{name}" : 1' for name in sorted(set(DOMAIN.findall(body))))
    head = f'<ir_version: 10, opset_import: ["" : {case.opset}{domains}]>'
    text = f"{head}\ncase ({case.inputs}) => ({typed}) {{\n{body}\n}}"
    model = onnx.parser.parse_model(text)
    feeds: dict[str, np.ndarray] = {}
    kept = []
    for value in model.graph.input:
        shape = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        array = seeded(value.name, shape, case.low, case.high)
        if value.name.startswith("x"):
            feeds[value.name] = array
            kept.append(value)
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del model.graph.input[:]
    model.graph.input.extend(kept)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model, feeds


def operators(case: Case) -> set[str]:
    """The operators of a row, those of bodies inside its nodes included."""
    return set(_operators(build(case)[0].graph))


def _operators(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _operators(body)


def refusals() -> dict[str, set[str]]:
    """The dialects that refuse a row which not all refuse, by the row's name."""
    lines = (Path(__file__).parent / "refusals.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(": ") for line in lines if not line.startswith("#"))
    return {row: set(dialects.split()) for row, dialects in pairs}


def all_cases() -> dict[str, Case]:
    """Every row of every family file, by family and name."""
    found: dict[str, Case] = {}
    for module in iter_modules(__path__):
        rows: dict[str, Case] = import_module(f"{__name__}.{module.name}").CASES
        found.update({f"{module.name}/{name}": case for name, case in rows.items()})
    return found
