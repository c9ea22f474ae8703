"""What is broken, by name, in the order in which `make chaos` breaks it."""

from collections.abc import Mapping

from tests.chaos.faults import clocks, gateways, postgres, processes, redis
from tests.chaos.faults.base import Fault

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for part in (processes, redis, postgres, gateways, clocks) for fault in part.FAULTS
}

__all__ = ["FAULTS", "Fault"]
