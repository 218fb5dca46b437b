"""Let layers overwrite their input where nobody else reads it: fewer blobs, less memory, the same numbers.

Caffe lets several layers share memory (Split, Flatten, Reshape, and Concat or Slice of one): a layer in place behind
such an alias would change what the alias' other readers see, so those chains are followed back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from converters.caffe.net import Layer, Net
from converters.caffe.traits import of


def in_place(net: Net, *, training: bool = False) -> tuple[Net, dict[str, str]]:
    """Return the net with in-place layers, and for every blob the name that holds its value at the end.

    A blob that is overwritten by a later layer is not in the map. Outputs keep a blob of their own; so do inputs,
    unless the net is for training.
    """
    readers: dict[str, int] = {}
    for item in net.layers:
        for bottom in item.bottoms:
            readers[bottom] = readers.get(bottom, 0) + 1
    producer = {top: item for item in net.layers for top in item.tops}
    moved: dict[str, str] = {}
    holds: dict[str, str] = {}
    out: list[Layer] = []
    when = ("always",) if training else ("always", "inference")
    for item in net.layers:
        bottoms = tuple(moved.get(bottom, bottom) for bottom in item.bottoms)
        tops = item.tops
        if of(item.type).in_place in when and len(item.bottoms) == len(tops) == 1 and tops[0] not in net.outputs:
            source = item.bottoms[0]
            if _private(source, readers, producer, net.outputs, training):
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
        row = of(made.type)
        if row.shared_tops and len(made.tops) > 1:
            return False  # of one time step, the sequence and its last state are the same memory
        if not row.alias and not (row.routes and row.along_axis and len(made.bottoms) == len(made.tops) == 1):
            return True
        if len(made.tops) > 1:
            return False
        blob = made.bottoms[0]
