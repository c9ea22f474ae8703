"""A payment that could not be settled tries again when staff say so: once, with a reason, by those who may."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.jobs import redis
from payments.models import DeadLetter, Payment, WebhookEvent
from payments.replay import replay_dead_letter
from payments.states import AttemptState, EventState, PaymentState
from tests.factories import fresh, make_attempt, make_event, make_payment, make_pending
from tests.payments.staff import acts_about, make_staff, page_of, signed_in

pytestmark = pytest.mark.django_db

REPLAY = "/admin/payments/deadletter/replay/"


def set_aside(payment: Payment) -> DeadLetter:
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)
    return DeadLetter.objects.create(payment=payment, reason="IntegrityError: a reason of its own")


@pytest.fixture
def letter() -> DeadLetter:
    payment, _ = make_pending()
    return set_aside(payment)


def test_the_gateway_is_asked_again_and_the_act_is_written_down(letter: DeadLetter) -> None:
    staff = make_staff("finance")

    replayed = replay_dead_letter(letter.pk, actor_id=staff.pk, reason="the books are mended")

    assert fresh(letter.payment).next_check_at is not None
    assert (replayed.replayed_by, replayed.replayed_at is not None) == (staff, True)
    assert acts_about(f"payment:{letter.payment_id}") == [
        (staff.username, "replay_dead_letter", "the books are mended")
    ]


def test_it_is_replayed_once(letter: DeadLetter) -> None:
    staff = make_staff("finance")
    replay_dead_letter(letter.pk, actor_id=staff.pk, reason="first")
    Payment.objects.filter(pk=letter.payment_id).update(next_check_at=None)

    with pytest.raises(NotAllowed, match="already"):
        replay_dead_letter(letter.pk, actor_id=staff.pk, reason="second")

    assert fresh(letter.payment).next_check_at is None
    assert Act.objects.count() == 1


def test_nothing_happens_without_a_reason(letter: DeadLetter) -> None:
    with pytest.raises(Rejected, match="why"):
        replay_dead_letter(letter.pk, actor_id=make_staff("finance").pk, reason="  ")

    assert fresh(letter).replayed_at is None
    assert fresh(letter.payment).next_check_at is None
    assert not Act.objects.exists()


def test_money_that_came_by_an_event_after_the_end_is_looked_up_again() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    attempt = make_attempt(payment, AttemptState.NOT_PAID)
    event = make_event(
        payment=payment, transaction_id=attempt.transaction_id, state=EventState.MATCHED, next_look_at=None, looks=3
    )
    letter = set_aside(payment)

    replay_dead_letter(letter.pk, actor_id=make_staff("finance").pk, reason="late money")

    seen: WebhookEvent = fresh(event)
    assert (seen.state, seen.looks, seen.next_look_at is not None) == (EventState.NEW, 0, True)


def test_money_of_a_try_that_had_failed_is_asked_about_though_no_event_told_of_it() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    make_attempt(payment, AttemptState.NOT_PAID)
    letter = set_aside(payment)

    replay_dead_letter(letter.pk, actor_id=make_staff("finance").pk, reason="late money")

    assert fresh(payment).next_check_at is not None


def test_where_nothing_can_be_asked_the_letter_stays_and_staff_are_told() -> None:
    payment = make_payment(state=PaymentState.FAILED)
    make_attempt(payment, AttemptState.ABSENT)
    letter = set_aside(payment)

    done = signed_in(make_staff("finance")).post(f"{REPLAY}?ids={letter.pk}", {"reason": "late money"}, follow=True)

    assert "Reconcile the day of its try" in done.content.decode()
    assert (fresh(letter).replayed_at, fresh(payment).next_check_at) == (None, None)
    assert not Act.objects.exists()


@pytest.mark.parametrize("state", [PaymentState.SETTLED, PaymentState.REVIEW])
def test_what_has_ended_is_not_asked_about_but_what_was_told_of_it_is_looked_at(state: PaymentState) -> None:
    payment = make_payment(state=state)
    event = make_event(payment=payment, state=EventState.MATCHED, next_look_at=None)
    letter = set_aside(payment)

    replay_dead_letter(letter.pk, actor_id=make_staff("finance").pk, reason="a second try took the money, too")

    assert fresh(letter).replayed_at is not None
    assert fresh(payment).next_check_at is None
    assert fresh(event).next_look_at is not None


def test_the_workers_are_told_when_it_is_committed(
    letter: DeadLetter, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[list[object]]]
) -> None:
    bells = [
        b"choptym:bell:payments.tasks.confirm_payments:fapshi",
        b"choptym:bell:payments.tasks.process_events:fapshi",
    ]
    redis().delete(*bells)

    with django_capture_on_commit_callbacks(execute=True):
        replay_dead_letter(letter.pk, actor_id=make_staff("finance").pk, reason="the books are mended")

    assert [redis().exists(bell) for bell in bells] == [1, 1]


@pytest.mark.parametrize("role", ["finance", "operators", ""])
def test_those_who_may_replay_from_the_page(role: str, letter: DeadLetter) -> None:
    staff = make_staff(role)
    client = signed_in(staff)
    address = f"{REPLAY}?ids={letter.pk}"

    story = client.get(page_of(letter.payment)).content.decode()
    asked = client.get(address)
    unsaid = client.post(address, {"reason": ""})
    done = client.post(address, {"reason": "the books are mended"})

    assert address in story
    assert "a reason of its own" in asked.content.decode()
    assert unsaid.status_code == 200
    assert done.headers["Location"] == page_of(letter.payment)
    assert fresh(letter).replayed_by == staff
    assert len(acts_about(f"payment:{letter.payment_id}")) == 1


def test_several_are_replayed_together(letter: DeadLetter) -> None:
    other = set_aside(make_pending()[0])
    client = signed_in(make_staff("finance"))
    chosen = {"action": "replay_selected", "_selected_action": [str(letter.pk), str(other.pk)]}

    sent_to = client.post("/admin/payments/deadletter/", chosen).headers["Location"]
    client.post(sent_to, {"reason": "the index is back"})

    assert sent_to == f"{REPLAY}?ids={letter.pk},{other.pk}"
    assert DeadLetter.objects.filter(replayed_at__isnull=True).count() == 0
    assert Act.objects.count() == 2


def test_the_button_of_one_letter_leads_to_the_question(letter: DeadLetter) -> None:
    response = signed_in(make_staff("finance")).get(page_of(letter).replace("/change/", "/replay/"))

    assert response.headers["Location"] == f"{REPLAY}?ids={letter.pk}"


@pytest.mark.invariant("INV-10")
def test_support_cannot_replay(letter: DeadLetter) -> None:
    client = signed_in(make_staff("support"))
    chosen = {"action": "replay_selected", "_selected_action": [str(letter.pk)]}

    by_page = client.post(f"{REPLAY}?ids={letter.pk}", {"reason": "I would like to"})
    by_button = client.post(page_of(letter).replace("/change/", "/replay/"))
    client.post("/admin/payments/deadletter/", chosen)

    assert (by_page.status_code, by_button.status_code) == (403, 403)
    assert REPLAY not in client.get(page_of(letter.payment)).content.decode()
    assert fresh(letter).replayed_at is None
    assert not Act.objects.exists()


@pytest.mark.parametrize("ids", ["", "x", "999999999", "9" * 40, "1,,2"])
def test_a_question_about_nothing_does_nothing(ids: str) -> None:
    client = signed_in(make_staff("finance"))

    assert client.get(f"{REPLAY}?ids={ids}").status_code == 200
    assert client.post(f"{REPLAY}?ids={ids}", {"reason": "none"}).status_code == 302
    assert not Act.objects.exists()
