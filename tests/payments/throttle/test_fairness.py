"""Who goes first at a gateway: high ones and those who have waited long, half and half, before all others.

The scripts are run on the real Redis without waiting for the places that they give: when to ask is the test's business.
"""

import time
from collections import Counter
from itertools import count

import pytest

from payments.throttle.admit import Admission, Rank, _limits, admit, release
from payments.throttle.store import run, text
from tests.payments.throttle.limits import ask_admission, limited, reason_of

HIGH, AGED, OTHER = Rank.HIGH, Rank.AGED, Rank.OTHER
_numbers = count()


def ask(rank: Rank, gateway: str = "fapshi", *, keeps: bool = False) -> tuple[str, float]:
    """(answer, seconds until its place, or until it should ask again). The slot is given back, unless it `keeps` it."""
    holder = f"payment-{next(_numbers)}"
    answer, wait_ms, lease_ends, _ = run("admit", gateway, "", holder, rank, *_limits(gateway), "fapshi", "campay")
    if text(answer) == "go" and not keeps:
        release(Admission(gateway, "", holder, text(lease_ends), 0))
    return text(answer), wait_ms / 1000


def hold(rank: Rank, gateway: str = "fapshi") -> Admission:
    answer = admit(gateway, "", f"payment-{next(_numbers)}", rank)
    assert isinstance(answer, Admission), answer
    return answer


def fill_line(rank: Rank) -> None:
    """Until no more of this rank are let in."""
    while ask(rank)[0] == "go":
        pass


def crowds(seconds: float, *ranks: Rank) -> Counter[Rank]:
    """How many of each got a place while all asked all the time."""
    got: Counter[Rank] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for rank in ranks:
            got[rank] += ask(rank)[0] == "go"
        time.sleep(0.001)
    return got


@pytest.mark.parametrize("first", [HIGH, AGED])
@pytest.mark.parametrize("rate", [5, 20, 200])
def test_at_a_line_that_is_full_of_others_who_goes_first_finds_a_place(rate: int, first: Rank) -> None:
    with limited(rate=rate):
        fill_line(OTHER)
        answer, wait_seconds = ask(first)

    assert answer == "go"
    assert wait_seconds <= 1.5


def test_a_crowd_of_others_never_keeps_a_high_one_waiting_longer_than_a_line() -> None:
    answers = []
    with limited(rate=40):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            fill_line(OTHER)
            answers.append(ask(HIGH))
            time.sleep(0.2)

    assert {answer for answer, _ in answers} == {"go"}
    assert max(wait for _, wait in answers) <= 1.5


def test_among_endless_high_ones_who_has_waited_long_finds_a_place() -> None:
    with limited(rate=40):
        fill_line(HIGH)
        answer, wait_seconds = ask(AGED)

    assert answer == "go"
    assert wait_seconds <= 1.5


def test_high_ones_and_those_who_waited_long_get_half_each() -> None:
    with limited(rate=100):
        fill_line(HIGH)
        got = crowds(1, HIGH, AGED, OTHER)

    assert got[AGED] >= 0.4 * got.total()
    assert got[HIGH] >= 0.4 * got.total()
    assert got.total() >= 0.85 * 92, "what is kept for one is not lost"


def test_others_get_what_those_who_go_first_leave() -> None:
    with limited(rate=100):
        fill_line(OTHER)
        got = crowds(1, OTHER)

    assert got[OTHER] >= 0.9 * 92


def test_at_a_slow_gateway_who_was_turned_away_is_let_in_when_it_comes_back() -> None:
    with limited(rate=1):
        got = 0
        fill_line(HIGH)
        answer, wait_seconds = ask(AGED)
        assert answer == "rate"
        until = time.monotonic() + wait_seconds + 0.6  # late: the sweeper looks once a second
        while time.monotonic() < until:
            got += ask(HIGH)[0] == "go"
            time.sleep(0.01)

        assert ask(AGED)[0] == "go"
    assert got <= 1, "its own half"


def test_the_last_tenth_of_the_slots_is_for_those_who_go_first() -> None:
    with limited(slots=10):
        ask(HIGH)
        for _ in range(9):
            hold(OTHER)

        assert ask(OTHER)[0] == "turn"
        assert ask(HIGH)[0] == "go"
        assert ask(AGED)[0] == "go"


def test_while_nobody_goes_first_the_others_have_all_slots() -> None:
    with limited(slots=10):
        for _ in range(10):
            hold(OTHER)

        assert ask(OTHER)[0] == "gateway_slots"


def test_who_goes_first_and_was_turned_away_gets_the_next_slot() -> None:
    with limited(slots=1):
        held = hold(OTHER)
        assert ask(HIGH)[0] == "gateway_slots"
        release(held)

        assert ask(OTHER)[0] == "turn"
        assert ask(HIGH)[0] == "go"
        assert ask(OTHER)[0] == "go"


@pytest.mark.parametrize("slots", [1, 4])
def test_of_endless_high_ones_and_those_who_waited_long_each_gets_every_other_slot(slots: int) -> None:
    got: list[Rank] = []
    with limited(slots=slots):
        held = [hold(HIGH) for _ in range(slots)]
        for _ in range(6):
            assert {ask(HIGH)[0], ask(AGED)[0]} == {"gateway_slots"}
            release(held.pop(0))
            for rank in (got[-1:] or [HIGH]) + [HIGH, AGED]:  # whoever went last asks first
                answer = admit("fapshi", "", f"payment-{next(_numbers)}", rank)
                if isinstance(answer, Admission):
                    held.append(answer)
                    got.append(rank)

    assert got == [AGED, HIGH] * 3


@pytest.mark.invariant("INV-9")
def test_what_a_gateway_needed_lately_is_kept_from_one_that_holds_on_to_its_slots() -> None:
    with limited(all_slots=10):
        for held in [hold(OTHER, "campay") for _ in range(3)]:
            release(held)
        reasons = [reason_of(ask_admission("fapshi")) for _ in range(7)]

        assert reasons == ["admitted"] * 6 + ["slots"]
        assert [reason_of(ask_admission("campay")) for _ in range(5)] == ["admitted"] * 4 + ["slots"]


@pytest.mark.invariant("INV-9")
def test_nothing_is_kept_for_a_gateway_that_nobody_asks_for() -> None:
    with limited(all_slots=10):
        assert [reason_of(ask_admission("fapshi")) for _ in range(10)] == ["admitted"] * 10


@pytest.mark.invariant("INV-9")
def test_a_gateway_that_holds_all_slots_gives_them_up_to_more_than_one() -> None:
    with limited(all_slots=6):
        held = [hold(OTHER) for _ in range(6)]
        assert [reason_of(ask_admission(name)) for name in ("campay", "razorpay")] == ["slots", "slots"]
        release(held.pop())
        assert reason_of(ask_admission("campay")) == "admitted"
        release(held.pop())

        assert reason_of(ask_admission("fapshi")) == "slots"
        assert reason_of(ask_admission("razorpay")) == "admitted"
