"""What is known: read from figures.json, of which every figure says in `unit` or by its name what it counts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).with_name("figures.json")


@dataclass(frozen=True, slots=True)
class Payment:
    """What one payment costs, from checkout to message. CPU in milliseconds, by process.

    `outside_ms`: of those who are no part of ours but share the machine that was measured.
    """

    cpu_ms: Mapping[str, float]
    outside_ms: Mapping[str, float]
    webhook_ms: float  # of the web's CPU, what belongs to the webhook
    wal_bytes: float
    commits: float  # that write
    transactions: float  # those that only read, too
    rows: Mapping[str, float]
    disk_bytes: float
    redis_commands: float

    @property
    def all_ms(self) -> float:
        return sum(self.cpu_ms.values()) + sum(self.outside_ms.values())


@dataclass(frozen=True, slots=True)
class Gateway:
    """How it is asked for one payment, and what it allows. None: its documents name no limit."""

    calls: int  # to collect
    questions: int  # of its status, after an unsigned webhook
    documented_per_minute: float | None
    documented_call: str
    our_rate_per_second: float
    our_most_in_flight: int


@dataclass(frozen=True, slots=True)
class Figures:
    cores: int
    payment: Payment
    look_ms: Mapping[str, float]  # one look of a customer at their payment
    idle: Mapping[str, float]  # what is done each second when nobody pays
    commit: Mapping[str, float]
    gateways: Mapping[str, Gateway]
    ends: Mapping[str, float]  # what single things can do at most
    measured: Mapping[str, Any]
    seen: str

    @classmethod
    def read(cls, file: Path = FILE) -> Self:
        said = json.loads(file.read_text())
        return cls(
            cores=said["cores"],
            payment=Payment(**said["payment"]),
            look_ms=said["look_ms"],
            idle=said["idle"],
            commit=said["commit"],
            gateways={name: Gateway(**one) for name, one in said["gateways"].items()},
            ends={name: one["value"] for name, one in said["ends"].items()},
            measured=said["measured"],
            seen=said["seen"],
        )
