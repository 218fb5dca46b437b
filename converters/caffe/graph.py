"""Networks under construction: layers as a graph of Blobs, so that a lowering or a rewrite is plain expressions.

A Blob knows its shape by Caffe's own rules from the moment it is made. `emit` gives the graph names and order and makes
it a Net; what no output needs is left behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from converters.caffe import shapes
from converters.caffe.net import Layer, Net, Shape, Weights
from converters.caffe.places import UNUSED, Place
from converters.caffe.traits import STAND_IN
from converters.caffe.values import Values, demand_float32

_serial = count()


@dataclass(frozen=True, eq=False)
class Node:
    """A layer, perhaps without a name yet. It is made by the functions of this file, which see to its shapes.

    `origin` is the ONNX value that it helps to compute. `order` keeps the sequence in which layers were made.
    """

    type: str
    bottoms: tuple[Blob, ...]
    params: Mapping[str, Any]
    blobs: tuple[Weights, ...]
    shapes: tuple[Shape, ...]
    origin: str = ""
    name: str = ""
    order: int = field(default_factory=_serial.__next__)

    @property
    def tops(self) -> tuple[Blob, ...]:
        """What the layer makes, as blobs."""
        return tuple(Blob(self, i) for i in range(len(self.shapes)))

    @property
    def values(self) -> Values:
        """The layer's parameters by name, Caffe's defaults for what is not written."""
        return Values(self.type, self.params)


@dataclass(frozen=True)
class Blob:
    """One top of a layer."""

    node: Node
    index: int = 0

    @property
    def shape(self) -> Shape:
        """The shape by Caffe's own rules."""
        return self.node.shapes[self.index]

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)


def layer(
    kind: str, *bottoms: Blob, tops: int = 1, blobs: Sequence[Weights] = (), name: str = "", **params: Any
) -> Node:
    """Make a layer of any type; its top shapes follow from Caffe's rules, which may refuse it (Unsupported)."""
    demand_float32(kind, params)
    out = shapes.infer(kind, params, [bottom.shape for bottom in bottoms], tops)
    return Node(kind, bottoms, params, tuple(blobs), out, name=name)


def remade(
    node: Node,
    bottoms: Sequence[Blob] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    blobs: Sequence[Weights] | None = None,
    origin: str | None = None,
    name: str = "",
) -> Node:
    """Make a layer like another one: what is not given is as there, but for the name.

    Its shapes are inferred again, unless neither the parameters nor the bottoms' shapes are others than there.
    """
    below = node.bottoms if bottoms is None else tuple(bottoms)
    same = params is None and [b.shape for b in below] == [b.shape for b in node.bottoms]
    params = node.params if params is None else params
    out = node.shapes if same else shapes.infer(node.type, params, [b.shape for b in below], len(node.shapes))
    kept = node.blobs if blobs is None else tuple(blobs)
    return Node(node.type, below, params, kept, out, node.origin if origin is None else origin, name)


def with_origin(blobs: Sequence[Blob], origin: str, since: int = -1) -> tuple[Blob, ...]:
    """The same blobs, whose nodes help to compute `origin` where they don't say what for.

    Nodes up to `order` number `since` stay as they are, with all that is above them.
    """
    if not origin:
        return tuple(blobs)
    new: dict[Node, Node] = {}
    for node in ancestors(blobs, stop=lambda node: bool(node.origin) or node.order <= since):
        bottoms = tuple(Blob(new.get(bottom.node, bottom.node), bottom.index) for bottom in node.bottoms)
        new[node] = replace(node, bottoms=bottoms, origin=origin)
    return tuple(Blob(new.get(blob.node, blob.node), blob.index) for blob in blobs)


def with_name(blob: Blob, name: str) -> Blob:
    """The same blob of a layer that has this name."""
    return Blob(replace(blob.node, name=name), blob.index)


