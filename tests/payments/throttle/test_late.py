"""Coming late for a place in the line: harmless while it is nearly empty. Else the place is lost."""

import time

import pytest

from payments.throttle.admit import asking, holding
from payments.throttle.figures import read_figures
from payments.throttle.rate import slow_down
from payments.throttle.store import run
from tests.payments.throttle.limits import limited
from tests.payments.throttle.strict import set_our_clock, use_our_clock
from tests.payments.throttle.test_admit import admitted, pass_gate

LIMIT = 200
# Redis began so long ago, by the clock of the test, that it promises places.
BEGUN_MS = 2_000


def ask(now_ms: float, per_second: float = LIMIT) -> tuple[float, float]:
    """The moment of a place, and how late it may be used. Who is turned away asks again."""
    while True:
        set_our_clock(now_ms)
        answer, wait_ms, late_ms = run("pass", "fapshi", "charge", "", 45_000, per_second, 1000, 0)
        if answer == b"go":
            return now_ms + wait_ms, late_ms
        now_ms += wait_ms


@pytest.mark.invariant("INV-8")
def test_however_late_they_all_come_the_limit_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst that may happen: all who may be late come at one moment, and a full line behind them on time."""
    use_our_clock(monkeypatch)
    ask(0)
    places = [ask(BEGUN_MS + 60 * number) for number in range(30)]
    now = BEGUN_MS + 60 * 30
    while places[-1][0] < now + 1_200:
        places.append(ask(now))
    worst = 0
    for moment, _ in places:
        second = [at for at, late in places if at < moment + 1_000 and at + late >= moment]
        worst = max(worst, len(second))

    assert 0.95 * LIMIT <= worst <= LIMIT


def test_while_the_line_is_nearly_empty_half_a_second_is_not_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    ask(0)

    few = [ask(BEGUN_MS + number)[1] for number in range(10)]
    more = [ask(BEGUN_MS + 100 + number)[1] for number in range(10)]
    later = ask(BEGUN_MS + 1_000)[1]

    assert (few, more, later) == ([500] * 10, [20] * 10, 500)


def test_after_too_many_nobody_may_be_late(monkeypatch: pytest.MonkeyPatch) -> None:
    use_our_clock(monkeypatch)
    ask(0)
    ask(BEGUN_MS, 1_000)
    set_our_clock(BEGUN_MS + 1_500)
    with limited(rate=1_000):
        slow_down("fapshi", 0.05)

    assert ask(BEGUN_MS + 3_000, 1_000)[1] == 20


@pytest.mark.invariant("INV-8")
@pytest.mark.parametrize(("rate", "lined_up"), [(1_000, 0), (10, 1)])
def test_a_charge_that_was_paused_lines_up_again_only_at_a_line_that_is_used(rate: int, lined_up: int) -> None:
    with limited(rate=rate):
        admission = admitted()
        before = requests()
        with holding(admission), asking(admission):
            time.sleep(0.15)
            pass_gate()

    assert requests() - before == lined_up


def requests() -> int:
    return read_figures().counts.get(("requests", "fapshi", "charge"), 0)
