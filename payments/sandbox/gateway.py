"""One gateway's world: its dialect, knobs, books, traffic and luck, and the webhooks it sends."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from payments.sandbox.books import Books, Entry
from payments.sandbox.calls import Call
from payments.sandbox.chance import Chance
from payments.sandbox.clock import Clock
from payments.sandbox.knobs import Knobs, Overrides, changed
from payments.sandbox.life import Life
from payments.sandbox.traffic import Traffic
from payments.sandbox.webhooks import Sender

if TYPE_CHECKING:
    from payments.sandbox.dialects.base import Dialect


class Gateway:
    def __init__(self, dialect: "type[Dialect]", clock: Clock, seed: int, webhook_url: str | None) -> None:
        self.name = dialect.name
        self.clock = clock
        self.sender = Sender(self)
        self.life = Life(self)
        self.dialect = dialect(self)
        self.knobs = dialect.knobs_kind(webhook_url=webhook_url)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """An empty world with this seed. Only the webhook address stays. The caller resets the clock."""
        self.knobs = type(self.knobs)(webhook_url=self.knobs.webhook_url)
        self.overrides = Overrides(type(self.knobs), self.dialect.numbering)
        self.chance = Chance(seed, self.name)
        self.books = Books()
        self.traffic = Traffic()
        self.sender.forget()
        self.dialect.forget()
        self._seen: Counter[str] = Counter()

    def turn(self, changes: Mapping[str, Any]) -> None:
        """Change knobs (and `phones`), all or (BadKnobError) none."""
        rest = {name: value for name, value in changes.items() if name != "phones"}
        knobs = changed(self.knobs, rest)
        if "phones" in changes:
            self.overrides.patch(changes["phones"])
        self.knobs = knobs
        self.traffic.look_again()

    def key_for(self, name: str) -> str:
        """What chance is rolled on: the caller's reference (or phone) and how often it was seen.

        The number matters: a repeated call must be able to have better luck than the first.
        """
        self._seen[name] += 1
        return f"{name}#{self._seen[name]}"

    def knobs_for(self, entry: Entry) -> Knobs:
        """The knobs in force for a transaction now."""
        return replace(self.knobs, **entry.override) if entry.override else self.knobs

    def open_entry(self, call: Call, entry: Entry) -> Entry:
        """Book a new transaction; unless it is a link that waits for a visitor, its life begins."""
        self.books.add(entry)
        call.created = entry
        self.life.open(entry)
        return entry
