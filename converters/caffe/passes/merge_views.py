"""One Reshape in place of several in a row: rewrites look at a blob in four axes, whatever shape it comes in."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, same, with_name
from converters.caffe.net import Layer, Net
from converters.caffe.places import Context, Result
from converters.caffe.replacement import replaced
from converters.caffe.traits import of


def merge_views(net: Net, context: Context) -> Result:
    """Let every Reshape and Flatten read the blob that first held the numbers; those that nobody reads then go."""

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        made = _merged(node.tops[0], item, item.tops[0] in net.outputs)
        return None if made == node.tops[0] else (made,)

    return replaced(net, lambda item: of(item.type).view, change)


def _merged(blob: Blob, item: Layer, is_output: bool) -> Blob:
    source = blob.node.bottoms[0]
    while of(source.node.type).view:
        source = source.node.bottoms[0]
    if source == blob.node.bottoms[0] and source.shape != blob.shape:
        return blob
    made = same(source) if source.shape == blob.shape and is_output else layers.reshape(source, blob.shape)
    return made if made == source else with_name(made, item.name)
