"""In-place layers -> one blob a write, so that a name means one value.

The last write of a blob keeps its name, as that is what can be read when the net has run; those before it become
`name@1`, `name@2`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from converters.caffe.net import Layer, Net


def unshare(net: Net) -> Net:
    """The same net with every write under a name of its own. Every layer must read what one before it makes."""
    total = Counter(top for layer in net.layers for top in layer.tops)
    done: Counter[str] = Counter()

    def version(blob: str) -> str:
        return blob if done[blob] == total[blob] else f"{blob}@{done[blob]}"

    layers: list[Layer] = []
    for layer in net.layers:
        bottoms = tuple(map(version, layer.bottoms))
        done.update(layer.tops)
        layers.append(replace(layer, bottoms=bottoms, tops=tuple(map(version, layer.tops))))
    return replace(net, layers=tuple(layers))
