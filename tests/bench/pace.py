"""The pace of what goes on for a while, without its beginning and its end."""

from collections.abc import Sequence

ENDS = 0.1  # on either side: the queue fills, and runs dry


def steady_pace(moments: Sequence[float]) -> float:
    """How many a second, between the first and the last tenth of them."""
    ordered = sorted(moments)
    skipped = int(ENDS * len(ordered))
    middle = ordered[skipped : len(ordered) - skipped]
    return (len(middle) - 1) / (middle[-1] - middle[0])
