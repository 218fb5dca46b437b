"""The Caffes that have an engine, one file each."""

from __future__ import annotations

from collections.abc import Mapping

from converters.dialects.base import Dialect
from converters.dialects.known.brocolli import BROCOLLI
from converters.dialects.known.bvlc import BVLC, BVLC_1_0, SHUFFLENET
from converters.dialects.known.opencv import OPENCV
from converters.dialects.known.portable import PORTABLE
from converters.dialects.known.ssd import SSD

# In this order `add` of a chip's file looks for a layer, and a blocker names the dialects that take what blocks.
DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (SSD, BROCOLLI, BVLC_1_0, BVLC, SHUFFLENET, OPENCV, PORTABLE)
}
