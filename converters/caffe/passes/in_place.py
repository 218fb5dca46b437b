"""Let layers overwrite their input where nobody else reads it: fewer blobs, less memory, the same numbers.

Caffe lets several layers share memory (Split, Flatten, Reshape, and Concat or Slice of one): a layer in place behind
such an alias would change what the alias' other readers see, so those chains are followed back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from converters.caffe.net import Layer, Net
from converters.caffe.places import Context, Note, Place, Result
from converters.caffe.replacement import count_readers
from converters.caffe.traits import of
from converters.errors import Unsupported, require


def in_place(net: Net, context: Context) -> Result:
    """Let layers overwrite their input; outputs keep a blob of their own, and inputs are left to the caller."""
    return _in_place(net, ("always", "inference"), on_inputs=False)


def in_place_for_training(net: Net, context: Context) -> Result:
    """Let normalisations and activations overwrite their input, as the networks that Caffe trains do."""
    return _in_place(net, ("always",), on_inputs=True)


def _in_place(net: Net, when: Collection[str], *, on_inputs: bool) -> Result:
    readers = count_readers(net)
    producer = {top: item for item in net.layers for top in item.tops}
    moved: dict[str, str] = {}
    moves: dict[str, Place] = {}
    notes: list[Note] = []
    out: list[Layer] = []
    for item in net.layers:
        bottoms = tuple(moved.get(bottom, bottom) for bottom in item.bottoms)
        tops = item.tops
        if of(item.type).in_place in when and len(item.bottoms) == len(tops) == 1:
            try:
                require(tops[0] not in net.outputs, "what it gives is an output")
                overwritten = _memory(item.bottoms[0], readers, producer, net.outputs, on_inputs)
                moves.update(dict.fromkeys(overwritten, Place(gone=f"layer '{item.name}' overwrites it")))
                moved[tops[0]] = bottoms[0]
                moves[tops[0]] = Place(bottoms[0])
                tops = bottoms
            except Unsupported as error:
                notes.append(Note(item.name, error.reason))
        out.append(replace(item, bottoms=bottoms, tops=tops))
    return Result(replace(net, layers=tuple(out)), moves, tuple(notes))


def _memory(
    blob: str, readers: Mapping[str, int], producer: Mapping[str, Layer], outputs: Collection[str], on_inputs: bool
) -> tuple[str, ...]:
    """The blobs that share a blob's memory; Unsupported where others read one, or whoever runs the net does."""
    found: list[str] = []
    while True:
        found.append(blob)
        made = producer[blob]
        require(readers.get(blob, 0) == 1 and blob not in outputs, "its input has other readers")
        if made.type == "Input":
            require(on_inputs, "its input is an input of the network")
            return tuple(found)
        row, several = of(made.type), len(made.tops) > 1
        shared = several and (row.alias or row.shared_tops)  # of one time step, a sequence is its last state's memory
        require(not shared, f"its input shares memory with another top of the {made.type} before it")
        if not row.alias and not _is_copy(made):
            return tuple(found)
        blob = made.bottoms[0]


def _is_copy(item: Layer) -> bool:
    """Whether a Concat or Slice has one blob on either side: it shares memory then."""
    row = of(item.type)
    return row.routes and row.along_axis and len(item.bottoms) == len(item.tops) == 1
