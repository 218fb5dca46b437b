"""prototxt -> the names in it: inputs, and for each blob the layer whose output it is in the end.

OpenCV knows outputs by layer, not by blob, and accepts fields that no schema lists; so this reads any protobuf text,
knows four field names, and leaves it to the engine to refuse what is wrong.
"""

from __future__ import annotations

import re
from typing import Any

QUOTES = "\"'"
TOKEN = re.compile(r"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>\[\]:;,]|[^\s{}<>\[\]:;,#"']+""")


def parse(text: str) -> list[tuple[str, Any]]:
    """Protobuf text as nested (field, value) pairs; values are strings or lists of pairs."""
    root: list[tuple[str, Any]] = []
    stack = [(root, "", False)]  # the message being read, the field being read, and whether that is a [list]
    for token in TOKEN.findall(text):
        fields, key, many = stack[-1]
        if token[0] in "#:;,":
            continue
        if token in "[]":
            stack[-1] = (fields, key if token == "[" else "", token == "[")
        elif token in "{<":
            inner: list[tuple[str, Any]] = []
            fields.append((key, inner))
            stack[-1] = (fields, key if many else "", many)
            stack.append((inner, "", False))
        elif token in "}>":
            if len(stack) > 1:
                stack.pop()
        elif not key and token[0] in QUOTES and fields and isinstance(fields[-1][1], str):
            fields[-1] = (fields[-1][0], fields[-1][1] + _plain(token))  # literals side by side are one string
        elif not key:
            stack[-1] = (fields, token, False)
        else:
            fields.append((key, _plain(token)))
            stack[-1] = (fields, key if many else "", many)
    return root


def _plain(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in QUOTES else token


def _texts(fields: list[tuple[str, Any]], key: str) -> list[str]:
    return [value for name, value in fields if name == key and isinstance(value, str)]


def _messages(fields: list[tuple[str, Any]], key: str) -> list[list[tuple[str, Any]]]:
    return [value for name, value in fields if name == key and isinstance(value, list)]


def _sizes(fields: list[tuple[str, Any]], key: str) -> list[int]:
    return [int(size) for size in _texts(fields, key) if re.match(r"\d{1,10}$", size)]


def names(text: str) -> dict[str, Any]:
    """Inputs with their shapes, {blob: [layer, output number]} and the blobs that nobody reads: the net's outputs.

    In-place layers write their blob again, so a blob's value is what its last writer leaves, as in Caffe; `rewritten`
    are those blobs. `alike` are groups of blobs that Reshapes make of one blob in one way.
    """
    net = parse(text)
    inputs = _legacy_inputs(net)
    blobs: dict[str, list[Any]] = {}
    unread: dict[str, None] = {}
    rewritten: dict[str, None] = {}
    alike: dict[str, list[str]] = {}
    for layer in _messages(net, "layer") + _messages(net, "layers"):
        name = "".join(_texts(layer, "name")[:1])
        for bottom in _texts(layer, "bottom"):
            unread.pop(bottom, None)
        if "Reshape" in _texts(layer, "type"):
            rest = [field for field in layer if field[0] not in ("name", "top")]
            alike.setdefault(repr(rest), []).extend(_texts(layer, "top"))
        shapes = [
            _sizes(shape, "dim") for param in _messages(layer, "input_param") for shape in _messages(param, "shape")
        ]
        for number, top in enumerate(_texts(layer, "top")):
            if "Input" in _texts(layer, "type"):
                inputs[top] = shapes[min(number, len(shapes) - 1)] if shapes else []
            else:
                rewritten.update(dict.fromkeys([top] if top in blobs or top in inputs else []))
                blobs[top] = [name, number]
                unread[top] = None
    groups = [blobs_of_one for blobs_of_one in alike.values() if len(blobs_of_one) > 1]
    names_of = {"inputs": inputs, "blobs": blobs, "outputs": list(unread), "rewritten": list(rewritten)}
    return {**names_of, "alike": groups}


def _legacy_inputs(net: list[tuple[str, Any]]) -> dict[str, list[int]]:
    """`input: "data"` with four `input_dim` each, or with an `input_shape` each."""
    tops = _texts(net, "input")
    shapes = [_sizes(shape, "dim") for shape in _messages(net, "input_shape")]
    dims = _sizes(net, "input_dim")
    shapes = shapes or [dims[start : start + 4] for start in range(0, len(dims), 4)]
    return {top: shapes[number] if number < len(shapes) else [] for number, top in enumerate(tops)}
