"""payments.steering.decide: what was seen in, what shall hold out."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.steering.decide import (
    Range,
    Sale,
    Verdict,
    is_spared,
    judge,
    next_cap,
    next_for_all,
    next_good_latency,
    next_sale,
)
from payments.throttle.heard import Look

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WELL, ILL = Verdict(is_known=True), Verdict("it fails", is_known=True)
FLASH_SALE = Range(50, 100, 2)


def over_time(lengths: list[int], sale: Sale | None = None, seconds: int = 2) -> list[bool]:
    """Whether there is a flash sale after each look."""
    sale, found = sale or Sale(), []
    for number, length in enumerate(lengths):
        sale = next_sale(sale, length, NOW + timedelta(seconds=seconds * number))
        found.append(sale.since is not None)
    return found


def test_a_flash_sale_begins_when_the_queue_stays_long() -> None:
    assert over_time([501, 900, 501, 501]) == [False, False, False, True]
    assert over_time([500] * 9) == [False] * 9
    assert over_time([900, 900, 499, 900, 900, 900, 900]) == [False] * 6 + [True]


def test_a_flash_sale_ends_only_when_the_queue_has_been_short_for_a_minute() -> None:
    begun = Sale(since=NOW)

    assert over_time([249] * 31, begun) == [True] * 30 + [False]
    assert over_time([251] * 99, begun) == [True] * 99
    assert over_time([249] * 29 + [251] + [249] * 30, begun) == [True] * 60


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (Look(taken=100, latency_ms=100), ""),
        (Look(taken=2, ill=2), ""),  # too few to say
        (Look(taken=8, ill=2, latency_ms=100), ""),
        (Look(taken=7, ill=3, latency_ms=100), "it fails"),
        (Look(taken=8, busy=2, latency_ms=100), ""),
        (Look(taken=6, busy=4, latency_ms=100), "it says too many"),
        (Look(taken=9, latency_ms=899), ""),
        (Look(taken=9, latency_ms=901), "it is slow"),
    ],
)
def test_a_gateway_is_judged_by_its_answers(look: Look, why: str) -> None:
    assert judge(look, 300).why == why


def test_what_is_fast_enough_for_anybody_is_not_slow() -> None:
    assert judge(Look(taken=50, latency_ms=490), 20).why == ""
    assert judge(Look(taken=50, latency_ms=510), 20).why == "it is slow"


def test_a_cap_falls_by_a_share_rises_in_steps_and_ends_at_the_gateways_own_limit() -> None:
    down = [20]
    while down[-1] > 2:
        down.append(next_cap(down[-1], 20, ILL) or 0)
    up: list[int | None] = [2]
    while up[-1] is not None:
        up.append(next_cap(up[-1], 20, WELL))

    assert down == [20, 14, 9, 6, 4, 2]
    assert up == [2, 4, 6, 8, 10, 12, 14, 16, 18, None]
    assert len(up) * 2 <= 30, "seconds to recover"
    assert next_cap(2, 20, ILL) == 2
    assert next_cap(1, 1, ILL) == 1


def test_what_a_busy_gateway_takes_all_the_same_stays_in_flight() -> None:
    busy = judge(Look(taken=20, busy=60, latency_ms=3000), None)

    assert (busy.why, busy.needed) == ("it says too many", 18)
    assert next_cap(20, 20, busy) == 18
    assert next_cap(18, 20, busy) == 18


def test_for_all_it_goes_up_to_the_ceiling_while_the_queue_is_long_and_back_after_it() -> None:
    up: list[int | None] = [None]
    for _ in range(7):
        up.append(next_for_all(up[-1], FLASH_SALE, 501, {"fapshi": WELL}))
    down: list[int | None] = [100]
    for _ in range(6):
        down.append(next_for_all(down[-1], FLASH_SALE, 500, {"fapshi": WELL}))

    assert up == [None, 60, 70, 80, 90, 100, 100, 100]
    assert down == [100, 90, 80, 70, 60, None, None]


def test_for_all_it_goes_down_only_when_every_gateway_that_is_asked_is_unwell() -> None:
    assert next_for_all(None, FLASH_SALE, 900, {"fapshi": ILL, "campay": Verdict()}) == 35
    assert next_for_all(35, FLASH_SALE, 900, {"fapshi": ILL}) == 24
    assert next_for_all(2, FLASH_SALE, 900, {"fapshi": ILL}) == 2
    assert next_for_all(None, FLASH_SALE, 0, {"fapshi": ILL, "campay": WELL}) is None
    assert next_for_all(None, FLASH_SALE, 0, {"fapshi": Verdict()}) is None
    assert next_for_all(24, FLASH_SALE, 0, {"fapshi": WELL}) == 29


def test_a_figure_without_room_stays_and_a_pinned_one_is_not_ours() -> None:
    assert next_for_all(None, Range(10, 10, 2), 900, {}) is None
    assert next_for_all(80, Range(50, 100, 2, is_pinned=True), 900, {}) is None
    assert next_for_all(90, Range(30, 30, 2), 0, {}) is None


def test_the_good_figure_follows_better_days_at_once_and_worse_ones_slowly() -> None:
    assert next_good_latency(None, Look(taken=9, latency_ms=80)) == 80
    assert next_good_latency(100, Look(taken=9, latency_ms=50)) == pytest.approx(85)
    assert next_good_latency(100, Look(taken=9, latency_ms=5000)) == pytest.approx(101)
    assert next_good_latency(100, Look(taken=1, latency_ms=5)) == 100


def test_a_gateway_that_is_slow_whatever_we_ask_of_it_gets_its_calls_back_within_a_minute() -> None:
    """It answered in 50 ms, and takes two seconds from now on."""
    cap: int | None = None
    good, caps = 50.0, [10]
    for _ in range(30):
        look = Look(taken=9, latency_ms=2000)
        verdict = judge(look, good)
        good = next_good_latency(good, look, is_spared=is_spared(cap, 10)) or good
        cap = next_cap(cap, 10, verdict)
        caps.append(cap or 10)

    assert min(caps) == 2, "it was not spared at first"
    assert caps[-1] == 10


def test_a_gateway_that_is_slow_while_much_is_asked_of_it_is_not_taken_for_one_that_is_slow_by_itself() -> None:
    assert [is_spared(cap, 10) for cap in (None, 10, 6, 5, 2)] == [False, False, False, True, True]
    assert next_good_latency(100, Look(taken=9, latency_ms=5000), is_spared=True) == pytest.approx(150)
    assert next_good_latency(100, Look(taken=9, latency_ms=120), is_spared=True) == pytest.approx(120)
