"""A payment's turn: postponed without a try, moved on while the circuit is open, never when a try may have charged."""

import time
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from choptym.lib.money import Money
from payments import turn as turns
from payments.charge import charge_payment
from payments.locks import move_to_gateway
from payments.models import Detour, Payment
from payments.routing import choose_gateway, gateways_instead
from payments.states import AttemptState, PaymentState
from payments.story import read_story
from payments.throttle.admit import Admission, release
from payments.throttle.breaker import Health
from payments.throttle.figures import read_figures
from payments.throttle.rate import slow_down
from payments.turn import _find, take_turn
from tests.brokers import without_redis
from tests.factories import a_while_ago, fresh, make_attempt, make_payment, make_phone, make_topup
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.throttle.limits import charged, limited
from tests.payments.tricks import booked, turn, turned

pytestmark = pytest.mark.django_db


def break_circuit(gateway: str = "fapshi", operator: str = "") -> None:
    for _ in range(settings.PAYMENT_CIRCUIT_LEAST_CALLS):
        charged(gateway, operator, Health.BAD)


def seconds_until_due(payment: Payment) -> float:
    return (fresh(payment).next_attempt_at - timezone.now()).total_seconds()


@pytest.mark.parametrize("reason", ["rate", "slots", "gateway_slots", "circuit", "redis"])
def test_a_postponement_is_no_try(reason: str) -> None:
    payment = make_payment(published_at=timezone.now())
    settings_of = {"slots": {"all_slots": 1}, "gateway_slots": {"slots": 1}}.get(reason, {})
    with limited(PAYMENT_FAILOVER=False, **settings_of):
        if reason == "rate":
            slow_down("fapshi", 10)
        if "slots" in reason:
            assert take_turn(make_payment().pk) is not None
        if reason == "circuit":
            break_circuit()
        with without_redis() if reason == "redis" else nullcontext():
            charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.attempts_made, row.published_at) == ("QUEUED", 0, None)
    assert not row.attempts.exists()
    assert 0.3 < seconds_until_due(payment) < 73


def test_a_payment_that_is_let_through_gives_its_slot_back(sandbox: Sandbox) -> None:
    charge_payment(make_payment().pk)

    figures = read_figures()
    assert (figures.counts["admitted", "fapshi"], figures.in_flight["fapshi", "charge"]) == (1, 0)


def test_what_is_not_due_asks_nobody() -> None:
    later = make_payment(next_attempt_at=timezone.now() + timedelta(seconds=9))
    for payment in (later, make_payment(expires_at=a_while_ago()), make_payment(state=PaymentState.PENDING)):
        assert take_turn(payment.pk) is None

    assert read_figures().counts == {}


@pytest.mark.invariant("INV-9")
def test_a_gateway_that_is_down_is_left_alone_after_ten_calls(sandbox: Sandbox) -> None:
    payments = [make_payment() for _ in range(14)]
    with limited(PAYMENT_FAILOVER=False), turned(sandbox, "fapshi", outage=True):
        for payment in payments:
            charge_payment(payment.pk)

    states = [fresh(payment).state for payment in payments]
    assert states == ["REQUESTED"] * 10 + ["QUEUED"] * 4


@pytest.mark.invariant("INV-9")
def test_while_the_circuit_is_open_a_payment_goes_to_the_next_gateway(sandbox: Sandbox) -> None:
    payment = make_payment()
    break_circuit()

    charge_payment(payment.pk)

    row = fresh(payment)
    assert (row.state, row.gateway) == ("PENDING", "campay")
    assert list(row.attempts.values_list("gateway", "state")) == [("campay", "ACCEPTED")]
    [detour] = Detour.objects.filter(payment=payment)
    assert (detour.from_gateway, detour.to_gateway) == ("fapshi", "campay")
    titles = {moment.step.title for moment in read_story(payment.pk).moments}
    assert {f"Accepted: 2,500 XAF by fapshi, {payment.phone}", "Moved from fapshi to campay"} <= titles
    assert read_figures().counts["failover", "fapshi", "campay"] == 1


def test_the_operator_at_one_gateway_being_down_is_enough(sandbox: Sandbox) -> None:
    mtn, orange = make_payment(), make_payment(phone=make_phone("orange"))
    for _ in range(settings.PAYMENT_CIRCUIT_LEAST_CALLS):
        charged("fapshi", "orange", Health.GOOD)
        charged("fapshi", "mtn", Health.BAD)

    charge_payment(mtn.pk)
    charge_payment(orange.pk)

    assert (fresh(mtn).gateway, fresh(orange).gateway) == ("campay", "fapshi")


def test_with_failover_switched_off_it_waits() -> None:
    payment = make_payment()
    with limited(PAYMENT_FAILOVER=False):
        break_circuit()
        charge_payment(payment.pk)

    assert (fresh(payment).state, fresh(payment).gateway) == ("QUEUED", "fapshi")
    assert 59 < seconds_until_due(payment) < 73


def test_with_every_circuit_open_it_waits_where_it_is() -> None:
    payment = make_payment()
    break_circuit()
    break_circuit("campay")
    charge_payment(payment.pk)

    assert (fresh(payment).state, fresh(payment).gateway) == ("QUEUED", "fapshi")
    assert not Detour.objects.exists()


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("state", ["STARTED", "UNKNOWN", "ACCEPTED", "PAID"])
def test_a_payment_of_which_a_try_may_have_charged_is_never_moved(state: str) -> None:
    payment = make_payment()
    make_attempt(payment, AttemptState(state))
    break_circuit()
    charge_payment(payment.pk)

    assert (fresh(payment).gateway, Detour.objects.exists()) == ("fapshi", False)
    assert not move_to_gateway(payment.pk, "fapshi", "campay")


