"""Waiting until something comes true."""

import time
from collections.abc import Callable


def eventually(check: Callable[[], bool], seconds: float, *, every: float = 0.25) -> bool:
    """Whether this comes true in time."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
