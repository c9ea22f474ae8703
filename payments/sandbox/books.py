"""The sandbox's own books: what it believes it collected and paid out. The other side of every proof."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from payments.sandbox.clock import as_iso


class Kind(StrEnum):
    COLLECTION = "collection"
    PAYOUT = "payout"
    REFUND = "refund"


class State(StrEnum):
    PENDING = "pending"
    COLLECTED = "collected"  # we took the payer's money
    FAILED = "failed"
    EXPIRED = "expired"
    PAID_BACK = "paid_back"  # we sent money: a payout or a refund
    RETURNED = "returned"  # the payer paid, and got it back from us before it was the merchant's


@dataclass(slots=True)
class Entry:
    """One transaction. `amount_minor` is what was asked, and once money moved, what really moved."""

    kind: Kind
    key: str  # what chance is rolled on
    gateway_id: str
    reference: str  # the caller's
    amount_minor: int
    currency: str
    phone: str
    operator: str
    created_at: float
    number: int = 0
    asked_minor: int = 0
    state: State = State.PENDING
    fee_minor: int = 0
    closed_at: float | None = None
    reason: str = ""
    link_id: str = ""  # of the hosted page, for links
    tries: int = 0  # how often the payer was asked; 0 for a link nobody has opened
    of_gateway_id: str = ""  # for a refund: the collection it gives back
    override: Mapping[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)  # what only the dialect knows

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "kind": self.kind,
            "reference": self.reference,
            "gateway_id": self.gateway_id,
            "of_gateway_id": self.of_gateway_id or None,
            "amount_minor": self.amount_minor,
            "asked_minor": self.asked_minor,
            "currency": self.currency,
            "phone": self.phone,
            "operator": self.operator,
            "state": self.state,
            "fee_minor": self.fee_minor,
            "created_at": as_iso(self.created_at),
            "closed_at": None if self.closed_at is None else as_iso(self.closed_at),
        }


class Books:
    """Empty at the start of the process and after a reset: `opened_at` says since when they know everything."""

    def __init__(self) -> None:
        self.opened_at = time.time()
        self.entries: list[Entry] = []
        self.by_gateway_id: dict[str, Entry] = {}
        self.by_link_id: dict[str, Entry] = {}
        self.by_reference: defaultdict[str, list[Entry]] = defaultdict(list)
        # What moved since the start, per operator: net collections less payouts. Dialects show it as a balance.
        self.net_minor: defaultdict[str, int] = defaultdict(int)
        # Kept as entries change, so that watching large books costs nothing.
        self._counts: Counter[str] = Counter()
        self._amounts_minor: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        entry.number = len(self.entries) + 1
        entry.asked_minor = entry.amount_minor
        self.entries.append(entry)
        self.by_gateway_id[entry.gateway_id] = entry
        if entry.link_id:
            self.by_link_id[entry.link_id] = entry
        self.by_reference[entry.reference].append(entry)
        self._tally(entry, 1)
        if entry.kind is not Kind.COLLECTION:
            self.net_minor[entry.operator] -= entry.amount_minor

    def take(self, entry: Entry, *, amount_minor: int, fee_minor: int, at: float) -> None:
        """Money moved: the payer's to us, or ours to the payee."""
        self._tally(entry, -1)
        entry.amount_minor, entry.fee_minor, entry.closed_at = amount_minor, fee_minor, at
        entry.reason = ""
        if entry.kind is Kind.COLLECTION:
            entry.state = State.COLLECTED
            self.net_minor[entry.operator] += amount_minor - fee_minor
        else:
            given_back_minor = 0 if entry.state is State.PENDING else entry.asked_minor
            entry.state = State.PAID_BACK
            self.net_minor[entry.operator] -= fee_minor + given_back_minor
        self._tally(entry, 1)

    def close(self, entry: Entry, state: State, reason: str, at: float) -> None:
        """No money is the merchant's (for now): failed, expired or returned."""
        self._tally(entry, -1)
        if entry.kind is not Kind.COLLECTION and entry.state is State.PENDING:
            self.net_minor[entry.operator] += entry.amount_minor
        entry.state, entry.reason, entry.closed_at = state, reason, at
        self._tally(entry, 1)

    def reopen(self, entry: Entry) -> None:
        """The payer is asked, perhaps after a failure."""
        self._tally(entry, -1)
        entry.state, entry.reason, entry.closed_at = State.PENDING, "", None
        self._tally(entry, 1)

    def _tally(self, entry: Entry, by: int) -> None:
        name = f"{entry.kind}.{entry.state}"
        self._counts[name] += by
        self._amounts_minor[name] += by * entry.amount_minor

    def find(self, wanted: Mapping[str, str]) -> Iterator[Entry]:
        """Entries, oldest first, by `since_entry` (a number), `state`, `kind`, `reference` and `phone`."""
        since = wanted.get("since_entry", "")
        exact = [(name, wanted[name]) for name in ("state", "kind", "phone") if name in wanted]
        entries = self.by_reference.get(wanted["reference"], []) if "reference" in wanted else self.entries
        for entry in islice(entries, int(since) if since.isdecimal() else 0, None):
            if all(getattr(entry, name) == value for name, value in exact):
                yield entry

    def totals(self) -> dict[str, dict[str, int]]:
        """How many entries and how much money stand in each state, by `kind.state`."""
        return {
            name: {"entries": count, "amount_minor": self._amounts_minor[name]}
            for name, count in sorted(self._counts.items())
            if count
        }
