"""A model's name -> a freshly initialised nn.Module."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from converters.errors import InvalidInput, ToolkitError
from toolkit.models.shufflenet_v2 import CHANNELS, ShuffleNetV2
from toolkit.models.shufflenet_v2_torchvision import WIDTHS, TorchvisionShuffleNetV2

OURS, THEIRS = "shufflenet_v2_x", "-torchvision"
FORMS = f"{OURS}0.5, torchvision:resnet18, package.module:factory or file.py:factory"


def build(spec: str, options: Mapping[str, int], seed: int) -> nn.Module:
    """Build `spec` from random weights; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if spec.startswith(OURS):
            return _ours(spec)(**options)
        source, colon, attribute = spec.rpartition(":")
        if not colon or not source or not attribute:
            raise ToolkitError(f"no model is called {spec!r}; give {FORMS}")
        if source == "torchvision":
            return _torchvision(attribute, options)
        with _import_path(source):
            return _call(_find(_load(source), attribute, spec), options, spec)


def names() -> list[str]:
    """See `toolkit.models.available`."""
    torchvision = _import_torchvision()
    return (
        [f"{OURS}{width}" for width in CHANNELS]
        + [f"{OURS}{width}{THEIRS}" for width in WIDTHS]
        + [f"torchvision:{name}" for name in (torchvision.models.list_models() if torchvision else ())]
    )


def _ours(spec: str) -> Callable[..., nn.Module]:
    """ShuffleNet V2 of a width, ours or as torchvision has it."""
    known: dict[str, Callable[..., nn.Module]] = {
        **{f"{OURS}{width}": partial(ShuffleNetV2, width) for width in CHANNELS},
        **{f"{OURS}{width}{THEIRS}": partial(TorchvisionShuffleNetV2, width) for width in WIDTHS},
    }
    if spec not in known:
        raise ToolkitError(f"ShuffleNet V2 has no {spec!r}; there are {', '.join(known)}")
    return known[spec]


def _import_torchvision() -> ModuleType | None:
    if importlib.util.find_spec("torchvision") is None:
        return None
    return importlib.import_module("torchvision")


def _torchvision(name: str, options: Mapping[str, int]) -> nn.Module:
    torchvision = _import_torchvision()
    if torchvision is None:
        raise ToolkitError("torchvision is not installed: pip install torchvision")
    try:
        make = torchvision.models.get_model_builder(name)
    except ValueError as error:
        close = difflib.get_close_matches(name, torchvision.models.list_models(), n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise ToolkitError(f"torchvision has no model {name!r}{hint}") from error
    # its sizes are free, so an image size is a matter of the export alone
    return _call(make, {key: value for key, value in options.items() if key != "image_size"}, f"torchvision:{name}")


@contextmanager
def _import_path(source: str) -> Iterator[None]:
    """Let a factory import what stands beside it: its own folder for a file, the current one for a package."""
    folder = str(Path(source).resolve().parent) if source.endswith(".py") else os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _load(source: str) -> ModuleType:
    try:
        return _load_file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
    except ToolkitError:
        raise
    except Exception as error:  # importing runs the user's own code
        raise InvalidInput(f"can't import {source}: {type(error).__name__}: {error}") from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InvalidInput(f"there is no file {path}")
    name = f"toolkit_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None  # true for every .py file
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up there
    spec.loader.exec_module(module)
    return module


def _find(module: ModuleType, attribute: str, spec: str) -> object:
    if not hasattr(module, attribute):
        close = difflib.get_close_matches(attribute, dir(module), n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise ToolkitError(f"{spec}: there is no {attribute!r}{hint}")
    return getattr(module, attribute)


def _call(factory: object, options: Mapping[str, int], spec: str) -> nn.Module:
    if isinstance(factory, nn.Module):
        module, unused = factory, list(options)
    elif callable(factory):
        unused = [name for name in options if not _takes(factory, name)]
        module = _made(factory, {name: value for name, value in options.items() if name not in unused}, spec)
    else:
        raise ToolkitError(f"{spec} is neither a function, a class nor a module")
    # an image size is also a matter of the export, so a model may ignore it; the number of classes it may not
    if "num_classes" in unused:
        raise ToolkitError(f"{spec} has no parameter num_classes")
    return module


def _made(factory: Callable[..., object], options: Mapping[str, int], spec: str) -> nn.Module:
    try:
        module = factory(**options)
    except ToolkitError:
        raise
    except Exception as error:  # the user's own code
        raise InvalidInput(f"{spec} failed: {type(error).__name__}: {error}") from error
    if not isinstance(module, nn.Module):
        raise InvalidInput(f"what {spec} gave is of type {type(module).__name__}, not a torch.nn.Module")
    return module


def _takes(factory: Callable[..., object], name: str) -> bool:
    parameters = inspect.signature(factory).parameters.values()
    return any(p.name == name or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
