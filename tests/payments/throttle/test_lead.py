"""Whoever is slow asks for a later place, and is there in time."""

import time
from itertools import pairwise

import pytest

from payments.throttle.admit import asking, holding
from payments.throttle.lead import LONGEST_SECONDS, Lead, to_ask, to_claim
from payments.throttle.store import run
from tests.payments.throttle.limits import limited
from tests.payments.throttle.strict import set_our_clock, use_our_clock
from tests.payments.throttle.test_admit import admitted, pass_gate


def test_as_much_as_was_missing_is_added_and_eases_off_when_it_is_enough() -> None:
    lead = Lead()
    for late in (0.05, 0.02):
        lead.note(late)
    assert lead.seconds == pytest.approx(0.07)

    lead.note(-0.01)
    assert 0.06 < lead.seconds < 0.07

    lead.note(10)
    assert lead.seconds == LONGEST_SECONDS


def ask(lead_ms: float) -> float:
    _, wait_ms, _ = run("pass", "fapshi", "charge", "", 45_000, 100, 1000, lead_ms)
    return float(wait_ms)


@pytest.mark.invariant("INV-8")
def test_a_later_place_is_one_of_the_line_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    set_our_clock(0)
    ask(0)
    set_our_clock(2_000)

    places = [ask(lead_ms) for lead_ms in (300, 0, 300)]

    assert places[0] == 300
    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert gaps == pytest.approx([10.9, 10.9], abs=1)


def test_the_gate_asks_by_the_lead_and_learns_whether_it_was_enough() -> None:
    to_ask["fapshi"].seconds = 0.2
    began = time.monotonic()
    with limited(rate=100):
        pass_gate()

    assert time.monotonic() - began > 0.19
    assert 0.19 < to_ask["fapshi"].seconds < 0.2
    assert to_ask["campay"].seconds == 0


def test_a_charge_that_was_claimed_slowly_has_a_later_place_the_next_time() -> None:
    with limited(rate=10):
        admission = admitted()
        with holding(admission), asking(admission):
            time.sleep(0.15)
            pass_gate()
        time.sleep(0.2)  # the line is empty again
        began = time.monotonic()

        assert admitted().ready_at - began > 0.1
    assert 0.1 < to_claim["fapshi"].seconds < LONGEST_SECONDS
