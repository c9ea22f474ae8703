"""Beat and the messages' time to live, while wall clocks jump. Real messages on a real Redis."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery import beat
from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.deadline import moment
from choptym.lib.ticks import SteadyScheduler
from choptym.lib.timed_celery import TimedCelery
from choptym.lib.timed_request import TimedRequest

HOUR = timedelta(hours=1)
PERIOD_SECONDS = 0.05
TICKING_SECONDS = 0.5
QUEUE = "ticks-of-a-test"


def _do_nothing() -> None:
    """Is never run."""


@pytest.fixture
def app() -> Iterator[TimedCelery]:
    app = TimedCelery("test", broker=settings.REDIS_URL, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        result_backend=None,
        result_expires=None,
        beat_schedule={
            "tick": {"task": "tick", "schedule": timedelta(seconds=PERIOD_SECONDS), "options": {"expires": 5}}
        },
    )
    app.task(name="tick")(_do_nothing)
    app.finalize()
    _empty(app)
    yield app
    _empty(app)
    app.close()


def _empty(app: TimedCelery) -> None:
    with app.connection_for_write() as broker, broker.SimpleQueue(QUEUE) as queue:
        queue.clear()


def travelled(hours: int) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + hours * HOUR)


def ticks(scheduler: beat.Scheduler) -> int:
    """How often it sends within TICKING_SECONDS."""
    before, end = scheduler.schedule["tick"].total_run_count, time.monotonic() + TICKING_SECONDS
    while time.monotonic() < end:
        time.sleep(min(max(scheduler.tick(), 0), 0.01))
    return int(scheduler.schedule["tick"].total_run_count - before)


def taken(app: TimedCelery, act: Callable[[Any], None]) -> None:
    """Do this with the next message, as a worker gets it."""
    with app.connection_for_read() as broker, broker.SimpleQueue(QUEUE) as queue:
        message = queue.get(timeout=5)
        act(message)
        message.ack()


def request_of(app: TimedCelery, message: Any) -> TimedRequest:
    return TimedRequest(message, app=app, task=app.tasks["tick"])


@pytest.mark.parametrize("hours", [1, -1])
def test_ticks_go_on_when_the_clock_jumps(app: TimedCelery, hours: int) -> None:
    scheduler = SteadyScheduler(app=app)
    assert ticks(scheduler) >= 3

    with travelled(hours):
        assert 3 <= ticks(scheduler) <= TICKING_SECONDS / PERIOD_SECONDS + 1


def test_celerys_own_schedule_stands_still_for_as_long_as_the_clock_was_put_back(app: TimedCelery) -> None:
    app.now = lambda: datetime.now(UTC)  # type: ignore[method-assign]  # as it is without us
    scheduler = beat.Scheduler(app=app)
    assert ticks(scheduler) >= 3

    with travelled(-1):
        assert ticks(scheduler) == 0


def test_a_scheduler_that_is_started_again_does_not_wait_for_a_time_that_was_wrong(app: TimedCelery) -> None:
    with travelled(1):
        ticks(SteadyScheduler(app=app))

    assert ticks(SteadyScheduler(app=app)) >= 3


@pytest.mark.parametrize("hours", [1, -1])
def test_a_fresh_tick_is_taken_whichever_clock_is_wrong(app: TimedCelery, hours: int) -> None:
    def take(message: Any) -> None:
        request = request_of(app, message)
        assert request.expires is not None
        assert not request.maybe_expire()
        with travelled(hours):
            assert not request.maybe_expire(), "the worker's clock is wrong"

    with travelled(hours):
        ticks(SteadyScheduler(app=app))

    taken(app, take)


def test_an_old_tick_is_thrown_away(app: TimedCelery, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks(SteadyScheduler(app=app))
    late = clock.now() + timedelta(seconds=6)
    monkeypatch.setattr(clock, "_reading", clock.Reading(late, moment(), 0.0))

    taken(app, lambda message: _assert_expired(request_of(app, message)))


def _assert_expired(request: TimedRequest) -> None:
    assert request.maybe_expire()


@pytest.mark.usefixtures("own_clock")
def test_without_any_reading_nothing_expires_and_nothing_is_said_to(app: TimedCelery, django_db_blocker: Any) -> None:
    def take(message: Any) -> None:
        assert message.headers["expires"] is None
        request = request_of(app, message)
        request.expires = datetime.now(UTC) - HOUR
        assert not request.maybe_expire()

    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], "there_is_no_such_database"
    try:
        with django_db_blocker.unblock():
            connection.close_pool()  # type: ignore[attr-defined]
            ticks(SteadyScheduler(app=app))
            taken(app, take)
    finally:
        connection.settings_dict["NAME"] = name
        connection.close_pool()  # type: ignore[attr-defined]
