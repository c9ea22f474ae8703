"""payments.profiles and payments.in_force: which figures hold at which time, and whose word goes first."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from payments import in_force
from payments.in_force import Orders
from payments.models import ALL, QueueControl, Steering
from payments.profiles import profile_at

# In Douala it is an hour later than UTC. 2026-11-23 is a Monday.
MONDAY_MORNING = datetime(2026, 11, 23, 8, tzinfo=UTC)
MONDAY_LUNCH = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
SATURDAY_LUNCH = datetime(2026, 11, 28, 11, 30, tzinfo=UTC)
ON = override_settings(PAYMENT_PROFILES=True)
CHANGED = {
    "MAX_CONCURRENT_PAYMENTS": 7,
    "PAYMENT_BATCH_SIZE": 9,
    "PAYMENT_RETRY_ATTEMPTS": 2,
    "PAYMENT_QUEUE_ALERT_THRESHOLD": 11,
    "PAYMENT_QUEUE_CLEANUP_INTERVAL_MS": 90_500,
}
GIVEN = {name.removesuffix("_MS") for name in CHANGED}


def said(*, caps: dict[str, int] | None = None, seconds_ago: float = 1, **columns: object) -> Orders:
    """The loop has said this, so long before Monday's lunch."""
    decided_at = MONDAY_LUNCH - timedelta(seconds=seconds_ago)
    return Orders(steering=Steering(gateway_caps=caps or {}, decided_at=decided_at, **columns))


def figures(moment: datetime, orders: Orders | None = None) -> tuple[str, int, int, int, int, float]:
    now = in_force.at(moment, orders or Orders())
    return (now.profile, now.max_concurrent, now.batch_size, now.attempts, now.queue_alert, now.cleanup_seconds)


@pytest.mark.parametrize(
    ("moment", "name", "concurrent"),
    [
        ("2026-11-23T10:59:59+00:00", "peak_day", 20),
        ("2026-11-23T11:00:00+00:00", "peak_day", 30),  # 12:00 in Douala
        ("2026-11-23T12:59:59+00:00", "peak_day", 30),
        ("2026-11-23T13:00:00+00:00", "peak_day", 20),
        ("2026-11-23T17:00:00+00:00", "peak_day", 30),
        ("2026-11-23T19:00:00+00:00", "peak_day", 20),
        ("2026-11-27T22:59:59+00:00", "peak_day", 20),  # Friday, still
        ("2026-11-27T23:00:00+00:00", "weekend", 40),  # Saturday in Douala
        ("2026-11-28T11:30:00+00:00", "weekend", 40),
        ("2026-11-29T22:59:59+00:00", "weekend", 40),
        ("2026-11-29T23:00:00+00:00", "peak_day", 20),
        ("2026-11-23T20:30:00+09:00", "peak_day", 30),  # the same moment, told from elsewhere
    ],
)
def test_the_clock_of_douala_chooses(moment: str, name: str, concurrent: int) -> None:
    profile = profile_at(datetime.fromisoformat(moment))

    assert (profile.name, profile.concurrent) == (name, concurrent)


@ON
def test_the_figures_are_those_of_the_table() -> None:
    sale = said(flash_sale_since=MONDAY_LUNCH)

    assert figures(MONDAY_MORNING) == ("peak_day", 20, 50, 3, 100, 3600)
    assert figures(MONDAY_LUNCH) == ("peak_day", 30, 50, 3, 100, 3600)
    assert figures(SATURDAY_LUNCH) == ("weekend", 40, 75, 3, 100, 1800)
    assert figures(MONDAY_LUNCH, sale) == ("flash_sale", 50, 100, 5, 500, 3600)


def test_with_profiles_off_the_settings_hold_whatever_the_loop_said() -> None:
    sale = said(flash_sale_since=MONDAY_LUNCH, max_concurrent=100, batch_size=200)

    assert figures(MONDAY_LUNCH, sale) == ("default", 10, 50, 3, 100, 3600)
    with override_settings(**CHANGED):
        assert figures(MONDAY_LUNCH) == ("default", 7, 9, 2, 11, 90.5)


@ON
def test_a_variable_that_is_set_holds_and_is_the_ceiling() -> None:
    loop = said(flash_sale_since=MONDAY_LUNCH, max_concurrent=100, batch_size=200)

    with override_settings(PAYMENT_FIGURES_GIVEN=GIVEN, **CHANGED):
        assert figures(MONDAY_LUNCH) == ("peak_day", 7, 9, 2, 11, 90.5)
        assert figures(MONDAY_LUNCH, loop) == ("flash_sale", 7, 9, 2, 11, 90.5)
        assert figures(MONDAY_LUNCH, said(max_concurrent=3))[1] == 3
    with override_settings(**CHANGED):  # a default of ours is nobody's word
        assert figures(MONDAY_LUNCH) == ("peak_day", 30, 50, 3, 100, 3600)


@ON
def test_the_loop_goes_up_and_down_within_the_profile() -> None:
    sale = said(flash_sale_since=MONDAY_LUNCH, max_concurrent=100, batch_size=200)

    assert figures(MONDAY_LUNCH, sale)[:3] == ("flash_sale", 100, 200)
    assert figures(MONDAY_LUNCH, said(max_concurrent=12, batch_size=20))[:3] == ("peak_day", 12, 20)
    assert figures(MONDAY_LUNCH, said(max_concurrent=100, batch_size=200))[:3] == ("peak_day", 30, 50)


@ON
def test_what_the_loop_said_more_than_30_seconds_ago_does_not_hold() -> None:
    def after(seconds: float) -> Orders:
        return said(seconds_ago=seconds, flash_sale_since=MONDAY_LUNCH, max_concurrent=100, batch_size=200)

    assert figures(MONDAY_LUNCH, after(29))[:3] == ("flash_sale", 100, 200)
    assert figures(MONDAY_LUNCH, after(31))[:3] == ("peak_day", 30, 50)


@ON
def test_what_a_person_pinned_goes_before_everything() -> None:
    control = QueueControl(gateway=ALL, max_concurrent=64)
    loop = said(max_concurrent=12, pinned_profile="weekend").steering

    with override_settings(PAYMENT_FIGURES_GIVEN=GIVEN, **CHANGED):
        assert figures(MONDAY_LUNCH, Orders({ALL: control}, loop))[:2] == ("weekend", 64)
    assert figures(MONDAY_LUNCH, said(pinned_profile="flash_sale", seconds_ago=900))[:2] == ("flash_sale", 50)
    assert figures(SATURDAY_LUNCH, said(pinned_profile="peak_day"))[:2] == ("peak_day", 30)
    assert figures(SATURDAY_LUNCH, said(pinned_profile="default"))[:2] == ("default", 10)


@ON
@pytest.mark.usefixtures("silent_gateways")
def test_a_gateways_cap_is_the_loops_unless_a_person_pinned_it() -> None:
    steering = Steering(gateway_caps={"fapshi": 3, "campay": 500}, decided_at=datetime.now(UTC))
    in_force.orders.put(Orders(steering=steering))

    assert [in_force.limits_of(name).most for name in ("fapshi", "campay", "razorpay")] == [3, 20, 20]

    in_force.orders.put(Orders({"fapshi": QueueControl(gateway="fapshi", max_concurrent=44)}, steering))
    assert in_force.limits_of("fapshi").most == 44

    steering.decided_at = datetime.now(UTC) - timedelta(seconds=31)
    in_force.orders.put(Orders(steering=steering))
    assert in_force.limits_of("fapshi").most == 20
