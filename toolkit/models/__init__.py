"""Models by name: ours, torchvision's, and the user's own factories.

torch is imported when a model is created, so that this package can be asked about on a machine without it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from converters.errors import ToolkitError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["available", "create"]


def create(
    spec: str,
    *,
    weights: str | Path | None = None,
    num_classes: int | None = None,
    image_size: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """Build the model that `spec` names, in eval mode.

    Args:
        spec: `shufflenet_v2_x0.5`, `shufflenet_v2_x0.5-torchvision` (for torchvision's checkpoints),
            `torchvision:resnet18`, `package.module:factory` or `file.py:factory`; a factory is a function or class that
            returns a module, or a module itself. `file.py` is run: it is the user's own code.
        weights: a checkpoint (.pth or .safetensors) that must fit key by key.
        num_classes: where not given, the checkpoint's, read from the shape of its classifier, or else the model's own
            default (ShuffleNet V2: 1000).
        image_size: height and width in pixels; where not given, what `toolkit train` wrote into the checkpoint, or
            else the model's own default (ShuffleNet V2: 224).
        seed: of the random weights, where no checkpoint replaces them.
    """
    _require_torch()
    from toolkit.models import checkpoint
    from toolkit.models.build import build

    if weights is not None and image_size is None:
        image_size = checkpoint.trained_size(weights)
    options = {"num_classes": num_classes, "image_size": image_size}
    given = {name: value for name, value in options.items() if value is not None}
    module = build(spec, given, seed)
    if weights is not None:
        classes = None if num_classes else checkpoint.classes_in(weights, module)
        if classes:
            module = build(spec, {**given, "num_classes": classes}, seed)
        checkpoint.load_into(module, weights, name=spec)
    return module.eval()


def available() -> list[str]:
    """Every name that `create` takes without a factory: ShuffleNet V2's widths, torchvision's where it is installed."""
    _require_torch()
    from toolkit.models.build import names

    return names()


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise ToolkitError("torch is not installed: pip install 'caffe-bridge-toolkit[torch]'")
