"""Reading a file of refunds or credits: a heading, then one line for each.

    refunds    payment,amount,reason             an empty amount is the whole rest
    credits    customer,amount,currency,reason

Comma or semicolon, UTF-8. Amounts as people write them: 2500 for FCFA, 420.50 for INR.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from django.template.defaultfilters import pluralize

from choptym.lib.errors import Rejected
from payments.models import BulkKind

MAX_BYTES = 1024 * 1024
MAX_LINES = 5000
COLUMNS = {
    BulkKind.REFUNDS: ("payment", "amount", "reason"),
    BulkKind.CREDITS: ("customer", "amount", "currency", "reason"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one line. Line 1 is the heading; 0 means the whole file."""

    line: int
    column: str
    message: str


class FileRefused(Rejected):
    """The file as a whole is refused: nothing of it is stored. `problems` names every line that is at fault."""

    code = "bulk_file_refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first, count = problems[0], len(problems)
        where = f"line {first.line}, {first.column}: {first.message}"
        super().__init__(f"{count} problem{pluralize(count)}; the first: {where}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file, stripped, by the name of its column."""

    number: int
    values: dict[str, str]


def read_rows(kind: BulkKind, content: bytes) -> list[Row]:
    """The lines below the heading; blank ones are left out. Raises FileRefused."""
    heading, *lines = _lines(_text(content)) or [(1, [])]
    _check_heading(kind, heading[1])
    columns = COLUMNS[kind]
    problems = [
        Problem(number, "line", f"{len(cells)} column{pluralize(len(cells))} instead of {len(columns)}")
        for number, cells in lines
        if len(cells) != len(columns)
    ]
    if not lines:
        problems.append(Problem(0, "file", "there is no line below the heading"))
    if len(lines) > MAX_LINES:
        problems = [Problem(0, "file", f"more than {MAX_LINES} lines: split it")]
    if problems:
        raise FileRefused(problems)
    return [Row(number, dict(zip(columns, cells, strict=True))) for number, cells in lines]


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise FileRefused([Problem(0, "file", f"larger than {MAX_BYTES // 1024} KiB")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused([Problem(0, "file", "not UTF-8: save it as CSV UTF-8")]) from None
    if "\0" in text:
        raise FileRefused([Problem(0, "file", "not a CSV file")])
    return text


def _lines(text: str) -> list[tuple[int, list[str]]]:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                found.append((reader.line_num, stripped))
    except csv.Error as error:
        raise FileRefused([Problem(reader.line_num, "line", str(error))]) from None
    return found


def _check_heading(kind: BulkKind, cells: Sequence[str]) -> None:
    wanted = COLUMNS[kind]
    if tuple(cell.lower() for cell in cells) != wanted:
        raise FileRefused([Problem(1, "heading", f"must be: {','.join(wanted)}")])
