"""Net -> Net in a dialect: rewrite each layer that the dialect lacks into layers that it has, or name every blocker.

A rewrite takes the layer as a node and returns blobs that equal its tops; what it builds is legalised in turn, so
rewrites compose. The first rewrite whose whole result is legal wins.
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.graph import Blob, Node, ancestors, build, emitted, layer, rebuild, remade
from converters.caffe.net import Net
from converters.caffe.places import Result
from converters.dialects.base import Dialect
from converters.dialects.known import DIALECTS
from converters.dialects.order import REWRITES
from converters.dialects.rewrites.slices import reading
from converters.errors import CUT, Problem, Remedy, Unsupported

MAX_DEPTH = 12


def legalise(net: Net, dialect: Dialect, *, last: bool = False) -> Result:
    """Rewrite a net until the dialect accepts each layer; a layer that it can't take stays, with a Problem.

    The `last` time, what the dialect avoids becomes another layer that it takes, where there is one.
    """
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    problems: list[tuple[str, Problem]] = []
    changed = False
    read = {*net.outputs, *(bottom for item in net.layers if item.type != "Silence" for bottom in item.bottoms)}
    for item in net.layers:
        if item.type == "Silence":
            continue  # emission silences again what is then unread
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        try:
            tops = _legal(node, dialect, 0, [top in read for top in item.tops])
            if last and tops == node.tops and dialect.avoids(node):
                tops = _instead(node, dialect)
        except Unsupported as error:
            problems.append((item.origin, Problem(item.type, item.name, error.reason, _remedy(node, dialect))))
            tops = node.tops
        changed |= tops != node.tops
        named.update(zip(item.tops, tops, strict=True))
        if item.type == "Input":
            inputs.extend(tops)
    if not changed and not any(item.type == "Silence" for item in net.layers):
        return Result(net, problems=tuple(problems))
    if not problems and "Silence" not in dialect.layers and net.outputs:  # constant outputs are told elsewhere
        _read_inputs(named, inputs, net.outputs, dialect)
    new = emitted(net.name, named, net.outputs, inputs)
    unread = [item for item in new.net.layers if item.type == "Silence"] if not problems else []
    made = build(new.net)[0] if unread else {}
    for item in (one for one in unread if not _silences(dialect, made[one.bottoms[0]])):
        reason = f"{dialect.name} has no Silence layer, and nothing reads '{item.bottoms[0]}'"
        silence = layer("Silence", made[item.bottoms[0]], tops=0)
        problems.append((item.origin, Problem(item.type, item.name, reason, _remedy(silence, dialect))))
    return Result(new.net, new.moves(named), problems=tuple(problems))


def _read_inputs(named: dict[str, Blob], inputs: Sequence[Blob], outputs: Sequence[str], dialect: Dialect) -> None:
    """Have the last output read the inputs that nothing reads, if the dialect has a way: they only lend it their place.

    Without it they would be outputs, in Caffe, and OpenCV would not run.
    """
    nodes = ancestors([*inputs, *(named[name] for name in outputs)])
    read = {*(bottom for node in nodes for bottom in node.bottoms), *(named[name] for name in outputs)}
    for x in (blob for blob in inputs if blob not in read):
        y = named[outputs[-1]]
        since = max(node.order for node in nodes)
        try:
            named[outputs[-1]] = _legal_graph([reading(y, x)], since, y.node.origin, dialect, 0, [True])[0]
        except Unsupported:
            continue  # it stays silenced, which is refused by name


def _silences(dialect: Dialect, blob: Blob) -> bool:
    """Whether the dialect takes a Silence for this blob."""
    return not dialect.blocks(layer("Silence", blob, tops=0))


def _legal(node: Node, dialect: Dialect, depth: int, read: Sequence[bool] = ()) -> tuple[Blob, ...]:
    """The node's tops, computed by layers of the dialect alone; its bottoms are legal already.

    `read`: which tops are read, without it all. The others are silenced, so that a dialect without Silence can't have
    the layer; what a rewrite makes of them is left behind.
    """
    reason = dialect.blocks(node)
    if not reason and not all(read) and len(node.shapes) > 1 and not _silences(dialect, node.tops[0]):
        reason = f"{dialect.name} has no Silence layer for what {node.type} leaves over"
    if not reason:
        return node.tops
    tried = []
    for rewriter in REWRITES.get(node.type, ()) if depth < MAX_DEPTH else ():
        if rewriter.__name__ in dialect.forbidden:
            continue
        try:
            made = rewriter(node)
            made = made if isinstance(made, tuple) else (made,)
            return _legal_graph(made, node.order, node.origin, dialect, depth + 1, read or [True] * len(made))
        except Unsupported as error:
            tried.extend([f"{rewriter.__name__}: {error.reason}"] if error.reason else [])
    raise Unsupported(reason + "".join(f"; {attempt}" for attempt in tried))


def _instead(node: Node, dialect: Dialect) -> tuple[Blob, ...]:
    """The tops of a layer that the dialect takes but avoids: by layers that need no rewrite, else as they are."""
    for rewriter in REWRITES.get(node.type, ()):
        if rewriter.__name__ in dialect.forbidden:
            continue
        try:
            made = rewriter(node)
            made = made if isinstance(made, tuple) else (made,)
            return _legal_graph(made, node.order, node.origin, dialect, MAX_DEPTH, [True] * len(made))
        except Unsupported:
            continue
    return node.tops


def _legal_graph(
    made: Sequence[Blob], since: int, origin: str, dialect: Dialect, depth: int, read: Sequence[bool]
) -> tuple[Blob, ...]:
    """Legalise what a rewrite built, as far as it is read; nodes up to `order` number `since` are legal already."""
    new: dict[int, tuple[Blob, ...]] = {}

    def current(blob: Blob) -> Blob:
        return new[id(blob.node)][blob.index] if id(blob.node) in new else blob

    wanted = [blob for blob, needed in zip(made, read, strict=True) if needed]
    nodes = ancestors(wanted, stop=lambda node: node.order <= since)
    used = {(id(blob.node), blob.index) for blob in (*wanted, *(bottom for node in nodes for bottom in node.bottoms))}
    for node in nodes:
        bottoms = tuple(current(bottom) for bottom in node.bottoms)
        moved = remade(node, bottoms, origin=origin, name=node.name)
        new[id(node)] = _legal(moved, dialect, depth, [(id(node), index) in used for index in range(len(node.shapes))])
    return tuple(current(blob) for blob in made)


def _remedy(node: Node, dialect: Dialect) -> str:
    """Which other dialects can take the layer."""
    able = []
    for other in DIALECTS.values():
        if other.name == dialect.name:
            continue
        try:
            _legal(node, other, 0)
        except Unsupported:
            continue
        able.append(other.name)
    return Remedy(f"try the dialect {' or '.join(able)}", "dialect") if able else CUT
