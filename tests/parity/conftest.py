from __future__ import annotations

from collections.abc import Callable

import pytest

from converters.preprocessing import Preprocessing
from tests.parity import planted
from tests.parity.planted import Converted

RAW = Preprocessing(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), swap=True)
MAKERS: dict[str, Callable[..., Converted]] = {
    "small": planted.small,
    "trainable": lambda folder: planted.small(folder, style="train"),
    "shufflenet": planted.shufflenet,
    "raw": lambda folder: planted.small(folder, preprocessing=RAW),
}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Converted]:
    """Networks by name, each converted once."""
    made: dict[str, Converted] = {}

    def get(name: str) -> Converted:
        if name not in made:
            made[name] = MAKERS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return get
