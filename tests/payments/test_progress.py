"""What a waiting customer sees."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from choptym.lib.snapshot import Snapshot
from payments import in_force, progress, stats
from payments.failures import SENTENCES
from payments.models import Payment, QueueControl, QueueMode
from payments.progress import eta_seconds, position_of, read_again_seconds, steps_of
from payments.serializers import show_payment
from payments.states import FINAL_STATES, WAITING_STATES, AttemptState, PaymentState
from payments.stats import Flow
from tests.factories import make_attempt, make_payment, make_pending

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that no other test has read."""
    see(monkeypatch, stats.read_flow())
    monkeypatch.setattr(progress, "line", Snapshot(progress._read_line))
    monkeypatch.setattr(progress, "counts", Snapshot(stats.read_counts))


def see(monkeypatch: pytest.MonkeyPatch, flow: Flow) -> None:
    monkeypatch.setattr(progress, "flow", Snapshot(lambda: flow))


def test_the_place_in_line_counts_the_higher_priorities_and_the_older_of_the_same() -> None:
    first, urgent, second, medium, last = (make_payment(priority=priority) for priority in (1, 3, 1, 2, 1))

    assert [position_of(payment) for payment in (urgent, medium, first, second, last)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("state", [state for state in PaymentState if state != PaymentState.QUEUED])
def test_what_is_not_queued_is_in_no_line(state: PaymentState) -> None:
    assert position_of(make_payment(state=state)) == 0


@pytest.mark.parametrize("state", FINAL_STATES)
def test_what_has_ended_takes_no_more_time(state: PaymentState) -> None:
    payment = make_payment(state=state)

    assert eta_seconds(payment, 0) == 0
    # A person has still to decide about what is under review.
    assert read_again_seconds(payment, 0) == (60 if state == "REVIEW" else None)


@override_settings(MAX_CONCURRENT_PAYMENTS=10)
def test_before_anything_was_measured_the_slots_say_how_fast_it_goes() -> None:
    payment = make_payment()

    assert eta_seconds(payment, 1) == 16
    assert eta_seconds(payment, 100) == 35


@override_settings(MAX_CONCURRENT_PAYMENTS=10)
def test_what_was_measured_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make_payment()
    see(monkeypatch, Flow(started=3000, settled=3000, average_wait_seconds=4.0, average_total_seconds=12.0))

    assert eta_seconds(payment, 100) == 18  # ten a second, then eight seconds of its own


def test_the_estimate_never_falls_with_a_worse_place() -> None:
    payment = make_payment()

    estimates = [eta_seconds(payment, position) for position in range(1, 500)]

    assert estimates == sorted(estimates)
    assert min(estimates) >= 1


def test_the_estimate_falls_while_the_customer_is_asked_and_never_below_a_second() -> None:
    estimates = []
    for seconds in (0, 5, 10, 14, 60, 3600):
        payment, _ = make_pending(requested_at=timezone.now() - timedelta(seconds=seconds))
        estimates.append(eta_seconds(payment, 0))

    assert estimates == [15, 10, 5, 1, 1, 1]


def test_a_postponed_payment_is_not_promised_before_its_turn() -> None:
    payment = make_payment(next_attempt_at=timezone.now() + timedelta(seconds=60))

    assert eta_seconds(payment, 1) >= 74


@pytest.mark.parametrize("state", WAITING_STATES)
def test_asks_to_read_again_the_later_the_longer_it_takes(state: PaymentState) -> None:
    payment = make_payment(state=state)

    waits = [read_again_seconds(payment, eta) or 0 for eta in (1, 4, 20, 60, 100)]

    assert waits == sorted(waits)
    assert waits[0] >= 1
    assert waits[3:] == [15, 25]


@pytest.mark.parametrize("state", WAITING_STATES)
def test_nobody_is_asked_to_wait_longer_than_half_a_minute(state: PaymentState) -> None:
    assert read_again_seconds(make_payment(state=state), 100_000) == 30


@pytest.mark.parametrize(("others", "seconds", "while_paused"), [(0, 2, 5), (3, 4, 5), (7, 8, 8), (40, 30, 30)])
def test_the_more_wait_the_later_each_asks_again(others: int, seconds: int, while_paused: int) -> None:
    payment = make_payment(state=PaymentState.PENDING)
    for number in range(others):
        make_payment(state=WAITING_STATES[number % len(WAITING_STATES)], gateway="campay")
    make_payment(state=PaymentState.SETTLED)

    with override_settings(STATUS_READS_PER_SECOND=1):
        running = read_again_seconds(payment, 1)
        in_force.orders.put(in_force.Orders({"fapshi": QueueControl(gateway="fapshi", mode=QueueMode.STOP)}))
        paused = read_again_seconds(payment, 1)

    assert (running, paused) == (seconds, while_paused)


def names(payment: Payment) -> list[tuple[str, bool]]:
    return [(step["name"], step["is_done"]) for step in steps_of(payment)]


@pytest.mark.parametrize(
    ("state", "columns", "expected"),
    [
        ("QUEUED", {}, [("sent_to_gateway", False), ("waiting_for_approval", False), ("settled", False)]),
        ("REQUESTED", {}, [("sent_to_gateway", True), ("waiting_for_approval", False), ("settled", False)]),
        (
            "PENDING",
            {"pending_at": timezone.now()},
            [("sent_to_gateway", True), ("waiting_for_approval", False), ("settled", False)],
        ),
        (
            "SETTLED",
            {"pending_at": timezone.now()},
            [("sent_to_gateway", True), ("waiting_for_approval", True), ("settled", True)],
        ),
        # Heard of before we had seen the customer being asked.
        ("SETTLED", {}, [("sent_to_gateway", True), ("waiting_for_approval", True), ("settled", True)]),
        (
            "REVIEW",
            {"pending_at": timezone.now()},
            [("sent_to_gateway", True), ("waiting_for_approval", True), ("review", True)],
        ),
        (
            "CANCELLED",
            {"pending_at": timezone.now()},
            [("sent_to_gateway", True), ("waiting_for_approval", False), ("cancelled", True)],
        ),
        ("FAILED", {}, [("sent_to_gateway", True), ("waiting_for_approval", False), ("failed", True)]),
        ("EXPIRED", {}, [("sent_to_gateway", True), ("waiting_for_approval", False), ("expired", True)]),
    ],
)
def test_shows_the_steps(state: str, columns: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    payment = make_payment(state=PaymentState(state), **columns)

    assert names(payment) == [("accepted", True), *expected]


def test_a_step_that_is_reached_has_its_time_before_it_is_done() -> None:
    payment, _ = make_pending()

    step = steps_of(payment)[2]

    assert (step["name"], step["is_done"], step["at"] is not None) == ("waiting_for_approval", False, True)
    assert all(step["at"] for step in steps_of(make_payment(state=PaymentState.SETTLED)))


def test_a_wallet_has_no_gateway_steps() -> None:
    payment = make_payment(gateway="wallet")

    assert names(payment) == [("accepted", True), ("settled", False)]


def test_times_are_those_of_the_service() -> None:
    step = steps_of(make_payment())[0]

    assert step["at"].endswith("+01:00")


def test_shows_what_to_dial_while_the_customer_is_asked_and_not_after() -> None:
    payment, attempt = make_pending()
    type(attempt).objects.filter(pk=attempt.pk).update(instructions="*126#", link="https://pay.example/1")

    shown = show_payment(payment)
    ended = show_payment(make_payment(state=PaymentState.SETTLED))

    assert (shown["instructions"], shown["link"]) == ("*126#", "https://pay.example/1")
    assert (ended["instructions"], ended["link"], ended["position"], ended["eta_seconds"]) == ("", "", 0, 0)


@pytest.mark.parametrize(
    ("language", "message"),
    [("en", "This number cannot pay."), ("fr", "Ce numéro ne peut pas payer."), ("de", "This number cannot pay.")],
)
def test_says_why_it_failed_in_the_customers_language(language: str, message: str) -> None:
    payment = make_payment(state=PaymentState.FAILED, failure_code="invalid_phone")

    assert show_payment(payment, language)["message"] == message


@pytest.mark.parametrize("code", SENTENCES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_sentence_in_a_message_begins_with_a_capital(code: str, language: str) -> None:
    message = show_payment(make_payment(state=PaymentState.FAILED, failure_code=code), language)["message"]

    assert all(part[0].isupper() for part in message.split(". "))
    assert message.endswith(".")


def test_a_code_without_words_of_its_own_has_general_ones() -> None:
    payment = make_payment(state=PaymentState.FAILED, failure_code="something_new")
    make_attempt(payment, AttemptState.REFUSED)

    assert show_payment(payment)["message"] == "The payment service refused it."
