"""Eliminate channel shuffles: follow each channel from the layer that makes it to the layers that read it.

A shuffle, and the Slices and Concats around it, only move channels, and where each goes is known at conversion time.
Every producer lays its output channels out by reader, so that each reader takes one contiguous slice of it; the
readers' weights absorb the order in which the slices then stand side by side. Channels that pass a unit untouched are
not copied there.

What can't absorb an order (an output of the network, a Reshape) keeps the original one; a reader for which the channels
would fall into too many pieces keeps its shuffle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from converters.caffe import layers
from converters.caffe.channel_orders import ChannelOrders, Tied
from converters.caffe.channels import (
    Order,
    group_of,
    is_convolution,
    is_depthwise,
    mixes,
    reordered,
    routes,
    ties,
)
from converters.caffe.graph import Blob, Node, build, emitted, with_origin
from converters.caffe.net import Net
from converters.caffe.places import UNUSED, Context, Note, Place, Result
from converters.caffe.traits import of

Source = tuple[Blob, int]


def eliminate_shuffles(net: Net, context: Context) -> Result:
    """Take out the shuffles that can go; what lies between them may then have its channels in another order."""
    if not any(of(item.type).routes for item in net.layers):
        return Result(net)
    named, inputs = build(net)
    nodes = _nodes(named.values(), net)
    names = {blob: name for name, blob in named.items()}
    kept: dict[Blob, str] = {}
    while True:
        plan = _Plan(nodes, [named[name] for name in net.outputs], kept)
        refused = plan.too_many_pieces()
        if not refused:
            break
        kept |= refused
    notes = tuple(Note(names[blob], reason) for blob, reason in kept.items())
    if not plan.gathers:
        return Result(net, notes=notes)
    moved = plan.rebuild()
    present = {name: moved[blob] for name, blob in named.items() if blob in moved}
    new = emitted(net.name, present, net.outputs, [moved[blob] for blob in inputs])
    orders = {name: order for name in present if (order := plan.orders.order_of(named[name])) is not None}
    moves = {**{name: UNUSED for name in named if name not in present}, **new.moves(present)}
    for name, order in orders.items():
        place = moves.get(name, Place(name))
        moves[name] = replace(place, order=order) if place.blob else place
    return Result(new.net, moves, notes)


def _nodes(blobs: Iterable[Blob], net: Net) -> list[Node]:
    found = dict.fromkeys(blob.node for blob in blobs)
    return list(found)


class _Plan:
    """Where every channel comes from, in which order each blob is laid out, and which pieces each reader takes."""

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[Blob], kept: Collection[Blob]) -> None:
        self.nodes, self.outputs = nodes, outputs
        self.routing = self._regions(kept)
        self.gathers = self._gathers()
        self.sources = {blob: self._trace(blob) for blob in self.gathers}
        self.orders = ChannelOrders()
        if self.gathers:
            self._tie_all()
            self._choose_orders()

    def _regions(self, kept: Collection[Blob]) -> set[Node]:
        """The routing layers of every connected region that permutes channels and none of whose values is kept."""
        parent: dict[Node, Node] = {node: node for node in self.nodes if routes(node)}

        def root(node: Node) -> Node:
            while parent[node] is not node:
                node = parent[node]
            return node

        for node in parent:
            for bottom in node.bottoms:
                if bottom.node in parent:
                    parent[root(node)] = root(bottom.node)
        self.routing = set(parent)
        shuffled = {root(gather.node) for gather in self._gathers() if self._permutes(gather)}
        shuffled -= {root(blob.node) for blob in kept}
        return {node for node in parent if root(node) in shuffled}

    def _permutes(self, gather: Blob) -> bool:
        """Whether channels of one maker come out of order or apart, and not only side by side with others'."""
        sources = self._trace(gather)
        breaks = sum(a[0] != b[0] or a[1] + 1 != b[1] for a, b in pairwise(sources))
        return breaks >= len({blob for blob, _ in sources})

    def _gathers(self) -> list[Blob]:
        """Routed blobs that a layer outside of the routing, or the caller, reads."""
        readers = [b for node in self.nodes if node not in self.routing for b in node.bottoms]
        return [b for b in dict.fromkeys([*readers, *self.outputs]) if b.node in self.routing]

    def _trace(self, blob: Blob) -> list[Source]:
        """The maker of every channel of a routed blob, and its number there."""
        done: dict[Blob, list[Source]] = {}
        stack = [blob]
        while stack:
            at = stack[-1]
            if at.node not in self.routing:
                done[at] = [(at, c) for c in range(at.shape[1])]
            elif missing := [b for b in at.node.bottoms if b not in done]:
                stack += missing
                continue
            else:
                done[at] = _routed(at, [done[b] for b in at.node.bottoms])
            stack.pop()
        return done[blob]

    def _tie_all(self) -> None:
        for gather in self.gathers:
            for blob in (gather, *dict.fromkeys(blob for blob, _ in self.sources[gather])):
                self.orders.root(blob)
        for blob in self.outputs:
            self.orders.of(blob).fixed = True
        for node in self.nodes:
            if node in self.routing:
                continue
            if ties(node):
                for bottom in node.bottoms:
                    self.orders.tie(bottom, node.tops[0])
            elif is_convolution(node) and not is_depthwise(node) and group_of(node) > 1:
                for blob in (node.bottoms[0], node.tops[0]):
                    self.orders.of(blob).blocks.append(group_of(node))
            elif not mixes(node):
                for blob in (*node.bottoms, *node.tops):
                    self.orders.of(blob).fixed = True
            elif node.type == "InnerProduct" and len(node.shapes[0]) != 2:
                self.orders.of(node.tops[0]).fixed = True

    def _choose_orders(self) -> None:
        """Classes in the order of what their gathers depend on; a class that depends on itself keeps its order."""
        readers: dict[Source, list[int]] = {}
        for number, gather in enumerate(self.gathers):
            for blob, channel in dict.fromkeys(self.sources[gather]):
                readers.setdefault((blob, channel), []).append(number)
        visiting: set[Blob] = set()

        def settle(root: Blob) -> None:
            if root in self.orders.order:
                return
            group = self.orders.classes[root]
            if root in visiting:
                group.fixed = True
                return
            visiting.add(root)
            roots = [member for member in group.members if member.node in self.routing]
            for gather in roots:
                for blob in dict.fromkeys(blob for blob, _ in self.sources[gather]):
                    settle(self.orders.root(blob))
            if root not in self.orders.order:
                self.orders.order[root] = None if group.fixed else self._sorted(group, roots, readers)

        for root in list(self.orders.classes):
            settle(root)

    def _sorted(self, group: Tied, roots: Sequence[Blob], readers: dict[Source, list[int]]) -> Order | None:
        count = group.members[0].shape[1]

        def key(channel: int) -> tuple[object, ...]:
            blocks = tuple(channel * groups // count for groups in group.blocks)
            signature = sorted({n for member in group.members for n in readers.get((member, channel), ())})
            origin = self._place(self.sources[roots[0]][channel]) if roots else (0, 0)
            return (blocks, signature, origin, channel)

        order = tuple(sorted(range(count), key=key))
        for groups in group.blocks:  # sorting by the first blocks must have kept the others whole and in order
            if [c * groups // count for c in order] != sorted(c * groups // count for c in range(count)):
                return None
        return None if order == tuple(range(count)) else order

    def _place(self, source: Source) -> tuple[int, int]:
        """The maker's number, and where its layout puts the channel."""
        blob, channel = source
        order = self.orders.order_of(blob)
        return blob.node.order, channel if order is None else order.index(channel)

    def pieces(self, gather: Blob) -> list[tuple[Blob, int, int]]:
        """What to lay side by side: (maker, start, stop) in the makers' layouts."""
        order = self.orders.order_of(gather) or range(gather.shape[1])
        inverse: dict[Blob, dict[int, int]] = {}
        runs: list[tuple[Blob, int, int]] = []
        for blob, channel in (self.sources[gather][c] for c in order):
            if blob not in inverse:
                layout = self.orders.order_of(blob) or range(blob.shape[1])
                inverse[blob] = {c: place for place, c in enumerate(layout)}
            place = inverse[blob][channel]
            if runs and runs[-1][0] == blob and runs[-1][2] == place:
                runs[-1] = (blob, runs[-1][1], place + 1)
            else:
                runs.append((blob, place, place + 1))
        return runs

    def too_many_pieces(self) -> dict[Blob, str]:
        """Gathers that would copy in pieces so small that the shuffle is cheaper, each with the reason."""
        found = {}
        for gather in self.gathers:
            makers = len({blob for blob, _ in self.sources[gather]})
            widest = max((g for g in self.orders.of(gather).blocks), default=1)
            pieces, most = len(self.pieces(gather)), max(4 * makers, makers * widest * 2, 8)
            if pieces > most:
                found[gather] = f"its channels would come in {pieces} pieces, more than {most}: it stays a layer"
        return found

    def rebuild(self) -> dict[Blob, Blob]:
        """Make the network anew; returns the new blob of every old one that is still there."""
        takes = {gather: self.pieces(gather) for gather in self.gathers}
        cuts: dict[Blob, set[int]] = {}
        for runs in takes.values():
            for blob, start, stop in runs:
                cuts.setdefault(blob, set()).update({start, stop} - {0, blob.shape[1]})
        moved: dict[Blob, Blob] = {}
        parts: dict[Blob, dict[int, Blob]] = {}

        def taken(origin: str, blob: Blob, start: int, stop: int) -> list[Blob]:
            if blob not in parts:
                points = sorted(cuts[blob])
                made = layers.slices(moved[blob], 1, points)
                made = with_origin(made, origin, since=moved[blob].node.order)
                parts[blob] = dict(zip([0, *points], made, strict=True))
            return [piece for at, piece in sorted(parts[blob].items()) if start <= at < stop]

        def read(blob: Blob) -> Blob:
            if blob not in moved:
                pieces = [piece for run in takes[blob] for piece in taken(blob.node.origin, *run)]
                newest = max(piece.node.order for piece in pieces)
                (moved[blob],) = with_origin([layers.concat(1, *pieces)], blob.node.origin, since=newest)
            return moved[blob]

        for node in self.nodes:
            if node in self.routing:
                continue
            bottoms = tuple(read(bottom) for bottom in node.bottoms)
            inside = self.orders.order_of(node.bottoms[0]) if node.bottoms else None
            outside = self.orders.order_of(node.tops[0]) if len(node.shapes) == 1 else None
            changed = reordered(node, bottoms, inside, outside)
            moved.update(zip(node.tops, changed.tops, strict=True))
        for blob in self.outputs:
            read(blob)
        return moved


def _routed(blob: Blob, bottoms: Sequence[list[Source]]) -> list[Source]:
    """The sources of one top of a routing layer, from those of its bottoms."""
    node = blob.node
    if node.type == "Concat":
        return [source for bottom in bottoms for source in bottom]
    if node.type == "ShuffleChannel":
        group = node.values["group"]
        width = len(bottoms[0]) // group
        return [bottoms[0][g * width + c] for c in range(width) for g in range(group)]
    start = sum(shape[1] for shape in node.shapes[: blob.index])
    return bottoms[0][start : start + blob.shape[1]]
