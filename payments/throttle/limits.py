"""How much each gateway may be asked. Whoever steers the queue says so (see payments/in_force.py)."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """As of now. `most` calls in flight at this gateway, `most_of_all` charges at all gateways together.

    Someone may have ordered that nothing new is sent (`may_charge`), or that nothing is asked either (`may_ask`).
    """

    per_second: float
    most: int
    most_of_all: int
    may_charge: bool = True
    may_ask: bool = True


_readers: list[Callable[[str], Limits]] = []


def limits_of(gateway: str) -> Limits:
    [read] = _readers
    return read(gateway)


def read_limits_with(reader: Callable[[str], Limits]) -> None:
    """Told once, when the process begins: what knows the limits stands above the throttle."""
    _readers[:] = [reader]
