"""The pace after "too many": close below what the gateway takes, soon everything again, and never above the limit."""

import pytest

from payments.throttle.rate import slow_down
from payments.throttle.store import PREFIX, store
from tests.payments.throttle.limits import ask_admission, limited, reason_of
from tests.payments.throttle.strict import Rush, Strict, use_our_clock

DROPS_AT, RETURNS_AT, ENDS_AT = 12, 34, 68
REACTION_SECONDS = 4
RECOVERY_SECONDS = 30
PACE = 0.92  # of scripts/rate.lua


@pytest.mark.parametrize(
    ("full", "low", "limit", "latency_ms"),
    [
        (40, 8, 60, 50),
        (40, 8, 400, 50),  # far from what we thought
        (40, 8, 40, 500),
    ],
)
def test_a_gateway_that_drops_to_a_fifth_is_used_to_nine_tenths_and_all_is_back_within_30_seconds(
    monkeypatch: pytest.MonkeyPatch, full: int, low: int, limit: int, latency_ms: float
) -> None:
    use_our_clock(monkeypatch)
    gateway = Strict(lambda now: low if DROPS_AT <= now < RETURNS_AT else full, latency_ms)
    rush = Rush(gateway, per_second=limit, callers=30)

    rush.go_on_until(ENDS_AT)

    begin = DROPS_AT + REACTION_SECONDS
    taken, refused = gateway.taken_per_second(begin, RETURNS_AT), gateway.refused_within(begin, RETURNS_AT)
    assert taken >= 0.9 * low
    assert refused <= 0.3 * taken * (RETURNS_AT - begin), "close below the limit, not against it"
    back = RETURNS_AT + RECOVERY_SECONDS
    assert gateway.taken_per_second(back, ENDS_AT) >= 0.9 * min(full, limit * PACE)


def test_a_gateway_that_says_how_long_is_left_alone_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    gateway = Strict(lambda now: 5 if now >= 6 else 60, retry_after_seconds=3)
    rush = Rush(gateway, per_second=60, callers=4)

    rush.go_on_until(20)

    assert gateway.refused, "it was asked for more than it takes"
    # What had its place in the line already still left: a little more than the callers, at the pace of before.
    first = gateway.refused[0]
    calls = [at for at in (*gateway.taken, *gateway.refused) if first + 0.5 < at < first + 3]
    assert calls == []


@pytest.mark.invariant("INV-8")
def test_however_well_it_goes_the_pace_is_never_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    gateway = Strict(lambda now: 6 if now < 3 else 1000)
    rush = Rush(gateway, per_second=30)

    rush.go_on_until(40)

    most = max(sum(at <= other < at + 1 for other in gateway.taken) for at in gateway.taken)
    assert 25 <= most <= 30
    assert rush.pace() == pytest.approx(30 * 0.92)


def test_one_refusal_among_many_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    rush = Rush(Strict(lambda _now: 1000), per_second=50)
    rush.go_on_until(12)

    rush._hear_no(12_000, 12_000)

    assert rush.pace() == pytest.approx(0.93 * 50 * 0.92)


def test_a_crowd_that_is_refused_together_is_refused_once(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    rush = Rush(Strict(lambda _now: 1000), per_second=50)
    rush.go_on_until(12)
    rush._hear_no(12_000, 12_000)
    once = rush.pace()

    for milliseconds in range(20):
        rush._hear_no(12_000 + milliseconds, 11_900)

    assert rush.pace() == pytest.approx(once)


def test_after_redis_was_wiped_the_limit_holds_as_if_nothing_had_been_said() -> None:
    with limited(rate=100):
        slow_down("fapshi", 30)
        assert reason_of(ask_admission()) == "rate"
        store().delete(*store().keys(f"{PREFIX}*"))

        assert reason_of(ask_admission()) == "admitted"