@pytest.mark.invariant("INV-2")
def test_an_unknown_outcome_stays_with_its_gateway(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, error_after_capture_rate=1)
    charge_payment(payment.pk)
    break_circuit()
    charge_payment(payment.pk)

    assert (fresh(payment).state, fresh(payment).gateway) == ("REQUESTED", "fapshi")
    assert len(booked(sandbox, payment)) == 1


@pytest.mark.parametrize("state", ["NOT_SENT", "ABSENT", "POSTPONED"])
def test_after_a_try_that_proved_not_to_charge_it_may_be_moved(sandbox: Sandbox, state: str) -> None:
    payment = make_payment(attempts_made=1)
    make_attempt(payment, AttemptState(state))
    break_circuit()
    charge_payment(payment.pk)

    assert fresh(payment).gateway == "campay"
    assert list(payment.attempts.order_by("number").values_list("gateway", flat=True)) == ["fapshi", "campay"]


def test_a_move_that_comes_too_late_gives_its_slot_back() -> None:
    payment = make_payment()
    make_attempt(payment, AttemptState.UNKNOWN)
    break_circuit()

    assert take_turn(payment.pk) is None

    assert read_figures().in_flight["campay", "charge"] == 0


def test_the_rank_of_a_payment_is_by_its_priority_and_how_long_it_has_waited() -> None:
    ranks = {}
    for priority in (1, 2, 3):
        for seconds in (29, 31):
            payment = make_payment(priority=priority)
            Payment.objects.filter(pk=payment.pk).update(queued_at=a_while_ago(seconds))
            waiting = _find(payment.pk)
            assert waiting is not None
            ranks[priority, seconds] = waiting.rank.value

    others = {(1, 29): "other", (1, 31): "aged", (2, 29): "other", (2, 31): "aged"}
    assert ranks == {**others, (3, 29): "high", (3, 31): "high"}


@pytest.mark.parametrize("limits", [{"slots": 1}, {"all_slots": 1}])
def test_a_slot_that_comes_free_soon_is_waited_for(limits: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """To be put back is a commit, and another one to be taken in hand again."""
    first, second = make_payment(), make_payment()
    with limited(**limits):
        in_flight = take_turn(first.pk)
        assert in_flight is not None
        monkeypatch.setattr(turns, "wait_until", lambda moment: release(in_flight))

        assert take_turn(second.pk) is not None

    assert seconds_until_due(second) <= 0


def test_a_slot_is_not_waited_for_longer_than_half_a_second() -> None:
    """Whoever waits has a thread, and a crowd would take all of them."""
    with limited(slots=1):
        assert take_turn(make_payment().pk) is not None
        began = time.monotonic()

        assert take_turn(make_payment().pk) is None

    assert time.monotonic() - began < 1


def test_at_a_gateway_that_is_full_of_others_a_high_payment_is_let_through() -> None:
    normal, high, old = make_payment(), make_payment(priority=3), make_payment()
    Payment.objects.filter(pk=old.pk).update(queued_at=a_while_ago(31))
    with limited(slots=10):
        assert take_turn(high.pk) is not None  # so that it is known that there are some
        while take_turn(make_payment().pk) is not None:
            pass

        assert take_turn(normal.pk) is None
        assert take_turn(old.pk) is not None


@pytest.mark.parametrize(
    ("routes", "phone", "chosen"),
    [
        ({}, "677000001", "fapshi"),
        ({"mtn": ["campay"]}, "677000001", "campay"),
        ({"mtn": ["campay"]}, "699000001", "fapshi"),
        ({"mtn": ["fapshi"], "XAF": ["campay"]}, "699000001", "campay"),
        ({"mtn": ["razorpay", "campay"]}, "677000001", "campay"),  # the first one is switched off
    ],
)
def test_without_a_method_the_operator_and_then_the_currency_decides(
    routes: dict[str, list[str]], phone: str, chosen: str
) -> None:
    with override_settings(PAYMENT_ROUTES=routes):
        assert choose_gateway(Money(2500, "XAF"), phone, by_link=False) == chosen


def test_another_gateway_must_take_the_amount_the_currency_and_the_phone() -> None:
    money = Money(50, "XAF")  # below Fapshi's least

    assert choose_gateway(money, "677000001", by_link=False) == "campay"
    assert gateways_instead("campay", money, "677000001", by_link=False) == []
    assert gateways_instead("fapshi", Money(2500, "XAF"), "677000001", by_link=False) == ["campay"]
    assert gateways_instead("fapshi", Money(2500, "INR"), "677000001", by_link=False) == []


def test_a_topup_is_moved_as_an_order_is(sandbox: Sandbox) -> None:
    payment = make_topup(amount_minor=700)
    break_circuit()
    assert isinstance(take_turn(payment.pk), Admission)

    assert fresh(payment).gateway == "campay"


@pytest.mark.invariant("INV-8")
def test_a_worker_that_is_let_through_claims_only_at_that_gateway(sandbox: Sandbox) -> None:
    """Somebody moves the payment between admission and claim."""
    payment = make_payment()
    with switched_on(sandbox.url):
        admission = take_turn(payment.pk)
        assert admission is not None
        Payment.objects.filter(pk=payment.pk).update(gateway="campay")
        charge_payment(payment.pk)

    assert (fresh(payment).gateway, fresh(payment).state) == ("campay", "PENDING")
