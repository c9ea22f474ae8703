"""How much is tried, and with which luck: the same seed tries the same again."""

import os
import random

SEED = int(os.environ.get("SEED", "20261105"))
# make chaos asks for more.
SCALE = float(os.environ.get("CHAOS_SCALE", "1"))


def times(number: int) -> int:
    """So many in make test, more with CHAOS_SCALE."""
    return max(1, round(number * SCALE))


def luck(*about: object) -> random.Random:
    """Chance that depends on the seed and on what it is for only."""
    return random.Random(f"{SEED} {about}")
