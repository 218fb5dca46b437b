"""Real Caffe for this Python, built from source."""

from toolkit.engines.caffe.build import build

__all__ = ["build"]
