"""Fold per-channel affine layers (BatchNorm, Scale, Bias, linear Power) into the layers before or after them.

By data flow alone, and only where nobody else reads the value between. What can't be folded is merged with its like: a
chain of such layers becomes one, and one that changes nothing goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from converters.caffe import layers
from converters.caffe.affine import Affine, affine, into_consumer, into_producer, rounds
from converters.caffe.graph import Blob, Emitted, Node, emitted, rebuild, remade, with_name, with_origin
from converters.caffe.net import Lazy, Net
from converters.caffe.places import Context, Note, Result
from converters.caffe.replacement import count_readers
from converters.caffe.traits import of
from converters.errors import Unsupported, require

FOLDED = "/folded"


def fold(net: Net, context: Context) -> Result:
    """Fold every affine layer that can be."""
    return _folded(net, None)


def fold_rewrites(net: Net, context: Context) -> Result:
    """Fold what rewrites brought in. Names that stand for no ONNX value may be given anew."""
    return _folded(net, context.shapes)


def _folded(net: Net, public: Collection[str] | None) -> Result:
    return _Folding(net, public).result() if any(of(item.type).affine for item in net.layers) else Result(net)


class _Folding:
    """A network in the making: its blobs by name, who reads how much, and affine layers that may still be folded."""

    def __init__(self, net: Net, public: Collection[str] | None) -> None:
        self.net, self.public = net, public
        self.readers = count_readers(net)
        self.named: dict[str, Blob] = {}
        self.shared: set[Blob] = set()  # blobs that more than one layer reads
        self.pending: dict[Blob, tuple[Affine, Blob]] = {}  # an affine layer's top -> its map and its input
        self.reasons: dict[Blob, list[str]] = {}  # an affine layer's top -> why it could not be folded

    def result(self) -> Result:
        """Fold layer by layer."""
        inputs: list[Blob] = []
        for item in self.net.layers:
            node = rebuild(item, [self.named[bottom] for bottom in item.bottoms])
            made = self._folded(node)
            self.named.update(zip(item.tops, made, strict=True))
            self.shared.update(blob for top, blob in zip(item.tops, made, strict=True) if self.readers.get(top, 0) != 1)
            if item.type == "Input":
                inputs.extend(made)
        named, public = self._names()
        new = emitted(self.net.name, named, self.net.outputs, inputs, public)
        return Result(new.net, new.moves(self.named), tuple(self._notes(new)))

    def _notes(self, new: Emitted) -> Iterator[Note]:
        """Why the affine layers that are left are."""
        for blob, reasons in self.reasons.items():
            if (name := new.name_of(blob)) and not of(blob.node.type).view:
                yield Note(name, "; ".join(dict.fromkeys(reasons)))

    def _names(self) -> tuple[dict[str, Blob], set[Node]]:
        """Which blob keeps which name: one that a layer was folded into has a name of its own, unless it is public.

        The second result is the layers of those that are.
        """
        if self.public is None:
            return self.named, set()
        keep = {*self.public, *self.net.outputs, *self.net.inputs}
        anew = {name for name, blob in self.named.items() if blob.node.name.endswith(FOLDED)}
        public = {self.named[name].node for name in anew & keep}
        named = {name: blob for name, blob in self.named.items() if name not in anew - keep or blob.node in public}
        return named, public

    def _folded(self, node: Node) -> tuple[Blob, ...]:
        change = affine(node)
        if change is not None and change.uniform and rounds(*change.uniform):
            self.reasons[node.tops[0]] = ["its shift is so large that rounding is part of the result"]
            return node.tops
        if change is not None:
            return (self._placed(node, change),)
        if len(node.bottoms) != 1 or node.bottoms[0] not in self.pending:
            return node.tops
        if node.bottoms[0] in self.shared:
            self.reasons[node.bottoms[0]].append("what it gives has other readers")
            return node.tops
        before, source = self.pending[node.bottoms[0]]
        if of(node.type).view and _keeps_channels(node):
            view = remade(node, (source,)).tops[0]
            self.pending[node.tops[0]] = (before.stretched(node.shapes[0][1]), view)
            self.reasons[node.tops[0]] = self.reasons[node.bottoms[0]]
            return node.tops
        try:
            return (into_consumer(node, before, source),)
        except Unsupported as error:
            self.reasons[node.bottoms[0]].append(error.reason)
            return node.tops

    def _wait(self, blob: Blob, change: Affine, source: Blob, *reasons: str) -> None:
        """Let an affine layer that nothing before it takes wait for what reads it."""
        self.pending[blob] = (change, source)
        self.reasons[blob] = [reason for reason in reasons if reason]

    def _placed(self, node: Node, change: Affine) -> Blob:
        """Fold an affine layer into what makes its input, else merge it with one there, else keep it."""
        source = node.bottoms[0]
        if change.uniform == (1, 0):
            return source
        reasons = []
        for way in (self._onto, self._through_relu):
            try:
                return way(node, source, change)
            except Unsupported as error:
                reasons.append(error.reason)
        self._wait(node.tops[0], change, source, *reasons)
        return node.tops[0]

    def _onto(self, node: Node, source: Blob, change: Affine) -> Blob:
        """The map inside the layer that makes its input, or in one layer with an affine one there."""
        require(source not in self.shared, f"the {source.node.type} before it has other readers")
        if source not in self.pending:
            folded = into_producer(source.node, change)
            return with_name(folded, f"{source.node.name}{FOLDED}") if self.public is not None else folded
        before, start = self.pending[source]
        both = change.after(before)
        if both.uniform == (1, 0):
            return start
        (blob,) = with_origin([_layer(start, both)], node.origin, since=node.order)
        self._wait(blob, both, start, *self.reasons[source])
        return blob

    def _through_relu(self, node: Node, source: Blob, change: Affine) -> Blob:
        """A positive factor may as well be applied before a ReLU, where it finds more to be folded into."""
        require(source.node.type == "ReLU" and source not in self.shared, "")
        factor = change.uniform and change.uniform[0] > 0 and not change.moves
        require(factor, "only one positive factor for all channels goes before a ReLU")
        inner = self._onto(source.node, source.node.bottoms[0], change)
        return remade(source.node, (inner,), origin=node.origin).tops[0]


def _layer(x: Blob, change: Affine) -> Blob:
    if change.uniform:
        return layers.power(x, scale=change.uniform[0], shift=change.uniform[1])
    c = (change.channels,)
    return layers.scale(x, Lazy(c, change.factor), Lazy(c, change.shift) if change.moves else None)


def _keeps_channels(node: Node) -> bool:
    """(N, C, ...) to (N, more): what was one channel is several now, one behind the other."""
    before, after = node.bottoms[0].shape, node.shapes[0]
    return len(after) == 2 and before[0] == after[0]
