"""Sets of blobs whose channels must come in one order, and the order that each set is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from converters.caffe.channels import Order
from converters.caffe.graph import Blob


@dataclass
class Tied:
    """Blobs whose channels must come in one order."""

    fixed: bool = False
    members: list[Blob] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)  # for each grouped layer: its number of groups


class ChannelOrders:
    """One class for each set of tied blobs (union-find), and the order that each is given."""

    def __init__(self) -> None:
        self.parent: dict[Blob, Blob] = {}
        self.classes: dict[Blob, Tied] = {}
        self.order: dict[Blob, Order | None] = {}

    def root(self, blob: Blob) -> Blob:
        """The blob that stands for all that are tied to this one."""
        if blob not in self.parent:
            self.parent[blob] = blob
            self.classes[blob] = Tied(members=[blob])
        while self.parent[blob] != blob:
            self.parent[blob] = self.parent[self.parent[blob]]
            blob = self.parent[blob]
        return blob

    def of(self, blob: Blob) -> Tied:
        """The class of blobs that this one is tied to."""
        return self.classes[self.root(blob)]

    def tie(self, first: Blob, second: Blob) -> None:
        """Give two blobs, and all that are tied to them, one order."""
        a, b = self.root(first), self.root(second)
        if a == b:
            return
        if a.node.order > b.node.order:
            a, b = b, a
        self.parent[b] = a
        gone = self.classes.pop(b)
        kept = self.classes[a]
        kept.fixed |= gone.fixed
        kept.members += gone.members
        kept.blocks += gone.blocks

    def order_of(self, blob: Blob) -> Order | None:
        """The order that was chosen for a blob; None where its own is kept."""
        return self.order.get(self.root(blob))
