"""Which transactions a gateway of India pays out to the merchant together: those of one day there, some time later."""

from dataclasses import dataclass
from datetime import UTC, datetime

from payments.sandbox.books import Books, Entry, Kind, State
from payments.sandbox.dialects.india import INDIA_TIME, day_in_india

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Settlement:
    day: str
    at: float
    entries: list[Entry]

    @property
    def amount_minor(self) -> int:
        return sum(net_minor(entry) for entry in self.entries)


def net_minor(entry: Entry) -> int:
    """What a transaction adds to a settlement."""
    is_in = entry.kind is Kind.COLLECTION
    return entry.amount_minor - entry.fee_minor if is_in else -entry.amount_minor - entry.fee_minor


def moved(books: Books) -> list[Entry]:
    """Payments and refunds that count, oldest first."""
    done = (State.COLLECTED, State.PAID_BACK)
    return sorted((entry for entry in books.entries if entry.state in done), key=lambda entry: entry.closed_at or 0.0)


def settle(books: Books, now: float, after_hours: int) -> list[Settlement]:
    """The settlements up to now: each day's transactions, this long after the day's end (at once for 0 hours)."""
    by_day: dict[str, list[Entry]] = {}
    for entry in moved(books):
        by_day.setdefault(day_in_india(entry.closed_at or 0.0), []).append(entry)
    found = []
    for day, entries in by_day.items():
        midnight = datetime.fromisoformat(day).replace(tzinfo=INDIA_TIME).astimezone(UTC).timestamp() + DAY_SECONDS
        at = midnight + after_hours * 3600 if after_hours else max(entry.closed_at or 0.0 for entry in entries)
        if at <= now:
            found.append(Settlement(day, at, entries))
    return found
