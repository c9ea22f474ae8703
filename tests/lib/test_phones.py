"""Phone numbers. Their many spellings are tested at the door, in tests/api/test_bad_bodies.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.phones import COUNTRIES, international_number, masked, national_number, region_of

PATTERNS = {"CM": r"6[0-9]{8}", "IN": r"[6-9][0-9]{9}"}
PREFIXES = {"CM": ["", "+237", "00237", "237", "+237 "], "IN": ["", "+91", "0091", "91", "+91 ", "0"]}
numbers = st.sampled_from(list(PATTERNS)).flatmap(
    lambda region: st.tuples(
        st.just(region), st.from_regex(PATTERNS[region], fullmatch=True), st.sampled_from(PREFIXES[region])
    )
)


@given(number=numbers)
def test_every_mobile_number_is_read_in_every_spelling(number: tuple[str, str, str]) -> None:
    region, digits, prefix = number

    assert national_number(prefix + digits, region) == digits
    assert national_number(prefix + digits) == digits


@given(number=numbers)
def test_a_number_is_of_one_country_only(number: tuple[str, str, str]) -> None:
    region, digits, prefix = number
    [other] = set(COUNTRIES) - {region}

    assert national_number(prefix + digits, other) is None
    assert region_of(digits) == region
    assert international_number(digits) == {"CM": f"237{digits}", "IN": f"91{digits}"}[region]


@given(text=st.text(max_size=40), region=st.sampled_from(["CM", "IN"]))
def test_whatever_is_read_is_a_number_of_that_country(text: str, region: str) -> None:
    number = national_number(text, region)

    assert number is None or (number.isascii() and re.fullmatch(PATTERNS[region], number))


@pytest.mark.parametrize("number", ["", "12", "5770000011", "67700000", "57700000123"])
def test_what_is_no_number_has_no_country(number: str) -> None:
    assert region_of(number) == ""
    assert international_number(number) is None


@pytest.mark.parametrize(("phone", "shown"), [("677000012", "67•••••12"), ("6", "•••"), ("", "•••")])
def test_a_number_in_a_log_is_masked(phone: str, shown: str) -> None:
    assert masked(phone) == shown
