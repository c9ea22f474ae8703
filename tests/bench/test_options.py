"""What `make bench` is asked for, and how it judges its figures."""

import pytest

from choptym.local.errors import StackError
from tests.bench.__main__ import BENCHES, read_wanted
from tests.bench.line import Line
from tests.bench.load import percentile

# By the design, in the order of its table.
CONTRACT = [
    "webhook_vs_textbook",
    "settle_vs_sql",
    "end_to_end_per_minute",
    "webhook_p99_ms",
    "crowd_5000_seconds",
    "hot_product",
    "history_1m",
    "gateway_workers_mb",
    "scaling",
]


def test_without_a_word_everything_is_measured() -> None:
    assert list(read_wanted("")) == list(BENCHES) == CONTRACT


def test_some_are_chosen_by_name() -> None:
    assert read_wanted("scaling, hot_product") == ["scaling", "hot_product"]


def test_one_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(StackError, match="warp_speed"):
        read_wanted("hot_product warp_speed")


@pytest.mark.parametrize(
    ("value", "at_most", "problems", "ok"),
    [
        (10.0, False, (), True),
        (9.99, False, (), False),
        (10.0, True, (), True),
        (10.01, True, (), False),
        (50.0, False, ("a payment was lost",), False),
    ],
)
def test_a_figure_is_good_when_it_is_reached_and_nothing_went_wrong(
    value: float, at_most: bool, problems: tuple[str, ...], ok: bool
) -> None:
    line = Line("a", value, "times", 10.0, {"b": 1}, at_most=at_most, problems=problems)

    assert line.ok is ok
    assert {"bench", "value", "unit", "reach", "ok", "against"} <= line.as_json().keys()


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0
