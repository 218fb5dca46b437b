"""Functions of one number that no Caffe has as a layer. OpenCV knows them by these names, rewrites compose some.

A lowering makes one of these where the best form differs from dialect to dialect.
"""

from __future__ import annotations

from converters.caffe.graph import Blob, layer
from converters.caffe.shapes import RULES

COMPOSED = ("Erf", "Gelu", "GeluApproximation", "Sign", "Floor", "Ceil", "Round")  # every dialect can build these
ALONE = ("Sin", "Cos", "Tan", "Asin", "Acos", "Atan")  # an engine has these or it has not

RULES.update(dict.fromkeys((*COMPOSED, *ALONE), RULES["ReLU"]))


def apply(kind: str, x: Blob) -> Blob:
    """One of the functions of this file."""
    return layer(kind, x).tops[0]
