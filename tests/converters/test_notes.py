"""What exporters write about the user's code, and the names that values get from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.names import safe
from converters.onnx import notes

SCOPES, STACK = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.stack_trace"


@given(st.text())
def test_a_safe_name_has_safe_characters_alone(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_./:-]+", safe(name))
    assert safe(safe(name)) == safe(name)


@pytest.mark.parametrize(
    ("scopes", "path"),
    [
        ("['', 'layer1.0', 'layer1.0.conv1', 'node_conv2d']", "layer1.0.conv1"),
        ("['', 'conv@2', 'node_conv2d_2']", "conv"),
        ("['', '_empty_nn_module_stack_from_metadata_hook', 'add']", ""),
        ("['alone']", ""),
        ("[not a list", ""),
        ("7", ""),
        ("(" * 500, ""),
    ],
)
def test_the_module_path_is_the_innermost_scope(scopes: str, path: str) -> None:
    assert notes.torch_module({SCOPES: scopes}) == path
    assert notes.read({SCOPES: scopes}) == ({"scope": path} if path else {})


def test_the_source_is_the_last_frame() -> None:
    trace = 'File "/a/net.py", line 3, in forward\n    x = f(x)\nFile "/a/net.py", line 9, in f\n    return x + 1\n'
    assert notes.read({STACK: trace}) == {"source": 'File "/a/net.py", line 9, in f'}


def test_our_own_notes_come_first() -> None:
    ours = {"module": "stem", "source": 'File "net.py", line 1, in forward'}
    assert notes.read({**ours, SCOPES: "['', 'other', 'x']", STACK: 'File "b.py", line 2, in g'}) == ours
