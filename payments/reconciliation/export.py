"""The breaks of a day as CSV, for a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from choptym.lib.money import MINOR_DIGITS
from payments.models import Reconciliation, ReconciliationBreak

COLUMNS = (
    "gateway", "day", "kind", "state", "transaction", "reference", "payment", "refund", "our_state", "our_amount",
    "our_currency", "their_state", "their_amount", "their_currency", "note", "found_at", "seen_at", "closed_at",
)  # fmt: skip
# A cell that begins like this is run as a formula by spreadsheets; what a gateway or a payer wrote may.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_breaks(reconciliation: Reconciliation) -> Iterator[str]:
    """The head and a line for each break, oldest first. Amounts in major units with a point."""
    rows = ReconciliationBreak.objects.filter(reconciliation=reconciliation).select_related("attempt", "refund")
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows.order_by("pk").iterator(chunk_size=500):
        yield writer.writerow([harmless(cell) for cell in _cells(reconciliation, row)])


def harmless(cell: str) -> str:
    """With a quote before it, a spreadsheet takes it for text."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _cells(reconciliation: Reconciliation, row: ReconciliationBreak) -> Iterable[str]:
    return (
        reconciliation.gateway,
        reconciliation.day.isoformat(),
        row.kind,
        row.state,
        row.transaction_id,
        row.reference,
        str(row.payment_id or ""),
        str(row.refund_id or ""),
        row.our_word,
        _amount(row.our_minor, row.our_currency),
        row.our_currency,
        row.their_word,
        _amount(row.their_minor, row.their_currency),
        row.their_currency,
        row.note,
        _instant(row.found_at),
        _instant(row.seen_at),
        _instant(row.closed_at),
    )


def _amount(minor: int | None, currency: str) -> str:
    if minor is None:
        return ""
    digits = MINOR_DIGITS.get(currency, 0)
    whole, part = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}" + (f".{part:0{digits}}" if digits else "")


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


class _Echo:
    """A file for the csv module that hands each line back."""

    def write(self, line: str) -> str:
        return line
