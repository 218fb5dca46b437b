"""The Caffes that exist: what each accepts, and how a network is rewritten until one accepts it."""

from __future__ import annotations

from converters.dialects.base import Dialect
from converters.dialects.catalogue import CHIPS, NAMES, find
from converters.dialects.known import DIALECTS
from converters.dialects.legalise import legalise

__all__ = ["CHIPS", "DIALECTS", "NAMES", "Dialect", "find", "legalise"]
