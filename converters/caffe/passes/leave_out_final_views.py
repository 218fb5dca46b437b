"""A Flatten or Reshape that only takes trailing 1s off an output -> nothing: Caffe's losses read N x C x 1 x 1."""

from __future__ import annotations

from converters.caffe.net import Layer, Net, Shape
from converters.caffe.places import Context, Note, Place, Result
from converters.caffe.replacement import count_readers
from converters.caffe.shapes import prove
from converters.caffe.traits import of
from converters.errors import Unsupported, require


def leave_out_final_views(net: Net, context: Context) -> Result:
    """Let the blob before a last Flatten or Reshape be the output in its place."""
    shapes, readers = prove(net, {}), count_readers(net)
    makers = {top: item for item in net.layers for top in item.tops}
    left_out: dict[str, str] = {}
    notes: list[Note] = []
    for item in net.layers:
        if of(item.type).view and item.tops[0] in net.outputs:
            try:
                _demand_only_view(item, net, shapes, readers[item.bottoms[0]])
                _demand_own_layer(makers[item.bottoms[0]])
                left_out[item.tops[0]] = item.bottoms[0]
            except Unsupported as error:
                notes.append(Note(item.name, error.reason))
    last = {makers[source].name for source in left_out.values()}
    at_view = {view: makers[source] for view, source in left_out.items()}  # so that outputs stay in their order
    kept = tuple(at_view.get(item.tops[0] if item.tops else "", item) for item in net.layers if item.name not in last)
    moves = {output: Place(source, view=True) for output, source in left_out.items()}
    return Result(Net(net.name, kept, tuple(left_out.get(name, name) for name in net.outputs)), moves, tuple(notes))


def _demand_only_view(item: Layer, net: Net, shapes: dict[str, Shape], readers: int) -> None:
    source, shape = item.bottoms[0], shapes[item.tops[0]]
    require(shapes[source] == (*shape, 1, 1), f"it makes {shape} of {shapes[source]}")
    require(readers == 1 and source not in net.outputs, "its input has other readers")


def _demand_own_layer(maker: Layer) -> None:
    require(maker.type != "Input", "it is all there is between an input and an output")
    require(len(maker.tops) == 1, f"its input is one of several tops of the {maker.type} before it")
