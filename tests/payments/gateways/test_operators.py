"""Whose number it is."""

import pytest

from payments.gateways.operators import is_national, operator_of


@pytest.mark.parametrize(
    ("prefixes", "operator"),
    [
        (("670", "679", "650", "654", "680", "683"), "mtn"),
        (("690", "699", "655", "659", "686", "689", "640"), "orange"),
        (("684", "685", "641", "620", "660", "600"), ""),
    ],
)
def test_knows_the_operator_by_the_leading_digits(prefixes: tuple[str, ...], operator: str) -> None:
    assert {operator_of(prefix + "000000") for prefix in prefixes} == {operator}


@pytest.mark.parametrize("text", ["", "67000000", "6700000000", "237670000000", "570000000", "67000000a", "67000000٣"])
def test_knows_no_operator_for_what_is_no_number(text: str) -> None:
    assert not is_national(text)
    assert operator_of(text) == ""
