"""prototxt -> the names in it: inputs, and for each blob the layer whose output it is in the end.

OpenCV knows outputs by layer, not by blob, and accepts fields that no schema lists; so this reads any protobuf text,
knows four field names, and leaves it to the engine to refuse what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

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
        elif not key:
            stack[-1] = (fields, token, False)
        else:
            fields.append((key, _plain(token)))
            stack[-1] = (fields, key if many else "", many)
    return root


def _plain(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _all(fields: list[tuple[str, Any]], *path: str) -> Iterator[Any]:
    for key, value in fields:
        if key == path[0]:
            if len(path) == 1:
                yield value
            elif isinstance(value, list):
                yield from _all(value, *path[1:])


def _shape(fields: list[tuple[str, Any]]) -> list[int]:
    return [int(size) for size in _all(fields, "dim") if size.isdigit()]


def names(text: str) -> dict[str, Any]:
    """Inputs with their shapes, {blob: [layer, output number]} and the blobs that nobody reads: the net's outputs.

    In-place layers write their blob again, so a blob's value is what its last writer leaves, as in Caffe.
    """
    net = parse(text)
    inputs = _legacy_inputs(net)
    blobs: dict[str, list[Any]] = {}
    unread: dict[str, None] = {}
    for key, layer in net:
        if key not in ("layer", "layers") or not isinstance(layer, list):
            continue
        name, kind = next(_all(layer, "name"), ""), next(_all(layer, "type"), "")
        for bottom in _all(layer, "bottom"):
            unread.pop(bottom, None)
        shapes = [_shape(shape) for shape in _all(layer, "input_param", "shape")]
        for number, top in enumerate(_all(layer, "top")):
            if kind == "Input":
                inputs[top] = shapes[min(number, len(shapes) - 1)] if shapes else []
            else:
                blobs[top] = [name, number]
                unread[top] = None
    return {"inputs": inputs, "blobs": blobs, "outputs": list(unread)}


def _legacy_inputs(net: list[tuple[str, Any]]) -> dict[str, list[int]]:
    """`input: "data"` with four `input_dim` each, or with an `input_shape` each."""
    tops = list(_all(net, "input"))
    shapes = [_shape(shape) for shape in _all(net, "input_shape")]
    dims = [int(size) for size in _all(net, "input_dim") if size.isdigit()]
    shapes = shapes or [dims[start : start + 4] for start in range(0, len(dims), 4)]
    return {top: shapes[number] if number < len(shapes) else [] for number, top in enumerate(tops)}
