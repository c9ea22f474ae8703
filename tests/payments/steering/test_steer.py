"""The verbs that steer: what they write, what they refuse, and what holds afterwards."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import generate_latest

from choptym.audit.models import Act
from choptym.lib import clock
from choptym.lib.errors import Rejected
from choptym.lib.money import Money
from payments import in_force
from payments.metrics import QUEUE_REGISTRY
from payments.models import QueueControl
from payments.routing import choose_gateway
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.set_limits import set_limits
from payments.steering.stop import stop_queue
from tests.factories import a_while_ago, make_user
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways", "steered")]

NAMES = ["fapshi", "campay", "razorpay", "cashfree", "wallet"]


@pytest.fixture
def who() -> dict[str, Any]:
    return {"actor_id": make_staff("operators").pk, "reason": "Fapshi answers with nonsense"}


def modes() -> dict[str, str]:
    return {name: str(mode) for name, mode in in_force.modes().items()}


def soon(seconds: float = 600) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def test_nobody_has_said_anything_so_everything_runs() -> None:
    assert modes() == dict.fromkeys(NAMES, "RUN")


@pytest.mark.invariant("INV-10")
def test_a_stop_holds_for_its_gateway_and_tells_who_and_why(who: dict[str, Any]) -> None:
    until = soon()

    done = stop_queue("fapshi", until=until, **who)

    assert (done.mode, done.note) == ("STOP", "")
    assert modes() == dict.fromkeys(NAMES, "RUN") | {"fapshi": "STOP"}
    assert in_force.held_until("fapshi") == until
    row = QueueControl.objects.get()
    assert (row.gateway, row.mode, row.until, row.reason) == ("fapshi", "STOP", until, who["reason"])
    assert row.changed_by_id == who["actor_id"]
    act = Act.objects.get()
    assert (act.verb, act.about, act.reason, act.actor_id) == (
        "stop_queue",
        "queue:fapshi",
        row.reason,
        row.changed_by_id,
    )
    nothing = {"mode": "RUN", "until": None, "max_concurrent": None, "rate_per_second": None}
    assert act.details == {"before": nothing, "after": nothing | {"mode": "STOP", "until": until.isoformat()}}


@pytest.mark.parametrize("name", ["", "all"])
def test_a_stop_of_all_holds_for_the_wallet_too(name: str, who: dict[str, Any]) -> None:
    stop_queue(name, **who)

    assert set(modes().values()) == {"STOP"}
    assert Act.objects.get().about == "queue:all"


def test_of_two_orders_the_stricter_one_holds(who: dict[str, Any]) -> None:
    drain_queue("", **who)
    stop_queue("campay", **who)

    assert modes() == dict.fromkeys(NAMES, "DRAIN") | {"campay": "STOP"}
    assert (in_force.may_send("fapshi"), in_force.may_ask("fapshi")) == (False, True)
    assert (in_force.may_send("campay"), in_force.may_ask("campay")) == (False, False)


def test_the_last_word_about_a_gateway_counts_and_is_one_row(who: dict[str, Any]) -> None:
    stop_queue("fapshi", until=soon(), **who)
    drain_queue("fapshi", **who)
    assert (modes()["fapshi"], in_force.held_until("fapshi")) == ("DRAIN", None)
    resume_queue("fapshi", **who)

    assert modes()["fapshi"] == "RUN"
    assert QueueControl.objects.count() == 1
    assert list(Act.objects.order_by("pk").values_list("verb", flat=True)) == [
        "stop_queue", "drain_queue", "resume_queue",
    ]  # fmt: skip


def test_who_resumes_one_is_told_that_all_are_still_stopped(who: dict[str, Any]) -> None:
    stop_queue("fapshi", **who)
    stop_queue("", until=soon(), **who)

    done = resume_queue("fapshi", **who)

    assert done.mode == "STOP"
    assert done.note.startswith("fapshi is still stopped, because all gateways are until 20")
    assert done.note.endswith(": resume all as well.")
    assert set(modes().values()) == {"STOP"}


def test_who_resumes_all_is_told_which_ones_do_not_run(who: dict[str, Any]) -> None:
    for name, act in (("fapshi", stop_queue), ("wallet", drain_queue), ("", stop_queue)):
        act(name, **who)

    done = resume_queue("", **who)

    assert done.note == "By orders of their own: fapshi is still stopped, wallet is still being drained."
    assert modes() == dict.fromkeys(NAMES, "RUN") | {"fapshi": "STOP", "wallet": "DRAIN"}


def test_an_end_comes_by_itself_and_nobody_has_to_look(who: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stop_queue("fapshi", until=soon(400), **who)
    stop_queue("", until=soon(200), **who)
    assert set(modes().values()) == {"STOP"}
    now = timezone.now()

    monkeypatch.setattr(clock, "known", lambda: now + timedelta(seconds=201))
    assert modes() == dict.fromkeys(NAMES, "RUN") | {"fapshi": "STOP"}
    monkeypatch.setattr(clock, "known", lambda: now + timedelta(seconds=401))

    assert set(modes().values()) == {"RUN"}
    assert resume_queue("", **who).note == ""


def test_with_two_orders_it_runs_when_the_later_one_ends(who: dict[str, Any]) -> None:
    late = soon(900)
    stop_queue("fapshi", until=late, **who)
    stop_queue("", until=soon(300), **who)
    assert in_force.held_until("fapshi") == late

    stop_queue("", **who)

    assert in_force.held_until("fapshi") is None


def test_limits_hold_in_place_of_the_settings_and_are_taken_back(who: dict[str, Any]) -> None:
    before = in_force.limits_of("fapshi")

    set_limits("fapshi", {"max_concurrent": 3}, **who)
    set_limits("fapshi", {"rate_per_second": 7}, **who)
    set_limits("", {"max_concurrent": 5}, **who)
    now = in_force.limits_of("fapshi")
    assert (now.most, now.per_second, now.most_of_all) == (3, 7, 5)
    assert in_force.limits_of("campay").most == before.most

    for name in ("fapshi", "all"):
        set_limits(name, {"max_concurrent": None, "rate_per_second": None}, **who)
    assert in_force.limits_of("fapshi") == before


def test_limits_do_not_touch_the_mode_nor_the_mode_the_limits(who: dict[str, Any]) -> None:
    until = soon()
    stop_queue("fapshi", until=until, **who)
    set_limits("fapshi", {"max_concurrent": 3}, **who)
    assert (modes()["fapshi"], in_force.held_until("fapshi")) == ("STOP", until)

    resume_queue("fapshi", **who)

    assert in_force.limits_of("fapshi").most == 3


BAD_LIMITS = [
    ("fapshi", {}, "nothing_to_set", []),
    ("wallet", {"max_concurrent": 3}, "no_limits", ["gateway"]),
    ("", {"rate_per_second": 3}, "rate_needs_gateway", ["rate_per_second"]),
    ("all", {"rate_per_second": 3}, "rate_needs_gateway", ["rate_per_second"]),
    ("fapshi", {"max_concurrent": 0}, "bad_concurrency", ["max_concurrent"]),
    ("fapshi", {"max_concurrent": -1}, "bad_concurrency", ["max_concurrent"]),
    ("fapshi", {"max_concurrent": 10**9}, "bad_concurrency", ["max_concurrent"]),
    ("fapshi", {"rate_per_second": 0}, "bad_rate", ["rate_per_second"]),
    ("stripe", {"max_concurrent": 3}, "unknown_gateway", ["gateway"]),
]


@pytest.mark.parametrize(("gateway", "limits", "code", "fields"), BAD_LIMITS)
def test_bad_limits_change_nothing(
    gateway: str, limits: dict[str, int | None], code: str, fields: list[str], who: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as caught:
        set_limits(gateway, limits, **who)

    assert (caught.value.code, list(caught.value.fields)) == (code, fields)
    assert (QueueControl.objects.count(), Act.objects.count()) == (0, 0)


@pytest.mark.parametrize("act", [stop_queue, drain_queue, resume_queue])
@pytest.mark.parametrize(
    ("gateway", "reason", "code", "field"),
    [("stripe", "why", "unknown_gateway", "gateway"), ("Fapshi", "why", "unknown_gateway", "gateway"),
     ("fapshi", "", "no_reason", "reason"), ("fapshi", " \n", "no_reason", "reason")],
)  # fmt: skip
def test_a_bad_order_changes_nothing(act: Any, gateway: str, reason: str, code: str, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        act(gateway, actor_id=make_user().pk, reason=reason)

    assert (caught.value.code, list(caught.value.fields)) == (code, [field])
    assert (QueueControl.objects.count(), Act.objects.count()) == (0, 0)


@pytest.mark.parametrize("act", [stop_queue, drain_queue])
@pytest.mark.parametrize(
    "until",
    [a_while_ago(1), timezone.now() + timedelta(days=400), datetime(2030, 1, 1)],  # noqa: DTZ001 - it has no zone
    ids=["past", "too far", "naive"],
)
def test_an_end_that_cannot_be_meant_changes_nothing(act: Any, until: datetime, who: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        act("fapshi", until=until, **who)

    assert (caught.value.code, list(caught.value.fields)) == ("bad_until", ["until"])
    assert (QueueControl.objects.count(), modes()["fapshi"]) == (0, "RUN")


def test_the_metric_tells_every_mode(who: dict[str, Any]) -> None:
    stop_queue("fapshi", **who)
    drain_queue("", **who)

    shown = generate_latest(QUEUE_REGISTRY).decode().splitlines()

    values = dict.fromkeys([*NAMES, ""], "0.5") | {"fapshi": "1.0"}
    expected = {f'choptym_queue_mode{{gateway="{name}"}} {value}' for name, value in values.items()}
    assert {line for line in shown if line.startswith("choptym_queue_mode{")} == expected


def test_a_long_reason_is_kept_as_far_as_there_is_room(who: dict[str, Any]) -> None:
    stop_queue("fapshi", actor_id=who["actor_id"], reason=" " + "x" * 900)

    assert QueueControl.objects.get().reason == Act.objects.get().reason == "x" * 500


def test_limits_that_are_set_while_it_is_stopped_leave_the_reason_of_the_stop(who: dict[str, Any]) -> None:
    stop_queue("fapshi", **who)
    since = QueueControl.objects.get().mode_since

    set_limits("fapshi", {"max_concurrent": 3}, actor_id=make_staff("operators").pk, reason="their limit")

    control = QueueControl.objects.get()
    assert (control.reason, control.changed_by_id) == (who["reason"], who["actor_id"])
    assert (control.mode_since, control.max_concurrent) == (since, 3)


@pytest.mark.parametrize("held", ["fapshi", "all"])
def test_who_chose_no_method_is_not_sent_where_nothing_goes(who: dict[str, Any], held: str) -> None:
    money, phone = Money(2500, "XAF"), "677000001"
    first = choose_gateway(money, phone, by_link=False)
    assert first == "fapshi"

    drain_queue(held, **who)

    assert choose_gateway(money, phone, by_link=False) == ("campay" if held == "fapshi" else first)
