"""Slots, the line, and what becomes of both when their holder or Redis dies."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any, cast

import pytest
from django.test import override_settings

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Held
from payments.throttle.admit import Admission, Postponed, admit, asking, holding, release
from payments.throttle.figures import read_figures
from payments.throttle.gate import Gate
from payments.throttle.rate import slow_down
from payments.throttle.store import PREFIX, store
from tests.brokers import without_redis
from tests.payments.throttle.limits import ask_admission, limited, reason_of

GATE = Gate("fapshi", lambda _headers: None)


def pass_gate(seconds: float = 30) -> None:
    with GATE.passing(Deadline(seconds)):
        pass


def admitted(gateway: str = "fapshi", **options: str) -> Admission:
    answer = ask_admission(gateway, **options)
    assert isinstance(answer, Admission), answer
    return answer


@pytest.mark.invariant("INV-8")
def test_slots_of_a_gateway_are_given_back() -> None:
    with limited(slots=2):
        first, _ = admitted(), admitted()
        assert reason_of(ask_admission()) == "gateway_slots"
        assert reason_of(ask_admission("campay")) == "admitted"
        release(first)

        assert reason_of(ask_admission()) == "admitted"


@pytest.mark.invariant("INV-9")
def test_the_last_tenth_of_all_slots_is_kept_for_others() -> None:
    with limited(all_slots=10):
        alone = [reason_of(ask_admission()) for _ in range(9)]
        assert alone == ["admitted"] * 9
        assert reason_of(ask_admission("campay")) == "admitted"
        release(admitted_held := admit_again())

        assert reason_of(ask_admission()) == "slots"  # campay asked lately and has less
        assert reason_of(ask_admission("campay")) == "admitted"
        assert admitted_held.gateway == "fapshi"


def admit_again() -> Admission:
    """One of Fapshi's nine, to be given back."""
    [(member, score)] = cast("Any", store()).zrange(f"{PREFIX}slots:fapshi:charge", 0, 0, withscores=True)
    return Admission("fapshi", "", member.decode(), f"{score:.3f}", 0)


def test_a_gateway_that_is_alone_takes_all_slots() -> None:
    with limited(all_slots=5):
        answers = [reason_of(ask_admission()) for _ in range(6)]

    assert answers == ["admitted"] * 5 + ["slots"]


def test_the_same_payment_is_let_through_once_at_a_time() -> None:
    with limited():
        first = admitted(holder="payment 7")
        assert reason_of(ask_admission(holder="payment 7")) == "held"
        release(first)

        assert reason_of(ask_admission(holder="payment 7")) == "admitted"


@pytest.mark.invariant("INV-8")
def test_a_slot_comes_back_when_its_holder_is_killed() -> None:
    code = (
        "import django, time; django.setup(); from payments.throttle.admit import admit;"
        "from payments import in_force; in_force.orders.put(in_force.Orders());"  # its database has no tables
        "print(type(admit('fapshi', '', 'dead')).__name__, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PAYMENT_LEASE_SECONDS": "5"}
    environment |= {"FAPSHI_BASE_URL": "http://127.0.0.1:9", "FAPSHI_API_USER": "u", "FAPSHI_API_KEY": "FAK_TEST_k"}
    environment |= {"FAPSHI_WEBHOOK_SECRET": "s", "FAPSHI_TOTAL_TIMEOUT_SECONDS": "3"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "Admission\n"
        holder.send_signal(signal.SIGKILL)

    with limited(slots=1):
        assert reason_of(ask_admission()) == "gateway_slots"
        for key in (f"{PREFIX}slots:fapshi:charge", f"{PREFIX}slots"):  # five seconds later
            store().zincrby(key, -5000, "dead")
        assert reason_of(ask_admission()) == "admitted"


def test_who_slept_past_the_lease_gives_back_nobody_elses_slot() -> None:
    with limited(slots=1, PAYMENT_LEASE_SECONDS=0.2):
        late = admitted(holder="payment 7")
        time.sleep(0.25)
        admitted(holder="payment 7")
        release(late)

        assert reason_of(ask_admission()) == "gateway_slots"


@pytest.mark.invariant("INV-8")
def test_calls_are_let_through_one_after_the_other() -> None:
    with limited(rate=20):
        places = [admitted().ready_at for _ in range(8)]

    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert min(gaps) > 0.045
    assert places[-1] - places[0] < 0.5


def test_a_line_is_never_longer_than_it_may_be() -> None:
    with limited(rate=1):
        began = time.monotonic()
        admitted()
        store().hset(f"{PREFIX}rate:fapshi", "free_at", (time.time() + 5) * 1000)
        answer = ask_admission()

    assert isinstance(answer, Postponed)
    assert answer.reason == "rate"
    assert time.monotonic() - began < 0.5


@pytest.mark.invariant("INV-8")
def test_a_429_keeps_everybody_away() -> None:
    with limited():
        slow_down("fapshi", 30)

        assert reason_of(ask_admission()) == "rate"
        assert reason_of(ask_admission("campay")) == "admitted"
        with pytest.raises(Held):
            pass_gate()


def test_after_a_429_calls_are_slower_for_a_while() -> None:
    with limited(rate=50):
        slow_down("fapshi", 0.01)
        places = [admitted().ready_at for _ in range(4)]

    assert places[3] - places[0] > 3 * 0.04


@pytest.mark.invariant("INV-8")
def test_questions_pass_the_same_gate() -> None:
    with limited(slots=1):
        charge = admitted()
        with pytest.raises(Held):
            pass_gate(seconds=0.4)
        release(charge)

        pass_gate()
        assert read_figures().in_flight["fapshi", "question"] == 0


def test_a_side_that_was_turned_away_goes_first() -> None:
    with limited(slots=2):
        first, _ = admitted(), admitted()
        with pytest.raises(Held):
            pass_gate(seconds=0.2)
        release(first)

        assert reason_of(ask_admission()) == "gateway_slots"
        pass_gate()
        assert reason_of(ask_admission()) == "admitted"


def test_the_first_request_of_an_admission_is_paid_for_and_the_next_one_lines_up() -> None:
    with limited(rate=10):
        admission = admitted()
        with holding(admission), asking(admission):
            began = time.monotonic()
            pass_gate()
            assert time.monotonic() - began < 0.15
            pass_gate()
            assert time.monotonic() - began > 0.09

    assert read_figures().in_flight["fapshi", "charge"] == 0


@pytest.mark.invariant("INV-8")
def test_after_redis_was_wiped_nobody_calls_until_the_old_places_are_over() -> None:
    with limited(rate=100):
        admitted()
        store().flushdb()
        began = time.monotonic()
        answer = admitted()

    assert answer.ready_at - began > 1.4


@pytest.mark.invariant("INV-8")
def test_without_redis_nothing_is_let_through() -> None:
    with limited(), without_redis():
        answer = ask_admission()
        with pytest.raises(Held):
            pass_gate()

    assert isinstance(answer, Postponed)
    assert answer.reason == "redis"
    assert 3 <= answer.seconds < 5


def test_a_gateway_that_is_switched_off_holds_nobody_back() -> None:
    with override_settings(GATEWAYS={}):
        assert isinstance(admit("fapshi", "mtn", "payment 7"), Admission)
