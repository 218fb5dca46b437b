from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.photos import coloured

NET = """
from torch import nn

def build(num_classes=1000):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes))
"""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes, nine images of 24x20 in each."""
    return coloured(tmp_path / "photos", 9, 20, 24)


@pytest.fixture
def net(tmp_path: Path) -> str:
    """A small network with BatchNorm, as a user's own file."""
    (tmp_path / "net.py").write_text(NET.replace("DROPOUT", "0.0"))
    return f"{tmp_path / 'net.py'}:build"


@pytest.fixture
def dropping(tmp_path: Path) -> str:
    """The same with dropout, so that what is random matters."""
    (tmp_path / "dropping.py").write_text(NET.replace("DROPOUT", "0.4"))
    return f"{tmp_path / 'dropping.py'}:build"
