"""The least that a conversion of ONNX can do: python benchmarks/floor.py IN.onnx OUT loads the model and writes its
weights.
"""

from __future__ import annotations

import sys

import onnx

with open(sys.argv[2], "wb") as file:
    for tensor in onnx.load(sys.argv[1]).graph.initializer:
        file.write(tensor.raw_data)
