"""The small models that the fuzzer damages: the rows of tests/cases, and random graphs of many operators."""

from __future__ import annotations

import random
from collections.abc import Mapping

from tests.cases import all_cases, build
from tests.converters.random_graphs import random_graph

RANDOM = 500


def models(seed: int) -> Mapping[str, bytes]:
    """Every model by its name, as a file; `seed` is that of the random ones."""
    rows = {name: build(case)[0].SerializeToString() for name, case in sorted(all_cases().items())}
    choose = random.Random(seed)
    drawn = {f"random/{number}": random_graph(choose).SerializeToString() for number in range(RANDOM)}
    return {**rows, **drawn}
