"""What is wrong with how the layers of a file are wired, before anything is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from converters.caffe import traits
from converters.caffe.net import Layer
from converters.caffe.values import Values
from converters.errors import Problem


def wiring(layers: Sequence[Layer]) -> list[Problem]:
    """What is wrong with how layers are wired: each problem is one that makes Caffe abort, or compute by accident."""
    problems: list[Problem] = []
    made: dict[str, int] = {}
    names: set[str] = set()
    for index, layer in enumerate(layers):
        missing = [bottom for bottom in layer.bottoms if bottom not in made]
        if missing:
            later = any(missing[0] in one.tops for one in layers[index:])
            why = "only a later layer makes" if later else "no layer makes"
            problems.append(Problem(layer.type, layer.name, f"reads the blob '{missing[0]}', which {why}"))
        for place, top in enumerate(layer.tops):
            in_place = place < len(layer.bottoms) and layer.bottoms[place] == top
            if top in layer.tops[:place] or (top in made and not in_place):
                problems.append(Problem(layer.type, layer.name, f"makes the blob '{top}', which is made already"))
            elif in_place and _spoils(layer):
                problems.append(Problem(layer.type, layer.name, f"writes '{top}' in place, while it still reads it"))
            made[top] = index
        if layer.name in names and layer.blobs:
            reason = "another layer has this name, and weights go by name"
            problems.append(Problem(layer.type, layer.name, reason, "give each layer a name of its own"))
        names.add(layer.name)
    return problems or _overwritten(layers)


def _spoils(layer: Layer) -> bool:
    """Whether Caffe itself gives wrong numbers, or refuses, where the layer overwrites its bottom."""
    if layer.type == "Eltwise":
        return bool(Values("Eltwise", layer.params)["operation"] != "PROD")
    return traits.of(layer.type).never_in_place


def _overwritten(layers: Sequence[Layer]) -> list[Problem]:
    """In-place layers that change a number which a layer behind them still reads under another name, or its own."""
    root: dict[str, tuple[str, int]] = {}  # blob -> whose memory it is, and which write of that memory it saw
    writes: Counter[str] = Counter()
    problems: list[Problem] = []
    for layer in layers:
        for bottom in layer.bottoms:
            memory, seen = root[bottom]
            if seen != writes[memory]:
                reason = f"reads '{bottom}', whose memory a layer in place has changed under another name"
                problems.append(Problem(layer.type, layer.name, reason, "let that layer write a blob of its own"))
        for place, top in enumerate(layer.tops):
            if place < len(layer.bottoms) and layer.bottoms[place] == top:
                memory = root[top][0]
                writes[memory] += layer.type != "Dropout"
                root[top] = (memory, writes[memory])
            elif traits.of(layer.type).alias and layer.bottoms:
                root[top] = root[layer.bottoms[0]]
            else:
                root[top] = (f"{layer.name}/{top}", 0)
                writes[f"{layer.name}/{top}"] = 0
    return problems
