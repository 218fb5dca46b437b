"""What submodules return while a module runs: torch's values layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.errors import listed
from toolkit.runners.base import CALL, RunnerError

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def heard(module: nn.Module, wanted: Sequence[str]) -> Iterator[Mapping[str, np.ndarray]]:
    """Listen to the wanted submodules; the mapping fills as they are called.

    A result is copied at once, as the next module may work in place on it.
    """
    found: dict[str, np.ndarray] = {}
    calls: dict[str, int] = {}
    parts = dict(module.named_modules())
    paths = {name.partition(CALL)[0] for name in wanted}

    def hear(path: str, part: Any, args: Any, result: Any) -> None:
        count = calls.get(path, 0)
        calls[path] = count + 1
        name = f"{path}{CALL}{count}" if count else path
        if name in wanted and hasattr(result, "detach"):
            found[name] = np.array(result.detach().numpy())

    with ExitStack() as stack:
        for path in sorted(paths & parts.keys()):
            stack.callback(parts[path].register_forward_hook(partial(hear, path)).remove)
        yield found


def need_heard(found: Mapping[str, np.ndarray], wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """What was heard, in the wanted order; a submodule that was not called, or returns no tensor, is an error."""
    for name in wanted:
        if name not in found:
            raise RunnerError(f"torch: no submodule '{name}' returned a tensor; {listed(name, found)} did")
    return {name: found[name] for name in wanted}
