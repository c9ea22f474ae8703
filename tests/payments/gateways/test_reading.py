"""Careful readers: what they take and what they call absent. Never anything but ValueError."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.money import Money
from payments.gateways.reading import (
    clean,
    read_amount,
    read_fee,
    read_instant,
    read_json,
    read_retry_after,
    read_rounded_down,
    read_text,
    read_uuid,
)


def test_keeps_every_digit_of_a_number_with_a_point() -> None:
    assert read_json(b'{"a": 5.00, "b": 0.10000000000000000001, "c": 7}') == {
        "a": "5.00", "b": "0.10000000000000000001", "c": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" x ", "x"),
        (7, "7"),
        (True, ""),
        (None, ""),
        ("None", ""),
        ("NULL", ""),
        ([], ""),
        (10**20, ""),
        ("a\x00b", "ab"),
    ],
)
def test_knows_what_is_absent(value: object, text: str) -> None:
    assert read_text(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "minor"), [("5.00", "XAF", 5), (5, "XAF", 5), ("12.34", "INR", 1234), ("12.3", "INR", 1230)]
)
def test_reads_amounts(value: object, currency: str, minor: int) -> None:
    assert read_amount(value, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "value", ["", "5.5", "-5", "+5", "5e1", ".5", "5,00", "0x5", "1_000", "9" * 16, None, True, {}]
)
def test_reads_no_other_amount(value: object) -> None:
    with pytest.raises(ValueError, match=r"amount|fraction"):
        read_amount(value, "XAF")


def test_rounds_what_is_left_down_and_so_the_fee_up() -> None:
    assert read_rounded_down("1469.99", "XAF") == Money(1469, "XAF")
    assert read_fee(Money(1500, "XAF"), "1469.99") == Money(31, "XAF")
    assert read_fee(None, "1") is None


@pytest.mark.parametrize("text", ["2026-11-05T09:30:00.000Z", "2026-11-05T10:30:00+01:00", "2026-11-05 09:30:00"])
def test_reads_instants_as_utc(text: str) -> None:
    assert read_instant(text) == datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "yesterday", 5, "2026-13-01", "0001-01-01T00:00:00+23:00"])
def test_reads_no_other_instant(value: object) -> None:
    assert read_instant(value) is None


def test_spells_uuids_one_way() -> None:
    assert read_uuid("5B0E1C52-7A1D-4F3C-8E55-6F0A9B2D3C41") == "5b0e1c52-7a1d-4f3c-8e55-6f0a9b2d3c41"
    assert read_uuid("5b0e1c527a1d4f3c8e556f0a9b2d3c41") == ""


@given(st.text())
def test_clean_text_can_be_stored(text: str) -> None:
    assert "\x00" not in clean(text)
    clean(text).encode()


@given(st.binary() | st.text(alphabet='[]{}":,0123456789.eE-tfn\\u d').map(str.encode))
def test_only_value_errors_leave_the_parser(body: bytes) -> None:
    with suppress(ValueError):
        read_json(body)


@given(st.text() | st.integers() | st.floats() | st.none() | st.binary())
def test_no_value_breaks_a_reader(value: object) -> None:
    read_instant(value)
    read_uuid(value)
    read_rounded_down(value, "XAF")
    read_retry_after({"retry-after": str(value)})
    with suppress(ValueError):
        read_amount(value, "XAF")
