"""Let layers overwrite their input where nobody else reads it: fewer blobs, less memory, the same numbers.

Caffe lets several layers share memory (Split, Flatten, Reshape, and Concat or Slice of one): a layer in place behind
such an alias would change what the alias' other readers see, so those chains are followed back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from converters.caffe.net import Layer, Net

# In place and correct in BVLC, OpenCV, ncnn and MNN alike, with one bottom and one top.
IN_PLACE = {"ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "BNLL", "Exp", "Dropout", "BatchNorm", "Scale", "Power"}
ALIASES = {"Split", "Flatten", "Reshape"}
RECURRENT = {"LSTM", "RNN"}  # of one time step, the sequence and its last state are the same memory


def in_place(
    net: Net, *, on_inputs: bool = False, kinds: frozenset[str] = frozenset(IN_PLACE)
) -> tuple[Net, dict[str, str]]:
    """Return the net with in-place layers, and for every blob the name that holds its value at the end.

    A blob that is overwritten by a later layer is not in the map. Outputs keep a blob of their own.
    """
    readers: dict[str, int] = {}
    for item in net.layers:
        for bottom in item.bottoms:
            readers[bottom] = readers.get(bottom, 0) + 1
    producer = {top: item for item in net.layers for top in item.tops}
    moved: dict[str, str] = {}
    holds: dict[str, str] = {}
    out: list[Layer] = []
    for item in net.layers:
        bottoms = tuple(moved.get(bottom, bottom) for bottom in item.bottoms)
        tops = item.tops
        if item.type in kinds and len(item.bottoms) == len(tops) == 1 and tops[0] not in net.outputs:
            source = item.bottoms[0]
            if _private(source, readers, producer, net.outputs, on_inputs):
                moved[tops[0]] = bottoms[0]
                holds.pop(source, None)
                tops = bottoms
        holds.update((top, moved.get(top, top)) for top in item.tops)
        out.append(replace(item, bottoms=bottoms, tops=tops))
    return replace(net, layers=tuple(out)), holds


def _private(
    blob: str, readers: Mapping[str, int], producer: Mapping[str, Layer], outputs: Collection[str], on_inputs: bool
) -> bool:
    """Whether a blob's memory is read through this blob alone, and once; an output is read by whoever runs the net."""
    while True:
        made = producer[blob]
        if readers.get(blob, 0) != 1 or blob in outputs:
            return False
        if made.type == "Input":
            return on_inputs
        if made.type in RECURRENT and len(made.tops) > 1:
            return False
        aliases = made.type in ALIASES or (
            made.type in ("Concat", "Slice") and len(made.bottoms) == len(made.tops) == 1
        )
        if not aliases:
            return True
        if len(made.tops) > 1:
            return False
        blob = made.bottoms[0]
