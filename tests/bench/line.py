"""What a benchmark says in the end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. `against` is what it is held against; `cpu` the share of a core that each process used meanwhile.

    `at_most`: the figure is good when it is small.
    """

    bench: str
    value: float
    unit: str
    reach: float
    against: Mapping[str, Any]
    at_most: bool = False
    problems: tuple[str, ...] = ()
    cpu: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        is_reached = self.value <= self.reach if self.at_most else self.value >= self.reach
        return is_reached and not self.problems

    def as_json(self) -> dict[str, Any]:
        """As a program reads it."""
        return {
            "bench": self.bench,
            "value": round(self.value, 3),
            "unit": self.unit,
            "reach": self.reach,
            "ok": self.ok,
            "against": self.against,
            "problems": list(self.problems),
            **self.figures,
            "cpu": self.cpu,
            "cores": os.cpu_count(),
        }
