"""Phone numbers. Their many spellings are tested at the door, in tests/api/test_bad_bodies.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choptym.lib.phones import masked, national_number


@given(
    digits=st.from_regex(r"6[0-9]{8}", fullmatch=True), prefix=st.sampled_from(["", "+237", "00237", "237", "+237 "])
)
def test_every_mobile_number_is_read_in_every_spelling(digits: str, prefix: str) -> None:
    assert national_number(prefix + digits) == digits


@given(text=st.text(max_size=40))
def test_whatever_is_read_is_nine_digits_beginning_with_6(text: str) -> None:
    number = national_number(text)

    assert number is None or (len(number) == 9 and number.isascii() and number.isdigit() and number[0] == "6")


@pytest.mark.parametrize(("phone", "shown"), [("677000012", "67•••••12"), ("6", "•••"), ("", "•••")])
def test_a_number_in_a_log_is_masked(phone: str, shown: str) -> None:
    assert masked(phone) == shown