def poison(shapes: Sequence[Shape], bottoms: Sequence[Blob]) -> tuple[Blob, ...]:
    """Stand-ins for values that could not be converted; what they read stays, so that its blockers are found too."""
    return Node(STAND_IN, tuple(bottoms), {"stand_in_param": {"shapes": tuple(shapes)}}, (), tuple(shapes)).tops


def ancestors(blobs: Iterable[Blob], stop: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """Every node that the blobs need, each after those it reads; `stop` nodes and what is above them are left out."""
    done: dict[int, Node] = {}
    stack = [(blob.node, False) for blob in reversed(list(blobs))]
    while stack:
        node, ready = stack.pop()
        if id(node) in done or stop(node):
            continue
        if ready:
            done[id(node)] = node
            continue
        stack.append((node, True))
        stack.extend((bottom.node, False) for bottom in reversed(node.bottoms))
    return list(done.values())


class Names:
    """Gives out names that are unique, without regard to case (some file systems and tools fold it)."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def __call__(self, wanted: str) -> str:
        """The wanted name, with a number behind it where it is taken; case makes no difference."""
        name, tries = wanted, count(1)
        while name.lower() in self.taken:
            name = f"{wanted}_{next(tries)}"
        self.taken.add(name.lower())
        return name


@dataclass(frozen=True)
class Emitted:
    """A net made of a graph, and the name that each top has there, by its node's id and its index."""

    net: Net
    names: Mapping[tuple[int, int], str]

    def name_of(self, blob: Blob) -> str:
        """The blob's name in the net, or '' where the net does without it."""
        return self.names.get((id(blob.node), blob.index), "")

    def moves(self, named: Mapping[str, Blob]) -> dict[str, Place]:
        """Where the values of `named` went that are not under their own names. Outputs always are."""
        outputs = set(self.net.outputs)
        found = {name: self.name_of(blob) for name, blob in named.items() if name not in outputs}
        return {name: Place(at) if at else UNUSED for name, at in found.items() if at != name}


def emit(title: str, named: Mapping[str, Blob], outputs: Sequence[str], inputs: Sequence[Blob] = ()) -> Net:
    """Turn the graph behind `outputs` into a Net; see `emitted`."""
    return emitted(title, named, outputs, inputs).net


def emitted(
    title: str,
    named: Mapping[str, Blob],
    outputs: Sequence[str],
    inputs: Sequence[Blob] = (),
    unnamed: Collection[Node] = (),
) -> Emitted:
    """Turn the graph behind `outputs` into a Net, and tell what became of each blob.

    `named` holds the blobs that have a name (unique, safe); the others get one from the named blob that they serve.
    Inputs stay although nothing reads them; a top that nothing reads is silenced right behind its layer: Caffe would
    call it an output, and OpenCV fails on an input that leads nowhere. Outputs come last, the last one at the end,
    since OpenCV's plain `forward()` and many tools take the last layer for the output. Layers of `unnamed` nodes are
    named as if their nodes had no name.
    """
    named = _own_outputs(named, outputs)
    owner: dict[tuple[int, int], str] = {}
    for name, blob in [*((name, named[name]) for name in outputs), *named.items()]:
        owner.setdefault((id(blob.node), blob.index), name)
    names = Names()
    names.taken.update(name.lower() for name in named)
    needed = _in_order(ancestors([*inputs, *(named[name] for name in outputs)]), [named[o].node for o in outputs])
    base = _served(needed, owner)
    layers: list[Layer] = []
    made: dict[tuple[int, int], str] = {}
    used: set[str] = set(outputs)
    layer_names = Names()
    for node in needed:
        own = "" if node in unnamed else node.name
        stem = own or f"{base[id(node)]}/{node.type.lower()}"
        for i in range(len(node.shapes)):
            key = (id(node), i)
            made[key] = owner[key] if key in owner else names(stem if len(node.shapes) == 1 else f"{stem}_{i}")
        tops = tuple(made[id(node), i] for i in range(len(node.shapes)))
        bottoms = tuple(made[id(bottom.node), bottom.index] for bottom in node.bottoms)
        used.update(bottoms)
        carries = bool(tops) and (tops[0] in outputs or not own)  # OpenCV asks for an output by its layer's name
        name = layer_names(tops[0] if carries else own or names(stem))
        layers.append(Layer(node.type, name, bottoms, tops, node.params, node.blobs, node.origin or base[id(node)]))
    return Emitted(Net(title, tuple(_silenced(layers, used, names, layer_names)), tuple(outputs)), made)


def _silenced(layers: Sequence[Layer], used: Collection[str], names: Names, layer_names: Names) -> Iterator[Layer]:
    """The layers, each with a Silence behind it for every top that is not used."""
    for item in layers:
        yield item
        for top in item.tops:
            if top not in used:
                yield Layer("Silence", layer_names(names(f"{top}/silence")), (top,), (), origin=item.origin)


def _own_outputs(named: Mapping[str, Blob], outputs: Sequence[str]) -> dict[str, Blob]:
    """Give an output a layer of its own, where it is read, an input, one of several tops, or of several names.

    What is read is no output to Caffe. That layer is a Reshape, which costs nothing and which every importer has.
    """
    wanted = Counter(named[name] for name in outputs)
    read = {bottom for node in ancestors(wanted) for bottom in node.bottoms}
    own = dict(named)
    for name in outputs:
        blob = named[name]
        if blob in read or wanted[blob] > 1 or blob.node.type == "Input" or len(blob.node.shapes) > 1:
            (own[name],) = with_origin([same(blob)], blob.node.origin)
    return own


def same(x: Blob) -> Blob:
    """A layer that changes nothing, for a value that needs a name of its own."""
    return layer("Reshape", x, reshape_param={"shape": {"dim": [0, *x.shape[1:]] if x.rank else []}}).tops[0]


def _in_order(nodes: Sequence[Node], outputs: Sequence[Node]) -> list[Node]:
    """The order in which nodes were made, but each after what it reads, and `outputs` that none reads at the end."""
    readers: dict[Node, list[Node]] = {node: [] for node in nodes}
    waiting: dict[Node, int] = {}
    for node in nodes:
        waiting[node] = len({bottom.node for bottom in node.bottoms})
        for source in {bottom.node for bottom in node.bottoms}:
            readers[source].append(node)
    last = {node: place for place, node in enumerate(outputs, 1) if not readers[node]}

    def turn(node: Node) -> tuple[int, int, int, Node]:
        return last.get(node, 0), node.order, id(node), node

    ready = [turn(node) for node, count in waiting.items() if not count]
    heapify(ready)
    done: list[Node] = []
    while ready:
        *_, node = heappop(ready)
        done.append(node)
        for reader in readers[node]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, turn(reader))
    return done


def _served(nodes: Sequence[Node], owner: Mapping[tuple[int, int], str]) -> dict[int, str]:
    """For each node, the name of its own first named top, or of what its first reader serves."""
    base: dict[int, str] = {}
    for node in reversed(nodes):
        own = next((owner[id(node), i] for i in range(len(node.shapes)) if (id(node), i) in owner), "")
        base[id(node)] = own or base.get(id(node), "layer")
        base.update((id(bottom.node), base[id(node)]) for bottom in node.bottoms)
    return base


def build(net: Net) -> tuple[dict[str, Blob], list[Blob]]:
    """Turn a Net without in-place layers back into Blobs by name, and list its inputs."""
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        if item.type == "Input":
            inputs.extend(node.tops)
    return named, inputs


def rebuild(item: Layer, bottoms: Sequence[Blob]) -> Node:
    """One layer of a Net as a node on the given bottoms."""
    out = shapes.infer(item.type, item.params, [bottom.shape for bottom in bottoms], len(item.tops))
    return Node(item.type, tuple(bottoms), item.params, item.blobs, out, item.origin, item.name)
