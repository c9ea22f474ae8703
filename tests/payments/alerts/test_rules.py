"""Every rule with real rows, connections and keys: what fires it, and what is just below."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from choptym.lib.snapshot import Snapshot
from payments.alerts.books import note_proof
from payments.alerts.check import GROUPS
from payments.alerts.figures import FIGURES
from payments.alerts.judge import say, severity_of
from payments.alerts.rules import RULES, Reading
from payments.models import BooksProof, Payment
from payments.prove import find_breaks
from payments.states import PaymentState
from payments.throttle.breaker import Health, note_verdicts
from tests.brokers import forget_clients
from tests.factories import a_while_ago, make_event, make_notification, make_payment, make_pending, make_topup
from tests.gateways import forget_throttle, switched_on
from tests.payments.alerts.figures_world import (
    asked,
    break_found,
    connections_until,
    control,
    day_compared,
    ended,
    many,
    one_goes,
    queued_ago,
    redis_filled_to,
    redis_set,
    untold_messages,
    worker,
)
from tests.payments.test_stuck import LATE, SOON, not_booked, refund, set_aside, unclaimed, under_review
from tests.payments.throttle.limits import charged

pytestmark = pytest.mark.django_db

W, C = "WARNING", "CRITICAL"
Make = Callable[[], object]


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Snapshot, "get", lambda self: self._read())
    with switched_on():
        yield
    forget_clients()
    forget_throttle()


def beyond(rule: str) -> dict[str, str]:
    """The places at which this rule has something to say, and how bad it is."""
    readings = FIGURES[rule]()
    assert len({reading.place for reading in readings}) == len(readings), "a place is read twice"
    found = {reading.place: severity_of(RULES[rule], reading) for reading in readings}
    return {place: str(severity) for place, severity in found.items() if severity is not None}


def charges(number: int, gateway: str = "fapshi") -> None:
    for _ in range(number):
        charged(gateway, "", Health.BAD)


def verdicts(number: int) -> None:
    note_verdicts("campay", [("mtn", False)] * number)


def proof(**breaks: int) -> None:
    note_proof({kind: ["a place"] * count for kind, count in breaks.items()})


def proved_ago(minutes: float) -> None:
    proof()
    BooksProof.objects.update(proved_at=timezone.now() - timedelta(minutes=minutes))


def books_as_they_are(make: Make) -> Make:
    def run() -> None:
        make()
        note_proof(find_breaks())

    return run


def forgotten_check(seconds: float) -> None:
    payment, _ = make_pending()
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago(seconds))


def forgotten_but_stopped() -> None:
    control("STOP", since=5)
    forgotten_check(130)


def compared(hours: float) -> None:
    for gateway in settings.GATEWAYS:
        day_compared(gateway, hours_ago=hours)


def compared_with_break() -> None:
    compared(0)
    break_found("campay", (datetime.now(UTC) - timedelta(days=9)).date())


def overdue() -> None:
    payment = make_payment()
    Payment.objects.filter(pk=payment.pk).update(expires_at=a_while_ago(400))


def expired_by_now(seconds: float) -> None:
    control("STOP", since=9999, until=timezone.now() + timedelta(seconds=seconds))


FIRST_LATE = {f"{gateway}, last day": W for gateway in ("fapshi", "campay", "razorpay", "cashfree")}

# rule, what is made, and what is said of which place. Each rule has both: something, and nothing just below it.
CASES: list[tuple[str, Make | AbstractContextManager[None], dict[str, str]]] = [
    ("queue_length", lambda: many(99), {}),
    ("queue_length", lambda: many(100), {"": W}),
    ("queue_length", lambda: many(999), {"": W}),
    ("queue_length", lambda: many(1000), {"": C}),
    ("queue_length", lambda: many(1000, PaymentState.PENDING), {}),
    ("error_rate", lambda: ended(99, 1), {}),
    ("error_rate", lambda: ended(98, 2), {"": W}),
    ("error_rate", lambda: ended(90, 10), {"": C}),
    ("error_rate", lambda: ended(0, 19), {}),
    ("error_rate", lambda: ended(0, 20), {"": C}),
    ("success_rate", lambda: ended(95, 5), {}),
    ("success_rate", lambda: ended(94, 6), {"": W}),
    ("success_rate", lambda: ended(89, 11), {"": C}),
    ("success_rate", lambda: ended(0, 19), {}),
    ("processing_time", lambda: asked(5, processing=1.9), {}),
    ("processing_time", lambda: asked(5, processing=2.0), {"": W}),
    ("processing_time", lambda: asked(5, processing=30.0), {"": C}),
    ("processing_time", lambda: asked(4, processing=30.0), {}),
    ("wait_time", lambda: asked(5, wait=899), {}),
    ("wait_time", lambda: asked(5, wait=900), {"": W}),
    ("wait_time", lambda: asked(5, wait=1200), {"": C}),
    ("database_connections", connections_until(79), {}),
    ("database_connections", connections_until(80), {"": W}),
    ("database_connections", connections_until(90), {"": C}),
    ("oldest_waiting", lambda: queued_ago(590, priority=3), {}),
    ("oldest_waiting", lambda: queued_ago(610, priority=3), {"p1.high": W}),
    ("oldest_waiting", lambda: queued_ago(1210, priority=1), {"p3.normal": C}),
    ("oldest_waiting", lambda: queued_ago(9999, state=PaymentState.PENDING), {}),
    ("lease_overdue", lambda: forgotten_check(110), {}),
    ("lease_overdue", lambda: forgotten_check(130), {"payments": W}),
    ("lease_overdue", lambda: many(100, PaymentState.PENDING, next_check_at=a_while_ago(130)), {"payments": C}),
    ("lease_overdue", lambda: make_event(next_look_at=a_while_ago(130)), {"webhook events": W}),
    ("lease_overdue", lambda: make_notification(next_attempt_at=a_while_ago(130)), {"notifications": W}),
    ("lease_overdue", forgotten_but_stopped, {}),
    ("circuit_open", lambda: charges(9), {}),
    ("circuit_open", lambda: charges(10), {"fapshi": C}),
    ("circuit_open", lambda: verdicts(9), {}),
    ("circuit_open", lambda: verdicts(10), {"campay/mtn": W}),
    ("worker_silent", lambda: worker("all@here", *settings.QUEUES, unanswered=34), {}),
    ("worker_silent", lambda: (worker("all@here", *settings.QUEUES), worker("b@here", "webhooks", unanswered=36)),
     {"b@here": W}),
    ("worker_silent", lambda: (worker("all@here", *settings.QUEUES[1:]), worker("high@here", "p1.high", unanswered=36)),
     {"high@here": W, "queue p1.high": C}),
    ("worker_silent", lambda: (worker("all@here", *settings.QUEUES[1:]), worker("high@here", "p1.high", ended_ago=34)),
     {}),
    ("worker_silent", lambda: (worker("all@here", *settings.QUEUES[1:]), worker("high@here", "p1.high", ended_ago=36)),
     {"queue p1.high": C}),
    ("worker_silent", lambda: worker("all@here", *settings.QUEUES[:-1]), {"queue reports": W}),
    ("worker_silent", lambda: worker("all@here", *settings.QUEUES[:-1], started=30), {}),
    ("worker_silent", lambda: (worker("all@here", *settings.QUEUES), worker("r@here", "reports", unanswered=800)), {}),
    ("books", proof, {}),
    ("books", books_as_they_are(make_topup), {}),
    ("books", books_as_they_are(lambda: make_topup(state=PaymentState.SETTLED)), {"": C}),
    ("books", books_as_they_are(overdue), {"late": W}),
    ("books", lambda: proved_ago(29), {}),
    ("books", lambda: proved_ago(31), {"proof": W}),
    ("books", lambda: proved_ago(121), {"proof": C}),
    ("reconciliation", lambda: compared(0), {}),
    ("reconciliation", lambda: compared(36), FIRST_LATE),
    ("reconciliation", lambda: compared(72), dict.fromkeys(FIRST_LATE, C)),
    ("reconciliation", compared_with_break, {"campay": W}),
    ("reconciliation", lambda: queued_ago(35 * 3600), {}),
    ("reconciliation", lambda: queued_ago(37 * 3600), FIRST_LATE),
    ("redis_memory", redis_filled_to(55), {}),
    ("redis_memory", redis_filled_to(65), {"": W}),
    ("redis_memory", redis_filled_to(85), {"": C}),
    ("redis_memory", redis_set("maxmemory-policy", "allkeys-lru"), {"maxmemory-policy": C}),
    ("captured_without_outcome", lambda: under_review(SOON), {}),
    ("captured_without_outcome", lambda: under_review(LATE), {"under_review": C}),
    ("captured_without_outcome", lambda: set_aside(LATE), {"set_aside": C}),
    ("captured_without_outcome", lambda: not_booked(LATE), {"not_booked": C}),
    ("captured_without_outcome", lambda: unclaimed(LATE), {"unclaimed": W}),
    ("captured_without_outcome", lambda: refund(LATE), {}),
    ("refund_overdue", lambda: refund(SOON), {}),
    ("refund_overdue", lambda: refund(LATE), {"": W}),
    ("refund_overdue", lambda: [refund(LATE) for _ in range(20)], {"": C}),
    ("messages_untold", lambda: untold_messages(19, state="GIVEN_UP", attempts=2), {}),
    ("messages_untold", lambda: untold_messages(20, state="GIVEN_UP", attempts=2), {"given_up": W}),
    ("messages_untold", lambda: untold_messages(1000, state="GIVEN_UP", attempts=2), {"given_up": C}),
    ("messages_untold", lambda: untold_messages(20, state="GIVEN_UP", attempts=1), {}),
    ("messages_untold", lambda: untold_messages(20, state="GIVEN_UP", attempts=2, next_attempt_at=a_while_ago(90_000)),
     {}),
    ("messages_untold", lambda: untold_messages(2), {}),
    ("messages_untold", lambda: untold_messages(3), {"nothing_goes": W}),
    ("messages_untold", lambda: [one_goes(), untold_messages(99)], {}),
    ("messages_untold", lambda: [one_goes(), untold_messages(100)], {"tried_in_vain": W}),
    ("messages_untold", lambda: [one_goes(), untold_messages(1000)], {"tried_in_vain": C}),
    ("messages_untold", lambda: [one_goes(channel="email"), untold_messages(3)], {"nothing_goes": W}),
    ("messages_untold", lambda: [one_goes(created_at=a_while_ago(610)), untold_messages(3)], {"nothing_goes": W}),
    ("messages_untold", lambda: untold_messages(20, problem=""), {}),
    ("messages_untold", lambda: untold_messages(20, created_at=a_while_ago(590)), {}),
    ("queue_stopped", lambda: control("STOP", since=590), {}),
    ("queue_stopped", lambda: control("STOP", since=610), {"all": W}),
    ("queue_stopped", lambda: control("DRAIN", since=610, gateway="campay"), {"campay": W}),
    ("queue_stopped", lambda: control("RUN", since=9999), {}),
    ("queue_stopped", lambda: expired_by_now(-1), {}),
    ("queue_stopped", lambda: expired_by_now(60), {"all": W}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "make", "expected"), CASES)
def test_what_fires_a_rule_and_what_does_not(
    rule: str, make: Make | AbstractContextManager[None], expected: dict[str, str]
) -> None:
    with ExitStack() as world:
        if isinstance(make, AbstractContextManager):
            world.enter_context(make)
        else:
            make()

        assert beyond(rule) == expected


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_case_that_fires_it_and_one_that_does_not(rule: str) -> None:
    assert {bool(expected) for name, _, expected in CASES if name == rule} == {True, False}


@pytest.mark.parametrize("rule", RULES)
def test_with_nothing_there_all_is_well(rule: str) -> None:
    assert beyond(rule) == {}


def test_every_rule_has_a_figure_and_is_looked_at_once() -> None:
    assert sorted(RULES) == sorted(FIGURES) == sorted(name for names in GROUPS.values() for name in names)


@pytest.mark.parametrize(("threshold", "critical"), [(500, 1000), (700, 1400)])
def test_a_higher_threshold_for_the_queue_moves_the_critical_one_along(threshold: int, critical: int) -> None:
    with override_settings(PAYMENT_QUEUE_ALERT_THRESHOLD=threshold):
        [reading] = FIGURES["queue_length"]()

    assert (reading.warning, reading.critical) == (threshold, critical)


def test_of_a_pool_of_a_thousand_fewer_than_fifty_idle_ones_are_within_the_rule() -> None:
    percent = 100 * (1000 - 49) / 1000

    assert severity_of(RULES["database_connections"], Reading("", percent)) is not None


def test_a_text_says_what_where_and_how_far_from_where_it_should_be() -> None:
    many(120)
    rule, [reading] = RULES["queue_length"], FIGURES["queue_length"]()

    assert say(rule, reading, severity_of(rule, reading)) == "Queue length: 120 payments (warning from 100 payments)"
    charges(10, "campay")
    rule = RULES["circuit_open"]
    reading = next(one for one in FIGURES["circuit_open"]() if one.place == "campay")
    assert say(rule, reading, severity_of(rule, reading)) == "Circuit open of campay: open"


def test_the_nearest_limit_of_connections_counts_not_only_the_servers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend'"
        )
        [used] = cursor.fetchone()
        cursor.execute(f"ALTER ROLE CURRENT_USER CONNECTION LIMIT {used}")  # rolled back with the test

    [reading] = FIGURES["database_connections"]()

    assert reading.said.endswith("connections are in use (role)")
    assert severity_of(RULES["database_connections"], reading) is not None
