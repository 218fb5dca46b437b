from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parity import planted


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small network as an ONNX file."""
    return planted.small(tmp_path_factory.mktemp("small")).onnx


@pytest.fixture
def listed(tmp_path: Path) -> Callable[[str], Path]:
    """A parity.toml with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "parity.toml"
        path.write_text(text, "utf-8")
        return path

    return write
