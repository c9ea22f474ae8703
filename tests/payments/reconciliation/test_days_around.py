"""Which days' lists are read: those that have begun where the gateway is."""

from datetime import UTC, date, datetime

import pytest

from payments.reconciliation.read import days_around

DAY, BEFORE, AFTER = date(2026, 3, 10), date(2026, 3, 9), date(2026, 3, 11)


@pytest.mark.parametrize(
    ("region", "hour", "minute", "days"),
    [
        ("IN", 18, 29, [DAY, BEFORE]),
        ("IN", 18, 30, [DAY, BEFORE, AFTER]),
        ("CM", 22, 59, [DAY, BEFORE]),
        ("CM", 23, 0, [DAY, BEFORE, AFTER]),
    ],
)
def test_tomorrow_counts_once_it_has_begun_there(region: str, hour: int, minute: int, days: list[date]) -> None:
    assert days_around(DAY, datetime(2026, 3, 10, hour, minute, tzinfo=UTC), region) == days


def test_a_day_long_past_has_both_neighbours() -> None:
    assert days_around(DAY, datetime(2026, 4, 1, tzinfo=UTC), "CM") == [DAY, BEFORE, AFTER]
