"""The staff's doors to the queue: who may steer, what is answered, and that bad input changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from choptym.audit.models import Act
from payments.housekeeping.jobs import due_jobs
from payments.models import Job, QueueControl
from tests.api.refund_doors import code_of, token_of
from tests.api.world import World, nothing_changes, read
from tests.factories import make_topup
from tests.payments.staff import make_staff

pytestmark = pytest.mark.usefixtures("steered")

DOORS = ["stop", "drain", "resume", "set"]
HOLD = {"gateway": "fapshi", "reason": "it answers with nonsense"}


@pytest.fixture
def operator(world: World) -> str:
    return token_of(make_staff("operators"))


def send(world: World, door: str, body: object, token: str) -> Any:
    return world.send("POST", f"/api/payment/queue/{door}", body, Authorization=token)


def body_for(door: str, **more: object) -> dict[str, object]:
    return {**HOLD, **({"max_concurrent": 3} if door == "set" else {}), **more}


def test_a_stop_is_answered_with_what_holds_now(world: World, operator: str) -> None:
    until = timezone.localtime(timezone.now() + timedelta(minutes=10)).isoformat()

    shown = read(send(world, "stop", {**HOLD, "until": until}, operator))

    assert shown == {
        "gateway": "fapshi",
        "mode": "STOP",
        "ordered": "STOP",
        "until": until,
        "max_concurrent": None,
        "rate_per_second": None,
        "reason": HOLD["reason"],
        "note": "",
        "modes": {"fapshi": "STOP", "campay": "RUN", "razorpay": "RUN", "cashfree": "RUN", "wallet": "RUN"},
    }
    assert read(world.send("GET", "/api/payment/queue/status"))["modes"] == shown["modes"]


def test_all_are_stopped_and_one_is_resumed_in_vain(world: World, operator: str) -> None:
    send(world, "stop", {**HOLD, "gateway": "all"}, operator)

    shown = read(send(world, "resume", HOLD, operator))

    assert (shown["mode"], shown["ordered"]) == ("STOP", "RUN")
    assert shown["note"] == "fapshi is still stopped, because all gateways are: resume all as well."


def test_limits_are_set_kept_and_taken_back(world: World, operator: str) -> None:
    send(world, "set", {**HOLD, "max_concurrent": 3, "rate_per_second": 9}, operator)
    kept = read(send(world, "set", {**HOLD, "max_concurrent": 4}, operator))
    assert (kept["max_concurrent"], kept["rate_per_second"]) == (4, 9)

    back = read(send(world, "set", {**HOLD, "rate_per_second": None}, operator))

    assert (back["max_concurrent"], back["rate_per_second"], back["mode"]) == (4, None, "RUN")


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("who", ["customer", "support", "finance", "nobody"])
def test_others_change_nothing(world: World, door: str, who: str) -> None:
    tokens = {"customer": f"Token {world.token}", "nobody": ""}
    token = tokens[who] if who in tokens else token_of(make_staff(who))

    with nothing_changes():
        answer = send(world, door, body_for(door), token)

    expected = (401, "not_authenticated") if who == "nobody" else (403, "permission_denied")
    assert code_of(answer)[:2] == expected


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("door", DOORS)
def test_an_operator_who_is_no_staff_any_more_changes_nothing(world: World, door: str) -> None:
    former = make_staff("operators")
    former.is_staff = False
    former.save()
    token = token_of(former)

    with nothing_changes():
        answer = send(world, door, body_for(door), token)

    assert code_of(answer)[:2] == (403, "permission_denied")


PAST, FAR = "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("door", "body", "code", "fields"),
    [
        ("stop", {"reason": "x"}, "required", ["gateway"]),
        ("stop", {"gateway": "fapshi"}, "required", ["reason"]),
        ("stop", {"gateway": "", "reason": "x"}, "blank", ["gateway"]),
        ("stop", {**HOLD, "gateway": "stripe"}, "unknown_gateway", ["gateway"]),
        ("stop", {**HOLD, "gateway": ["fapshi"]}, "invalid", ["gateway"]),
        ("stop", {**HOLD, "reason": " "}, "blank", ["reason"]),
        ("stop", {**HOLD, "reason": 0}, "invalid", ["reason"]),
        ("stop", {**HOLD, "gateway": 0}, "invalid", ["gateway"]),
        ("stop", {**HOLD, "reason": "x" * 501}, "max_length", ["reason"]),
        ("stop", {**HOLD, "reason": "\0"}, "malformed", []),
        ("drain", {**HOLD, "until": PAST}, "bad_until", ["until"]),
        ("drain", {**HOLD, "until": FAR}, "overflow", ["until"]),
        ("drain", {**HOLD, "until": "tomorrow"}, "invalid", ["until"]),
        ("drain", {**HOLD, "untill": FAR}, "unknown_field", ["untill"]),
        ("resume", {**HOLD, "until": FAR}, "unknown_field", ["until"]),
        ("set", HOLD, "nothing_to_set", []),
        ("set", {**HOLD, "max_concurrent": 0}, "bad_concurrency", ["max_concurrent"]),
        ("set", {**HOLD, "max_concurrent": "1e9"}, "invalid", ["max_concurrent"]),
        ("set", {**HOLD, "max_concurrent": 10**30}, "bad_concurrency", ["max_concurrent"]),
        ("set", {**HOLD, "max_concurrent": True}, "invalid", ["max_concurrent"]),
        ("set", {**HOLD, "rate_per_second": -1}, "bad_rate", ["rate_per_second"]),
        ("set", {**HOLD, "gateway": "all", "rate_per_second": 1}, "rate_needs_gateway", ["rate_per_second"]),
        ("set", {**HOLD, "gateway": "wallet", "max_concurrent": 1}, "no_limits", ["gateway"]),
    ],
)
def test_bad_input_changes_nothing(
    world: World, operator: str, door: str, body: object, code: str, fields: list[str]
) -> None:
    with nothing_changes():
        answer = send(world, door, body, operator)

    assert code_of(answer) == (400, code, fields)


def test_a_customer_is_told_that_their_payment_stands_still(world: World, operator: str) -> None:
    payment = make_topup(user=world.customer)
    address = f"/api/payments/{payment.pk}/"
    before = read(world.send("GET", address))
    assert (before["paused"], before["paused_until"]) == (False, None)

    send(world, "drain", HOLD, operator)
    paused = read(world.send("GET", address))
    assert (paused["paused"], paused["paused_until"], paused["status"]) == (True, None, "QUEUED")
    assert paused["eta_seconds"] >= 1
    assert paused["retry_after_seconds"] == 5

    send(world, "drain", {**HOLD, "until": (timezone.now() + timedelta(minutes=20)).isoformat()}, operator)
    waits = read(world.send("GET", address))
    assert 1190 < waits["eta_seconds"] < 1300
    assert waits["paused_until"] is not None

    notes = [
        read(send(world, "drain", {**HOLD, "until": (timezone.now() + held).isoformat()}, operator))["note"]
        for held in (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1))
    ]
    assert notes == ["", *["Payments that wait longer than 30 min expire."] * 2]
    assert read(world.send("GET", address))["eta_seconds"] <= 1800, "no later than it expires"

    send(world, "resume", HOLD, operator)
    assert read(world.send("GET", address))["paused"] is False
    assert QueueControl.objects.count() == 1


@pytest.mark.parametrize(("door", "paused"), [("stop", True), ("drain", False)])
def test_what_the_gateway_has_stands_still_only_when_it_is_stopped(
    world: World, operator: str, door: str, paused: bool
) -> None:
    payment = make_topup(user=world.customer, state="PENDING")
    send(world, door, HOLD, operator)

    assert read(world.send("GET", f"/api/payments/{payment.pk}/"))["paused"] is paused


def test_a_profile_is_chosen_and_answered_with_its_figures(world: World, operator: str) -> None:
    with override_settings(PAYMENT_PROFILES=True, PAYMENT_FIGURES_GIVEN=frozenset()):
        shown = read(send(world, "profile", {"profile": "flash_sale", "reason": "the derby"}, operator))

    assert shown == {"profile": "flash_sale", "max_concurrent": 50, "batch_size": 100, "attempts": 5}
    assert Act.objects.get(verb="pin_profile").details == {"was": "auto", "to": "flash_sale"}


def test_the_clean_up_is_ordered_and_due_at_once(world: World, operator: str) -> None:
    Job.objects.create(name="clean-up", slot_at=timezone.now())
    assert "clean-up" not in due_jobs()

    assert send(world, "clear-completed", {"reason": "before the audit"}, operator).status_code == 202

    assert "clean-up" in due_jobs()
    assert Act.objects.get(verb="order_clean_up").reason == "before the audit"


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize(("door", "body"), [("profile", {"profile": "weekend"}), ("clear-completed", {})])
def test_others_choose_no_profile_and_clear_nothing(world: World, door: str, body: dict[str, str]) -> None:
    for token in (f"Token {world.token}", token_of(make_staff("support"))):
        with nothing_changes():
            assert send(world, door, {**body, "reason": "why not"}, token).status_code == 403


@pytest.mark.parametrize(
    ("door", "body", "code"),
    [
        ("profile", {"profile": "siesta", "reason": "hot"}, "unknown_profile"),
        ("profile", {"profile": "weekend"}, "required"),
        ("clear-completed", {}, "required"),
        ("clear-completed", {"reason": "to see", "kind": "payments"}, "unknown_field"),
    ],
)
def test_a_bad_choice_changes_nothing(world: World, operator: str, door: str, body: dict[str, str], code: str) -> None:
    with nothing_changes():
        answer = send(world, door, body, operator)

    assert code_of(answer)[:2] == (400, code)
