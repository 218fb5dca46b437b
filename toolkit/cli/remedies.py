"""The library's remedies in the words of the command line: with the flag that does it."""

from __future__ import annotations

from converters.errors import Remedy

FLAGS = {
    "accumulate": "--accumulate",
    "classes": "--classes",
    "dialect": "--dialect",
    "drop_quantisation": "--drop-quantisation",
    "input_shapes": "--input-shape",
    "lr": "--lr",
    "map": "--map",
    "num_classes": "--num-classes",
    "outputs": "--output",
    "scale": "--scale",
    "size": "--size",
}


def worded(hint: str) -> str:
    """A hint, and behind it the flag of its setting, with a value where one is known."""
    if not isinstance(hint, Remedy) or hint.setting not in FLAGS:
        return hint
    return f"{hint} ({' '.join(filter(None, (FLAGS[hint.setting], hint.value)))})"
