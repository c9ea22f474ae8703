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


@pytest.mark.parametrize(
    "text",
    ["677 00 00 01", "677\u00a000\u00a000\u00a001", "677\u202f00\u202f00\u202f01", "677-00-00-01", "677.00.00.01",
     "677/000/001", "(+237) 677 000 001", "+237677000001", "00237 677000001"],
)  # fmt: skip
def test_digits_may_be_parted_as_people_part_them(text: str) -> None:
    assert national_number(text) == national_number(text, "CM") == "677000001"


@pytest.mark.parametrize(
    "text",
    ["677OOO001", "677ooo001", "677ABC001", "6770O0001", "677 MTN 001", "MTN677000001", "677000001X", "call 677000001",
     "677000001 (Ada)", "tel:677000001", "tel:+237677000001", "+237677000001;ext=5", "677000001;phone-context=+237",
     "677000001 ext 5", "677000001x5", "677000001#5", "677000001~5", "677000001,5", "677*000001", "677\n000\n001",
     "677\t000001", "\uff0b237677000001", "\u0666\u0667\u0667\u0660\u0660\u0660\u0660\u0660\u0661", "67700000\u0661",
     "\uff16\uff17\uff17\uff10\uff10\uff10\uff10\uff10\uff11", "67700000\u00b9", "677\u2009000001", "677\u2010000001",
     "677\u200b000001", "677\u00ad000001", "6770000OO1"],
)  # fmt: skip
@pytest.mark.parametrize("region", ["CM", ""])
def test_anything_but_digits_and_what_parts_them_is_no_number(text: str, region: str) -> None:
    assert national_number(text, region) is None


@pytest.mark.parametrize("text", ["9876OOOOO1", "98765abcde", "+91 98765 ABCDE", "\u096f\u096e\u096d\u096c543210"])
def test_nor_is_it_in_india(text: str) -> None:
    assert national_number(text, "IN") is None


@pytest.mark.parametrize("number", ["", "12", "5770000011", "67700000", "57700000123"])
def test_what_is_no_number_has_no_country(number: str) -> None:
    assert region_of(number) == ""
    assert international_number(number) is None


@pytest.mark.parametrize(("phone", "shown"), [("677000012", "67•••••12"), ("6", "•••"), ("", "•••")])
def test_a_number_in_a_log_is_masked(phone: str, shown: str) -> None:
    assert masked(phone) == shown
