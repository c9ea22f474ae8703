"""What a gateway answers to our requests, and how long it takes: for those who steer (see payments/steering/)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from payments.throttle.store import run


class Kind(StrEnum):
    """How a request ended. A third kind, "busy" (429), is counted when the gateway says it (scripts/slow.lua)."""

    TAKEN = "taken"
    ILL = "ill"  # 5xx, or no answer


@dataclass(frozen=True, slots=True)
class Heard:
    kind: Kind
    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """What was heard of one gateway lately. Nothing was sent: all is 0."""

    taken: int = 0
    busy: int = 0
    ill: int = 0
    latency_ms: float = 0.0  # average of what was taken

    @property
    def answers(self) -> int:
        return self.taken + self.busy + self.ill


def as_arguments(answers: Sequence[Heard]) -> list[str | float]:
    """As the scripts take them: pairs at the end of their arguments."""
    return [part for answer in answers for part in (answer.kind, round(answer.seconds * 1000, 1))]


def look_at(gateway: str, *, seconds: float) -> Look:
    """What was heard during the last so many seconds, from all processes. Raises RedisError."""
    taken, busy, ill, took_ms = run("look", gateway, seconds * 1000)
    return Look(taken, busy, ill, took_ms / taken if taken else 0.0)
