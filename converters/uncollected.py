"""Work without the cyclic garbage collector, which walks all nodes and layers again and again, and finds nothing.

What a conversion makes it keeps, and what it drops is in no cycle: that goes at once all the same. Of a network of
30,000 nodes the collector took a third of the time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave Python's collector off meanwhile, if it is on; also a decorator.

    Only in the main thread, which can't get in its own way: of two threads, one would turn on what the other needs off,
    or leave it off for good.
    """
    if not gc.isenabled() or threading.current_thread() is not threading.main_thread():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
