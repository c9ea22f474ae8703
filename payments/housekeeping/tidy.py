"""Cleaning up by the clock."""

import time

import structlog

from payments.housekeeping.months import make_months
from payments.housekeeping.step import take_steps

log = structlog.get_logger(__name__)

# A run ends after this long, so that a restart never waits for an endless one, nor the other jobs of its worker.
MOST_SECONDS = 20.0


def tidy_up() -> bool:
    """Move or delete what is past its retention, as far as the time allows. Returns whether something is left.

    Commits: each step by itself.
    """
    make_months()
    end = time.monotonic() + MOST_SECONDS
    counts: dict[str, int] = {}
    is_left = False
    for kind, count in take_steps():
        counts[kind] = counts.get(kind, 0) + count
        if time.monotonic() > end:
            is_left = True
            break
    if any(counts.values()):
        log.info("cleaned up", is_left=is_left, counts=counts)
    return is_left
