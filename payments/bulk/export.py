"""What became of each line, as a file that a spreadsheet opens."""

import csv
import io
from collections.abc import Iterator

from choptym.lib.money import Money
from choptym.lib.spreadsheet import plain_cell
from payments.models import BulkLine, BulkUpload

COLUMNS = ("line", "payment", "customer", "amount", "currency", "reason", "result", "refund", "refund_state", "why")


def export_lines(upload: BulkUpload) -> Iterator[str]:
    """The lines as CSV, one string for each."""
    yield _line(COLUMNS)
    lines = BulkLine.objects.filter(upload=upload).select_related("user", "refund").order_by("number")
    for line in lines.iterator(500):
        yield _line((
            str(line.number),
            str(line.payment_id or ""),
            line.user.get_username() if line.user else "",
            _amount(line),
            line.currency,
            line.reason,
            line.state,
            str(line.refund_id or ""),
            line.refund.state if line.refund else "",
            line.message,
        ))  # fmt: skip


def _amount(line: BulkLine) -> str:
    minor = line.refund.amount_minor if line.refund else line.amount_minor
    return "" if minor is None else Money(minor, line.currency).to_written()


def _line(cells: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([plain_cell(cell) for cell in cells])
    return out.getvalue()
