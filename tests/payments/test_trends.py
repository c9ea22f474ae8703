"""How the figures went: samples drawn together, and gaps where there was none."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Sample
from payments.trends import RANGES, History, read_history

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)


def point_of(range_name: str, back: int) -> datetime:
    """When the last point but so many of this range begins."""
    step = RANGES[range_name].step_seconds
    last = int(NOW.timestamp() - 10) // step  # the newest period may have no sample yet
    return datetime.fromtimestamp((last - back) * step, UTC)


def sample(at: datetime, **figures: float) -> None:
    Sample.objects.create(
        at=at, figures={"seconds": 10, "redis": 1} | {k.replace("__", ":"): v for k, v in figures.items()}
    )


def last(values: tuple[float | None, ...], count: int = 2) -> tuple[float | None, ...]:
    return values[-count:]


@pytest.fixture
def history() -> History:
    """Six hours in points of two minutes: the last point has two samples, the one before it none."""
    at = point_of("6h", 0)
    sample(at, ended__fapshi__SETTLED=3, ended__campay__SETTLED=1, queued__fapshi__3=2, wait__p50=1, wait__p95=4)
    sample(at + timedelta(seconds=10), ended__fapshi__SETTLED=5, queued__fapshi__3=7, wait__p50=2, wait__p95=3)
    sample(point_of("6h", 2), messages__webhooks=4)
    return read_history(RANGES["6h"], NOW)


def test_counts_are_added_up_to_a_rate_over_the_time_that_the_samples_cover(history: History) -> None:
    assert last(history.per_minute("ended:fapshi:SETTLED", "ended:campay:SETTLED"), 3) == (0.0, None, 27.0)


def test_of_other_figures_the_highest_is_told_and_zero_where_a_sample_does_not_name_them(history: History) -> None:
    assert last(history.highest("queued:fapshi:3"), 3) == (0.0, None, 7.0)
    assert last(history.highest("messages:webhooks"), 3) == (4.0, None, 0.0)


def test_a_time_is_told_only_where_it_was_measured(history: History) -> None:
    assert last(history.measured("wait:p50"), 3) == (None, None, 1.5)
    assert last(history.measured("wait:p95"), 3) == (None, None, 4.0)


def test_where_no_sample_was_taken_nothing_is_known(history: History) -> None:
    assert last(history.known, 3) == (True, False, True)
    assert sum(history.known) == 2


def test_without_redis_nothing_of_redis_is_known_and_the_rest_is() -> None:
    Sample.objects.create(at=point_of("15m", 0), figures={"seconds": 10, "queued:fapshi:1": 2})

    history = read_history(RANGES["15m"], NOW)

    assert history.highest("messages:webhooks")[-1] is None
    assert history.highest("in_flight:fapshi:charge")[-1] is None
    assert history.highest("queued:fapshi:1")[-1] == 2


@pytest.mark.parametrize("name", RANGES)
def test_every_range_has_so_many_points_as_fit_a_screen_and_takes_one_query(name: str) -> None:
    wanted = RANGES[name]
    for back in (0, 1, wanted.seconds // wanted.step_seconds - 1, wanted.seconds // wanted.step_seconds):
        sample(point_of(name, back))

    with CaptureQueriesContext(
        connection,
    ) as asked:
        history = read_history(wanted, NOW)

    assert len(asked) == 1
    assert 90 <= len(history.starts) <= 200
    assert len(history.starts) * wanted.step_seconds == wanted.seconds
    assert sum(history.known) == 3, "the oldest sample is out of reach"
    assert (history.known[0], history.known[-2], history.known[-1]) == (True, True, True)


def test_there_is_nothing_before_the_first_sample() -> None:
    assert read_history(RANGES["1h"], NOW).is_empty
