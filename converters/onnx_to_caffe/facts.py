"""What may be true of a net between two passes, and the checks that prove it.

A pass says which facts it requires, ensures and breaks. The cheap checks run after each pass of every conversion; what
the dialect says of every layer where it stands is asked by `legalise`, and again of the net that is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from converters.caffe.graph import Blob, rebuild
from converters.caffe.messages import unread
from converters.caffe.net import Net
from converters.dialects import Dialect

WIRED = "wired"
UNSHARED = "without layers in place"
PREPROCESSED = "one that takes the images asked for"
MERGED = "without layers that are alike"
TRANSPOSES_ABSORBED = "with as few transposes as weights allow"
PADS_ABSORBED = "with its zeros in the layers that read them"
FOLDED = "with its affine layers folded"
REWRITTEN = "one of layers that Caffes have"
LEGAL = "legal in the dialect"

Check = Callable[[Net, Dialect], Iterator[str]]


def _wired(net: Net, dialect: Dialect) -> Iterator[str]:
    """Names once, every bottom made before it is read; what no layer reads are the outputs, in their order."""
    made: set[str] = set()
    for item in net.layers:
        loose = [bottom for bottom in item.bottoms if bottom not in made]
        yield from (f"'{item.name}' reads '{bottom}', which nothing makes before it" for bottom in loose)
        made.update(item.tops)
    if (ends := unread(net.layers)) != net.outputs:
        yield f"its outputs are {', '.join(ends)}, not {', '.join(net.outputs)}"
    yield from (f"{times} layers are called '{name}'" for name, times in _repeated(item.name for item in net.layers))


def _unshared(net: Net, dialect: Dialect) -> Iterator[str]:
    """Every blob written once."""
    tops = (top for item in net.layers for top in item.tops)
    yield from (f"'{top}' is written {times} times" for top, times in _repeated(tops))


def _legal(net: Net, dialect: Dialect) -> Iterator[str]:
    """The dialect takes every layer where it stands."""
    named: dict[str, Blob] = {}
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        if reason := dialect.blocks(node):
            yield f"'{item.name}': {reason}"


def _repeated(names: Iterator[str]) -> list[tuple[str, int]]:
    return [(name, times) for name, times in Counter(names).items() if times > 1]


CHECKS: Mapping[str, Check] = {WIRED: _wired, UNSHARED: _unshared, LEGAL: _legal}
CHEAP = (WIRED, UNSHARED)


def verify(net: Net, dialect: Dialect, facts: Collection[str]) -> None:
    """Raise RuntimeError unless the net is all that is said of it; facts without a check are believed."""
    for fact in facts:
        for complaint in CHECKS[fact](net, dialect) if fact in CHECKS else ():
            raise RuntimeError(f"the net is not {fact}: {complaint}")
