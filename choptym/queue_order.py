"""In which order a worker looks into its queues: by their names, but now and then a lower one first.

By name alone an endless stream in the first queue would keep a worker from all others for ever.
"""

from kombu.utils.scheduling import sorted_cycle

# Every so many messages one is taken from below, from each lower queue in its turn.
TAKES_FROM_BELOW_EVERY = 5


class MostlySorted(sorted_cycle):  # type: ignore[type-arg]
    """Kombu's strategy "sorted" (see queue_order_strategy) with a share for the lower queues."""

    def __init__(self, it: list[str] | None = None) -> None:
        super().__init__(it)
        self._taken = 0

    def consume(self, n: int) -> list[str]:  # type: ignore[override]
        """The queues in the order in which they are looked into for the next message."""
        names = list(super().consume(n))
        if len(names) < 2 or (self._taken + 1) % TAKES_FROM_BELOW_EVERY:
            return names
        turn = (self._taken + 1) // TAKES_FROM_BELOW_EVERY
        first = names.pop(1 + turn % (len(names) - 1))
        return [first, *names]

    def rotate(self, last_used: str) -> None:
        """A message was taken."""
        self._taken += 1
