"""What a file of refunds or credits may look like, and what is said about one that may not."""

import pytest

from payments.bulk.read import MAX_BYTES, MAX_LINES, FileRefused, read_rows
from payments.models import BulkKind

REFUNDS, CREDITS = BulkKind.REFUNDS, BulkKind.CREDITS


@pytest.mark.parametrize(
    "content",
    [
        b"payment,amount,reason\n7,2500,cold soup\n",
        b"payment;amount;reason\r\n7;2500;cold soup\r\n",
        b"\xef\xbb\xbfPayment,Amount,Reason\n\n7, 2500 ,cold soup\n,,\n",
        b'payment,amount,reason\n"7","2500","cold soup"',
    ],
)
def test_reads_what_spreadsheets_write(content: bytes) -> None:
    [row] = read_rows(REFUNDS, content)

    assert row.values == {"payment": "7", "amount": "2500", "reason": "cold soup"}


def test_counts_lines_as_an_editor_does() -> None:
    rows = read_rows(CREDITS, b'customer,amount,currency,reason\n\nanna,1,XAF,"two\nlines"\nben,2,XAF,one\n')

    assert [(row.number, row.values["customer"]) for row in rows] == [(4, "anna"), (5, "ben")]


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b"", 1, "heading"),
        (b"\n\n", 1, "heading"),
        (b"payment,amount\n7,2500\n", 1, "heading"),
        (b"customer,amount,currency,reason\nanna,1,XAF,why\n", 1, "heading"),
        (b"payment,amount,reason\n", 0, "file"),
        (b"payment,amount,reason\n7,2500\n", 2, "line"),
        (b"payment,amount,reason\n7,2500,why,what\n", 2, "line"),
        (b'payment,amount,reason\n7,2500,"why\n', 2, "line"),
        (b"payment,amount,reason\n7,2500,\xff\xfe\n", 0, "file"),
        (b"payment,amount,reason\n7,2500,\0\n", 0, "file"),
        (b"PK\x03\x04 a spreadsheet, not a CSV file", 1, "heading"),
        (b"x" * (MAX_BYTES + 1), 0, "file"),
    ],
)
def test_says_where_it_is_wrong(content: bytes, line: int, column: str) -> None:
    with pytest.raises(FileRefused) as caught:
        read_rows(REFUNDS, content)

    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(line, column)]


def test_refuses_more_lines_than_a_person_can_answer_for() -> None:
    content = b"payment,amount,reason\n" + b"7,1,why\n" * (MAX_LINES + 1)

    with pytest.raises(FileRefused, match="split it"):
        read_rows(REFUNDS, content)


def test_names_every_line_that_is_wrong_at_once() -> None:
    with pytest.raises(FileRefused) as caught:
        read_rows(REFUNDS, b"payment,amount,reason\n7\n8,1,why\n9,2\n")

    assert [problem.line for problem in caught.value.problems] == [2, 4]
