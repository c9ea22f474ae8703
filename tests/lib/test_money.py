"""Amounts: whole minor units, and nothing lost on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.money import CURRENCIES, MINOR_DIGITS, Money, written


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(2500, "XAF"), "2,500 XAF"),
        (Money(0, "XAF"), "0 XAF"),
        (Money(-7, "XAF"), "-7 XAF"),
        (Money(123456789, "INR"), "1,234,567.89 INR"),
        (Money(5, "INR"), "0.05 INR"),
    ],
)
def test_is_shown_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text


@pytest.mark.parametrize(
    ("money", "english", "french"),
    [
        (Money(5000, "XAF"), "5,000 FCFA", "5 000 FCFA"),
        (Money(999, "XAF"), "999 FCFA", "999 FCFA"),
        (Money(1234567, "XAF"), "1,234,567 FCFA", "1 234 567 FCFA"),
        (Money(149900, "INR"), "₹1,499.00", "1 499,00 ₹"),
        (Money(18000, "INR"), "₹180.00", "180,00 ₹"),
    ],
)
def test_is_written_for_people_in_their_language(money: Money, english: str, french: str) -> None:
    assert (written(money, "en"), written(money, "fr")) == (english, french)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("2500", "XAF", 2500),
        (2500, "XAF", 2500),
        (2500.0, "XAF", 2500),
        ("2500.00", "XAF", 2500),
        ("25.5", "INR", 2550),
        (0.29, "INR", 29),
        (Decimal("1e3"), "XAF", 1000),
    ],
)
def test_reads_a_providers_number(amount: str | float | Decimal, currency: str, minor: int) -> None:
    assert Money.from_major(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("2500.5", "XAF"),
        ("0.001", "INR"),
        ("", "XAF"),
        ("a", "XAF"),
        ("NaN", "XAF"),
        ("Infinity", "XAF"),
        (float("nan"), "XAF"),
        ("1e15", "XAF"),
        ("-1e15", "XAF"),
    ],
)
def test_refuses_what_is_no_amount(amount: str | float, currency: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Money.from_major(amount, currency)


@given(minor=st.integers(-(10**12), 10**12), currency=st.sampled_from(CURRENCIES))
def test_what_is_written_can_be_read(minor: int, currency: str) -> None:
    major = Decimal(minor).scaleb(-MINOR_DIGITS[currency])

    assert Money.from_major(str(major), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("2500", "XAF", 2500), (" 12 500 ", "XAF", 12_500), ("12\u202f500", "XAF", 12_500), ("0", "XAF", 0),
        ("15.50", "INR", 1550), ("15.5", "INR", 1550), ("1 234 567.89", "INR", 123_456_789), ("420", "INR", 42_000),
    ],
)  # fmt: skip
def test_reads_what_a_person_types(text: str, currency: str, minor: int) -> None:
    assert Money.from_written(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize(
    "text",
    ["15,50", "1,000", "1,000.00", "1e3", "-1", "+1", "", " ", ".5", "5.", "1.2.3", "1 5", "12 50", "1  500", "NaN",
     "2500 FCFA", "₹5", "٥", "1.005", "9" * 16, "1_000"],
)  # fmt: skip
def test_refuses_what_could_be_read_in_two_ways(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"^Write .*commas"):
        Money.from_written(text, currency)


def test_a_point_in_francs_is_refused() -> None:
    with pytest.raises(ValueError, match="digits only"):
        Money.from_written("12.50", "XAF")


@given(minor=st.integers(0, 10**14), currency=st.sampled_from(CURRENCIES))
def test_what_a_form_is_filled_in_with_is_read_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.from_written(money.to_written(), currency) == money


def test_the_franc_has_no_minor_unit() -> None:
    assert MINOR_DIGITS["XAF"] == 0
