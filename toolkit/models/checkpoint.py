"""Checkpoints: read without running code that hides in them, fitted key by key, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from converters.errors import InvalidInput, Remedy, ToolkitError
from toolkit.models import container
from toolkit.models.shufflenet_v2 import ShuffleNetV2, width_of
from toolkit.models.shufflenet_v2_torchvision import TorchvisionShuffleNetV2
from toolkit.models.shufflenet_v2_torchvision import width_of as torchvision_width_of

# what training scripts call the state dict inside a larger checkpoint
_NESTED = ("state_dict", "model_state_dict", "model")
# what DataParallel and torch.compile put before every key
_WRAPPERS = ("module.", "_orig_mod.")
_SHOWN = 3


def load(path: str | Path) -> dict[str, Tensor]:
    """The state dict in a .safetensors file, or in anything that torch.save wrote; never unpickles code."""
    return _unwrap(_read(Path(path)), Path(path))


def trained_size(path: str | Path) -> int | None:
    """The image size in a checkpoint of `toolkit train`; None in any other."""
    found = _read(Path(path))
    recipe = found.get("recipe") if isinstance(found, Mapping) else None
    size = recipe.get("size") if isinstance(recipe, Mapping) else None
    return size if isinstance(size, int) else None


def _read(path: Path) -> object:
    if not path.is_file():
        raise InvalidInput(f"there is no checkpoint {path}")
    if path.suffix != ".safetensors":
        container.check(path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or hostile file can make a parser raise anything
        raise InvalidInput(f"{path} is not a readable checkpoint: {_reason(error)}") from error


def load_into(module: nn.Module, path: str | Path, *, name: str = "", other_classes: bool = False) -> None:
    """Load `path` into `module`, where every key and every shape must fit.

    With `other_classes`, a classifier of another number of classes stays as it is.
    """
    state = load(path)
    expected = module.state_dict()
    # a counter for training alone, which checkpoints from before torch 0.4.1 lack
    counters = {key: value for key, value in expected.items() if key.endswith("num_batches_tracked")}
    state = {**{key: value for key, value in counters.items() if key not in state}, **state}
    if other_classes and _other_classes(expected, state):
        state |= {key: expected[key] for key in _resized(expected, state)}
    misfits = _misfits(expected, state)
    if misfits:
        label = name or type(module).__name__
        raise InvalidInput(f"{path} does not fit {label}: {', '.join(misfits)}", _advice(module, expected, state))
    module.load_state_dict(state)


def classes_in(path: str | Path, module: nn.Module) -> int | None:
    """The number of classes in a checkpoint that fits `module` but for its classifier; None in any other."""
    expected, state = module.state_dict(), load(path)
    return _other_classes(expected, state) if expected.keys() <= state.keys() else None


def save(state: Mapping[str, Tensor], path: str | Path) -> None:
    """Write a state dict as .safetensors or, under any other suffix, as torch.save does."""
    path = Path(path)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".checkpoint-") as folder:
            temporary = Path(folder, path.name)
            with temporary.open("wb") as file:  # given a path, torch writes its name into the file
                if path.suffix == ".safetensors":
                    from safetensors.torch import save as as_bytes

                    file.write(as_bytes({key: value.contiguous() for key, value in state.items()}))
                else:
                    torch.save(dict(state), file)
            os.replace(temporary, path)
    except OSError as error:
        raise ToolkitError(f"can't write {path}: {error.strerror or error}") from error


def _reason(error: Exception) -> str:
    text = str(error)
    if "Weights only load failed" in text or "weights_only" in text:
        return "it holds pickled code or objects, which are not run; save model.state_dict() instead"
    lines = text.strip().splitlines()
    return f"{lines[0].strip() if lines else 'no reason given'} ({type(error).__name__})"


def _unwrap(found: object, path: Path) -> dict[str, Tensor]:
    if isinstance(found, Mapping):
        nested = next((found[key] for key in _NESTED if isinstance(found.get(key), Mapping)), found)
        if nested and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in nested.items()):
            state = dict(nested)
            for prefix in _WRAPPERS:
                if all(key.startswith(prefix) for key in state):
                    state = {key.removeprefix(prefix): value for key, value in state.items()}
            return state
    raise InvalidInput(f"{path} holds no state dict, neither at the top nor under {', '.join(_NESTED)}")


def _misfits(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    resized = _resized(expected, state)

    def shapes(key: str) -> str:
        return f"{key} is {_size(state[key])}, not {_size(expected[key])}"

    groups: tuple[tuple[Sequence[str], str, Callable[[str], str]], ...] = (
        (missing, "missing", str),
        (unexpected, "unexpected", str),
        (resized, "of another shape", shapes),
    )
    return [f"{_count(keys)} {what} ({_few(map(show, keys), len(keys))})" for keys, what, show in groups if keys]


def _resized(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    return [key for key in expected if key in state and state[key].shape != expected[key].shape]


def _count(keys: Sequence[str]) -> str:
    return "1 key" if len(keys) == 1 else f"{len(keys)} keys"


def _few(texts: map[str], total: int) -> str:
    first = [text for _, text in zip(range(_SHOWN), texts)]  # noqa: B905 - cut on purpose
    return ", ".join(first) + (", ..." if total > len(first) else "")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _advice(module: nn.Module, expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """What the user most likely forgot to say, told from the shapes."""
    if classes := _other_classes(expected, state):
        return Remedy(f"it looks like {classes} classes", "num_classes", str(classes))
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    for kind, width, suffix in (
        (ShuffleNetV2, width_of(shapes), ""),
        (TorchvisionShuffleNetV2, torchvision_width_of(shapes), "-torchvision"),
    ):
        if width is not None and not (isinstance(module, kind) and module.width == width):
            return f"it looks like shufflenet_v2_x{width}{suffix}"
    return ""


def _other_classes(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> int | None:
    """The state's number of classes, where that is all in which the shapes differ."""
    resized = _resized(expected, state)
    classes = {state[key].shape[0] if state[key].ndim else 0 for key in resized}
    ours = {expected[key].shape[0] if expected[key].ndim else 0 for key in resized}
    same_rest = all(state[key].shape[1:] == expected[key].shape[1:] for key in resized)
    if resized and same_rest and len(classes) == len(ours) == 1 and ours == {_last_size(expected)}:
        return classes.pop()
    return None


def _last_size(state: Mapping[str, Tensor]) -> int:
    """The outputs of the last layer, which is the classifier if there is one."""
    last = next(reversed(list(state.values())))
    return last.shape[0] if last.ndim else 0
