"""What a user writes for networks -> contestants: parity's targets, and checkpoints of `toolkit train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.errors import ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.evaluate.evaluate import Contestant
from toolkit.parity.parity import Subject
from toolkit.parity.run import Run
from toolkit.parity.targets import only, parse
from toolkit.parity.translation import of_map, translated
from toolkit.runners.base import Load, Runtime, Target

CHECKPOINTS = (".pth", ".pt")


@dataclass(frozen=True)
class Field:
    """The contestants, who can't run here and why, and the classes of the first checkpoint among them, if there is one.

    `load`: for it, converted Caffe nets are fed and answer as the model that they were made of.
    """

    contestants: tuple[Contestant, ...]
    missing: tuple[str, ...]
    classes: tuple[str, ...]
    load: Load


def field(
    texts: Sequence[str], wanted: Preprocessing, output: str, runtimes: Mapping[str, Runtime], load: Load
) -> Field:
    """Read the targets.

    `wanted` is done to RGB in [0, 1] for all of them; where it is nothing, what the network of the first checkpoint was
    trained with. `output` names the scores of networks with several outputs.
    """
    subjects: list[Subject] = []
    classes: tuple[str, ...] = ()
    for text in texts:
        if text.endswith(CHECKPOINTS) and Path(text).is_file():
            subject, names, trained = _checkpoint(Path(text))
            subjects.append(subject)
            if not classes:
                classes, wanted = names, wanted or trained
        else:
            subjects += parse(text, runtimes)
    maps = {one.model: known for one in subjects if one.is_caffe and (known := one.conversion_map())}
    if output:
        subjects = [only(one, (output,), maps) for one in subjects]
    found, missing = [], []
    for one in subjects:
        if isinstance(one.target, Run):
            raise ToolkitError(f"the saved run of {one.model} has answers to its own inputs alone")
        if one.optional:
            missing.append(f"{one.model} in {one.runtime}: {runtimes[one.runtime].missing()}")
        else:
            found.append(Contestant(one.runtime, one.target, wanted))
    speaking = translated(load, {model: of_map(known) for model, known in maps.items()})
    return Field(tuple(found), tuple(missing), classes, speaking)


def _checkpoint(path: Path) -> tuple[Subject, tuple[str, ...], Preprocessing]:
    """A checkpoint's network, the names of its classes, and what it was fed."""
    from toolkit.train import state  # imports torch

    stored = state.read(path)
    recipe = stored["recipe"]
    fed = Preprocessing(mean=tuple(recipe["mean"]), std=tuple(recipe["std"]))
    target = Target(recipe["model"], path, options={"image_size": str(recipe["size"])})
    return Subject("torch", target), tuple(stored["classes"]), fed
