"""Circuits: when they open, what they let through on trial, and that one operator's is not another's."""

import threading
import time

import pytest

from choptym.lib.errors import Busy, Held, NotSent, OutcomeUnknown, Rejected, Unavailable
from payments.throttle.admit import Admission, Postponed, release
from payments.throttle.breaker import Health, health_of, note_verdicts
from payments.throttle.figures import CLOSED, HALF_OPEN, OPEN, read_figures
from payments.throttle.store import PREFIX, store
from tests.payments.throttle.limits import ask_admission, charged, limited, reason_of

GOOD, BAD, NONE = Health.GOOD, Health.BAD, Health.NONE
QUICK = {"PAYMENT_CIRCUIT_LEAST_CALLS": 4}


def let_pass(operator: str = "", gateway: str = "fapshi") -> None:
    """The time for which it is open is over."""
    key = f"{PREFIX}circuit:{gateway}" + (f":{operator}" if operator else "")
    store().hset(key, "open_until", 1)


def break_circuit(operator: str = "") -> None:
    for _ in range(4):
        charged("fapshi", operator, BAD)


def circuit(operator: str = "", gateway: str = "fapshi") -> str:
    return read_figures().circuits[gateway, operator]


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([BAD, BAD, BAD], CLOSED),  # not enough of them
        ([BAD, BAD, GOOD, GOOD], CLOSED),  # half is not more than half
        ([GOOD, BAD, BAD, GOOD, BAD], OPEN),
        ([BAD, BAD, BAD, NONE, NONE], CLOSED),
    ],
)
def test_opens_when_more_than_half_of_enough_calls_failed(outcomes: list[Health], state: str) -> None:
    with limited(**QUICK):
        for outcome in outcomes:
            assert charged("fapshi", "", outcome) == "admitted"

        assert circuit() == state
        assert reason_of(ask_admission()) == ("circuit" if state == OPEN else "admitted")


def test_an_open_circuit_says_when_to_come_back() -> None:
    with limited(**QUICK):
        break_circuit()
        answer = ask_admission()

    assert isinstance(answer, Postponed)
    assert 59 < answer.seconds < 60 * 1.2 + 0.6


def test_what_failed_before_the_window_does_not_count() -> None:
    with limited(PAYMENT_CIRCUIT_WINDOW_SECONDS=1, **QUICK):
        for _ in range(3):
            charged("fapshi", "", BAD)
        time.sleep(1.1)
        for _ in range(3):
            charged("fapshi", "", BAD)

        assert circuit() == CLOSED


@pytest.mark.invariant("INV-9")
def test_one_gateway_down_is_not_another_down() -> None:
    with limited(**QUICK):
        break_circuit()

        assert reason_of(ask_admission("campay")) == "admitted"


@pytest.mark.invariant("INV-9")
def test_mtn_down_is_not_orange_down() -> None:
    with limited(**QUICK):
        for _ in range(4):
            charged("fapshi", "orange", GOOD)
            charged("fapshi", "mtn", BAD)

        assert (circuit("mtn"), circuit("orange"), circuit()) == (OPEN, CLOSED, CLOSED)
        assert reason_of(ask_admission("fapshi", "mtn")) == "circuit"
        assert reason_of(ask_admission("fapshi", "orange")) == "admitted"
        assert reason_of(ask_admission("campay", "mtn")) == "admitted"


def test_on_trial_one_is_let_through_and_no_more() -> None:
    answers = []
    with limited(**QUICK):
        break_circuit()
        let_pass()
        together = threading.Barrier(12)

        def ask() -> None:
            together.wait(5)
            answers.append(reason_of(ask_admission()))

        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert circuit() == HALF_OPEN
    assert sorted(answers) == ["admitted", *["circuit"] * 11]


@pytest.mark.parametrize(("health", "state"), [(GOOD, CLOSED), (BAD, OPEN), (NONE, HALF_OPEN)])
def test_the_probe_decides(health: Health, state: str) -> None:
    with limited(**QUICK):
        break_circuit()
        let_pass()
        charged("fapshi", "", health)

        assert circuit() == state
        assert reason_of(ask_admission()) == ("circuit" if state == OPEN else "admitted")


def test_what_was_under_way_before_it_opened_decides_nothing() -> None:
    with limited(**QUICK):
        late = [ask_admission() for _ in range(2)]
        break_circuit()
        for answer in late:
            assert isinstance(answer, Admission)
            release(answer, GOOD)

        assert circuit() == OPEN


def test_a_probe_that_never_comes_back_makes_room() -> None:
    with limited(PAYMENT_LEASE_SECONDS=0.3, **QUICK):
        break_circuit()
        let_pass()
        assert reason_of(ask_admission()) == "admitted"
        assert reason_of(ask_admission()) == "circuit"
        time.sleep(0.35)

        assert reason_of(ask_admission()) == "admitted"


def test_an_operator_opens_by_what_became_of_accepted_charges() -> None:
    with limited(**QUICK):
        for _ in range(4):
            charged("fapshi", "mtn", GOOD)
        note_verdicts("fapshi", [("mtn", False)] * 2)
        assert circuit("mtn") == CLOSED
        note_verdicts("fapshi", [("mtn", False)])

        assert (circuit("mtn"), circuit("orange"), circuit()) == (OPEN, CLOSED, CLOSED)


@pytest.mark.parametrize(("works", "state"), [(True, CLOSED), (False, OPEN)])
def test_the_probe_of_an_operator_awaits_its_verdict(works: bool, state: str) -> None:
    with limited(**QUICK):
        break_circuit("mtn")
        store().delete(f"{PREFIX}circuit:fapshi")  # the gateway's own, which opened with it
        let_pass("mtn")
        charged("fapshi", "mtn", GOOD)
        assert circuit("mtn") == HALF_OPEN
        assert reason_of(ask_admission("fapshi", "mtn")) == "circuit"
        note_verdicts("fapshi", [("mtn", works)])

        assert circuit("mtn") == state


@pytest.mark.parametrize(
    ("error", "health"),
    [
        (None, GOOD),
        (NotSent("refused"), BAD),
        (OutcomeUnknown("time-out"), BAD),
        (Unavailable("502"), BAD),
        (Busy("429"), NONE),
        (Held("ours"), NONE),
        (Rejected("no", code="invalid_phone"), GOOD),
        (Rejected("no", code="gateway_credentials"), BAD),
        (Rejected("no", code="gateway_disabled"), BAD),
        (ValueError("a fault of ours"), NONE),
    ],
)
def test_what_an_error_tells_about_the_gateway(error: Exception | None, health: Health) -> None:
    assert health_of(error) is health
