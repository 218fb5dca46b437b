"""A torch module in eval mode on the CPU: what a model computes before any export."""

from __future__ import annotations

import importlib.util
import inspect
import time
from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Arrays, RunnerError, Target, Traits, installed, need_feeds, runtime, settings
from toolkit.runners.torch_hooks import heard, need_heard

if TYPE_CHECKING:
    from torch import Tensor, nn

IMAGE_SIZE = 224
FREE = "?"  # a size that may be any


GET = "pip install torch --extra-index-url https://download.pytorch.org/whl/cpu"


def missing() -> str:
    """'' where it is installed, else what to do."""
    return "" if importlib.util.find_spec("torch") else f"PyTorch is not installed: {GET}"


TRAITS = Traits("PyTorch", unfused={"by": "module"}, by_module=True)


@runtime("torch", reads=(), missing=missing, traits=TRAITS, get=GET, version=lambda: installed("torch"))
class Torch:
    """A model by name, as `toolkit.models.create` takes it; the target's weights are a checkpoint.

    Inputs are the parameters of `forward` that have no default. Outputs are "output", "output_1", ... in the order in
    which the module returns them, or the target's names in that order. Options: num_classes, image_size, seed,
    input_shape ("data:1,3,224,224 mask:1,10"), which a model with one image input does not need, and by=module: outputs
    are then submodules ("layer1.0.conv1", or "relu#1" for the second call), and what they return is the result.
    """

    name = "torch"

    def __init__(self, target: Target) -> None:
        self.target = target
        free = dict.fromkeys(("num_classes", "image_size", "seed", "input_shape"), ())
        self.options = settings(target, {**free, "by": ("order", "module")})
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.values: Collection[str] = ()
        self.dtypes: Mapping[str, str] = {}
        self.version, self.seconds = "", 0.0
        self.layer_seconds: Mapping[str, float] = {}
        self.plain = ""

    def __enter__(self) -> Torch:
        import torch

        from toolkit import models

        numbers = {
            key: _number(key, self.options[key]) for key in ("num_classes", "image_size", "seed") if self.options[key]
        }
        self.module = models.create(self.target.path, weights=self.target.weights, **numbers)
        self.inputs = _inputs(self.module, self.options["input_shape"], numbers.get("image_size"))
        self.dtype = next((p.dtype for p in self.module.parameters() if p.is_floating_point()), torch.float32)
        self.values = [path for path, part in self.module.named_modules() if path and not any(part.children())]
        self.former_threads = torch.get_num_threads()
        torch.set_num_threads(self.target.threads)
        threads = f"{self.target.threads} thread{'s' if self.target.threads > 1 else ''}"
        self.version = f"torch {torch.__version__}, CPU, {threads}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import torch

        torch.set_num_threads(self.former_threads)
        del self.module

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run once, without gradients; floating-point feeds take the type of the module's parameters."""
        import torch

        need_feeds(self.name, feeds, self.inputs)
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in feeds.items()}
        tensors = {name: t.to(self.dtype) if t.is_floating_point() else t for name, t in tensors.items()}
        wanted = self.target.outputs if self.options["by"] == "module" else ()
        began = time.perf_counter()
        try:
            with torch.inference_mode(), heard(self.module, wanted) as returned:
                found = self.module(**tensors)
        except Exception as error:  # the model is the user's own code, which may raise anything
            raise RunnerError(f"torch: {type(error).__name__}: {' '.join(str(error).split())}") from error
        self.seconds = time.perf_counter() - began
        if wanted:
            return need_heard(returned, wanted)
        return self._named([tensor.detach().numpy() for tensor in _tensors(found)])

    def _named(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        wanted = self.target.outputs or tuple(f"output_{i}" if i else "output" for i in range(len(arrays)))
        if len(wanted) > len(arrays):
            raise RunnerError(f"torch: the model has no value '{wanted[len(arrays)]}'; it returns {len(arrays)}")
        return dict(zip(wanted, arrays[: len(wanted)], strict=True))


def _tensors(found: Any) -> Iterator[Tensor]:
    """The tensors in what a module returns, in order."""
    import torch

    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from _tensors(value)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from _tensors(value)
    else:
        raise RunnerError(f"torch: the model returns a {type(found).__name__}, not tensors")


def _inputs(module: nn.Module, shapes: str, image_size: int | None) -> dict[str, tuple[int | None, ...]]:
    parameters = inspect.signature(module.forward).parameters.values()
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [one.name for one in parameters if one.default is one.empty and one.kind not in starred]
    if shapes:
        given = _shapes(shapes)
        if len(given) == len(names) == 1:
            given = dict(zip(names, given.values(), strict=True))  # one input can only be the other
        if set(given) != set(names):
            raise ToolkitError(
                f"option input_shape names {', '.join(given)}; the model's inputs are {', '.join(names)}"
            )
        return {name: given[name] for name in names}
    if len(names) != 1:
        raise ToolkitError(f"the model's inputs are {', '.join(names)}; option input_shape must give their shapes")
    size = image_size or getattr(module, "image_size", IMAGE_SIZE)
    return {names[0]: (None, 3, size, size)}


def _shapes(text: str) -> dict[str, tuple[int | None, ...]]:
    """'data:1,3,224,224 mask:1,10' -> shapes by name."""
    shapes: dict[str, tuple[int | None, ...]] = {}
    for part in text.split():
        name, colon, sizes = part.rpartition(":")
        if not colon or not all(size.isdecimal() or size == FREE for size in sizes.split(",")):
            raise ToolkitError(f"option input_shape: '{part}' is not like data:1,3,224,224")
        shapes[name] = tuple(None if size == FREE else int(size) for size in sizes.split(","))
    return shapes


def _number(key: str, text: str) -> int:
    if not text.isdecimal():
        raise ToolkitError(f"option {key}={text}: it must be a whole number")
    return int(text)
