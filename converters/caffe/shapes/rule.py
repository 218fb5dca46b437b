"""What a shape rule is: the layer's values, its bottoms' shapes and the number of its tops in, the tops' shapes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.caffe.net import Shape
from converters.caffe.values import Values
from converters.errors import require

Rule = Callable[[Values, Sequence[Shape], int], Sequence[Shape]]


def same(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """The top has the shape of the first bottom."""
    return [bottoms[0]]


def axis_of(axis: int, rank: int) -> int:
    """Return a non-negative axis; Caffe counts negative axes from the end."""
    require(-rank <= axis < rank, f"axis {axis} of a blob with {rank} axes")
    return axis % rank


def resized(shape: Shape, axis: int, size: int) -> Shape:
    """The shape with another size at one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])
