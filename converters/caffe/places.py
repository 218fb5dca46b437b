"""Where a pass puts each blob's numbers: into which blob, in which order, or nowhere; and what passes return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converters.caffe.net import Net, Shape
from converters.errors import Problem
from converters.preprocessing import Preprocessing


@dataclass(frozen=True)
class Place:
    """Where the numbers of one blob are: in `blob`, or nowhere any more, and then `gone` says why.

    `order`: place i on axis 1 holds the channel order[i] of before; None: as before. `view`: the axes are others.
    """

    blob: str = ""
    order: tuple[int, ...] | None = None
    view: bool = False
    gone: str = ""

    def then(self, moves: Moves) -> Place:
        """This place when one more pass has moved its blob."""
        there = moves.get(self.blob) if self.blob else None
        if there is None:
            return self
        if not there.blob or (self.order is None and not self.view):
            return there
        return Place(there.blob, _one_after_another(self.order, there.order), self.view or there.view)


Moves = Mapping[str, Place]  # a blob of the net before -> where its numbers are in the net after
UNUSED = Place(gone="no layer needs it any more")


def _one_after_another(first: tuple[int, ...] | None, second: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if first is None or second is None:
        return second if first is None else first
    return tuple(first[channel] for channel in second)


@dataclass(frozen=True)
class Note:
    """Why a pass left a layer alone that it looked at."""

    layer: str
    reason: str


@dataclass(frozen=True)
class Result:
    """What a pass made: the net, what moved where, what it left alone and why, and the layers that block it.

    A blob that is not in `moves` is where it was. A blocker comes with the ONNX value that its layer helps to compute.
    """

    net: Net
    moves: Moves = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()


@dataclass(frozen=True)
class Context:
    """What a pass may ask for beside the net.

    `shapes`: ONNX's shape of each blob that lowering named after an ONNX value. `makers`: for each ONNX value, the name
    and type of the layer that lowering made for it.
    """

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    makers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
