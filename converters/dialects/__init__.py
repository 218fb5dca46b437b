"""The Caffes that exist: what each accepts, and how a network is rewritten until one accepts it."""

from __future__ import annotations

from converters.dialects.base import DIALECTS, Dialect, find, load_all
from converters.dialects.legalise import Legalised, legalise, load_rewrites

load_all()
load_rewrites()

__all__ = ["DIALECTS", "Dialect", "Legalised", "find", "legalise"]
