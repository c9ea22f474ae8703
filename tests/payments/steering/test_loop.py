"""The control loop: what it sees in real rows and a real Redis, what it writes, and what holds of it."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from payments import in_force
from payments.charge import charge_payment
from payments.metrics import QUEUE_REGISTRY
from payments.models import ALL, Payment, QueueControl, Steering
from payments.profiles import profile_at
from payments.steering.decide import judge
from payments.steering.loop import steer
from payments.throttle.heard import Heard, Kind, look_at
from payments.throttle.rate import slow_down
from payments.throttle.slots import give_back_question
from payments.throttle.store import PREFIX, store
from tests.brokers import without_redis
from tests.factories import make_payment, make_user
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import turned

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("profiles_on")]


def answered(gateway: str = "fapshi", *, taken: int = 0, ill: int = 0, seconds: float = 0.1) -> None:
    answers = [Heard(Kind.TAKEN, seconds)] * taken + [Heard(Kind.ILL, seconds)] * ill
    give_back_question(gateway, "nobody", answers)


def make_queue(length: int) -> None:
    like = make_payment()
    columns = {field.attname: getattr(like, field.attname) for field in Payment._meta.concrete_fields}
    for unique in ("id", "order_id"):
        columns.pop(unique)
    columns["kind"] = "TOPUP"
    Payment.objects.filter(pk=like.pk).update(kind="TOPUP", order_id=None)
    Payment.objects.bulk_create(Payment(**columns) for _ in range(length - 1))


def look_again(times: int = 1, seconds: float = 2.0) -> Steering:
    """So many looks, each this long after the one before."""
    for _ in range(times):
        for field in ("decided_at", "long_since", "short_since", "flash_sale_since"):
            row = Steering.objects.filter(pk=1, **{f"{field}__isnull": False}).values_list(field, flat=True).first()
            if row is not None:
                Steering.objects.filter(pk=1).update(**{field: row - timedelta(seconds=seconds)})
        assert steer()
    in_force.orders.forget()
    return Steering.objects.get(pk=1)


def forget_answers() -> None:
    store().delete(*(store().keys(f"{PREFIX}heard:*") or ["none"]))


def test_a_long_queue_begins_a_flash_sale_and_raises_it_to_its_ceiling() -> None:
    make_queue(501)

    assert look_again(3).flash_sale_since is None
    assert look_again().flash_sale_since is not None
    assert in_force.current().profile == "flash_sale"
    assert in_force.current().max_concurrent == 60
    look_again(4)

    now = in_force.current()
    assert (now.max_concurrent, now.batch_size, now.attempts, now.queue_alert) == (100, 200, 5, 500)
    assert look_again(3).max_concurrent == 100


def test_with_500_waiting_there_is_no_flash_sale() -> None:
    make_queue(500)

    assert look_again(10).flash_sale_since is None


def test_a_flash_sale_ends_by_itself_and_everything_goes_back() -> None:
    make_queue(501)
    look_again(9)
    Payment.objects.all().update(state="CANCELLED", finished_at=timezone.now())

    assert look_again(25).flash_sale_since is not None
    assert (in_force.current().profile, in_force.current().max_concurrent) == ("flash_sale", 50)
    assert look_again(6).flash_sale_since is None
    assert in_force.current().profile in {"peak_day", "weekend"}


@pytest.mark.invariant("INV-9")
@pytest.mark.parametrize("what", ["fails", "says too many", "is slow"])
def test_an_unwell_gateway_gets_less_and_the_others_nothing_less(what: str) -> None:
    answered("fapshi", taken=50)
    answered("campay", taken=50)
    look_again()
    forget_answers()
    answered("campay", taken=50)
    answered("fapshi", taken=10, ill=10 if what == "fails" else 0, seconds=2 if what == "is slow" else 0.1)
    for _ in range(10 if what == "says too many" else 0):
        slow_down("fapshi", 0.001)

    with capture_logs() as lines:
        row = look_again()

    assert (row.gateway_caps, row.max_concurrent) == ({"fapshi": 14}, None)
    assert in_force.limits_of("fapshi").most == 14
    assert in_force.limits_of("campay").most == 20
    told = {"what": "max_concurrent", "gateway": "fapshi", "was": None, "to": 14, "why": f"it {what}"}
    assert [{name: line[name] for name in told} for line in lines if line["event"] == "steered"] == [told]
    assert look_again(5).gateway_caps == {"fapshi": 2}

    forget_answers()
    answered("fapshi", taken=50)
    assert look_again(13).gateway_caps == {}


def test_a_second_look_within_a_moment_is_none() -> None:
    answered("fapshi", ill=20)
    assert steer()

    assert not steer()
    assert Steering.objects.get().gateway_caps == {"fapshi": 14}


def test_when_every_gateway_that_is_asked_is_unwell_all_goes_down_and_comes_back() -> None:
    answered("fapshi", ill=20)
    usual = in_force.current().max_concurrent

    assert look_again().max_concurrent == int(usual * 0.7)
    forget_answers()
    answered("fapshi", taken=50)
    assert look_again(10).max_concurrent is None


def test_what_was_decided_long_ago_is_not_gone_on_from() -> None:
    long_ago = timezone.now() - timedelta(seconds=40)
    Steering.objects.create(
        pk=1,
        max_concurrent=3,
        gateway_caps={"fapshi": 2},
        flash_sale_since=long_ago,
        long_since=long_ago,
        decided_at=long_ago,
    )
    make_queue(501)

    row = look_again(1, seconds=0)

    assert (row.max_concurrent, row.gateway_caps, row.flash_sale_since) == (None, {}, None)


def test_what_a_person_pinned_the_loop_leaves_alone() -> None:
    person = make_user()
    for gateway, most in (("fapshi", 7), (ALL, 33)):
        QueueControl.objects.create(gateway=gateway, max_concurrent=most, changed_by=person)
    answered("fapshi", ill=20)
    make_queue(501)

    row = look_again(5)

    assert (row.gateway_caps, row.max_concurrent) == ({}, None)
    assert (in_force.limits_of("fapshi").most, in_force.current().max_concurrent) == (7, 33)


@override_settings(PAYMENT_FIGURES_GIVEN={"MAX_CONCURRENT_PAYMENTS"}, MAX_CONCURRENT_PAYMENTS=12)
def test_a_variable_that_is_set_is_the_ceiling() -> None:
    make_queue(501)

    row = look_again(9)

    assert row.flash_sale_since is not None
    assert (row.max_concurrent, in_force.current().max_concurrent, row.batch_size) == (None, 12, 200)


def test_with_profiles_off_or_without_redis_nothing_is_decided() -> None:
    with override_settings(PAYMENT_PROFILES=False):
        assert not steer()
    with without_redis():
        assert not steer()

    assert not Steering.objects.exists()


def test_every_change_is_a_line_and_the_limits_are_metrics() -> None:
    make_queue(501)
    with capture_logs() as lines:
        look_again(5)

    told = [(line["what"], line["was"], line["to"], line["why"]) for line in lines if line["event"] == "steered"]
    clock = profile_at(timezone.now()).name
    assert told == [
        ("profile", "", clock, "clock"),
        ("flash sale", False, True, "501 payments wait"),
        ("profile", clock, "flash_sale", "flash sale"),
        ("max_concurrent", None, 60, "501 payments wait"),
        ("batch_size", None, 120, "501 payments wait"),
        ("max_concurrent", 60, 70, "501 payments wait"),
        ("batch_size", 120, 140, "501 payments wait"),
    ]
    shown = generate_latest(QUEUE_REGISTRY).decode()
    for line in (
        'choptym_limit{gateway="",kind="concurrent"} 70.0',
        'choptym_limit{gateway="",kind="batch"} 140.0',
        'choptym_limit{gateway="",kind="attempts"} 5.0',
        'choptym_limit{gateway="fapshi",kind="concurrent"} 20.0',
        'choptym_limit{gateway="fapshi",kind="per_second"} 920.0',
        'choptym_profile{profile="flash_sale"} 1.0',
    ):
        assert line in shown


def test_what_the_gateways_really_answer_is_what_is_seen(gateway_sandbox: Sandbox) -> None:
    with switched_on(gateway_sandbox.url):
        charge_payment(make_payment().pk)
        with turned(gateway_sandbox, "fapshi", latency_ms=300):
            charge_payment(make_payment().pk)
        with turned(gateway_sandbox, "fapshi", outage=True):
            charge_payment(make_payment().pk)
        with turned(gateway_sandbox, "fapshi", busy_rate=1):
            charge_payment(make_payment().pk)
        seen = look_at("fapshi", seconds=5)

    assert (seen.taken, seen.ill, seen.busy) == (2, 1, 1)
    assert 150 <= seen.latency_ms < 1000
    assert judge(seen, None).why == ""


def test_a_look_in_the_future_of_a_clock_set_back_is_no_reason_to_stop() -> None:
    Steering.objects.create(pk=1, decided_at=timezone.now() + timedelta(hours=1))

    assert steer()
    decided_at = Steering.objects.get().decided_at
    assert decided_at is not None
    assert abs(decided_at - timezone.now()) < timedelta(seconds=5)
