"""Staff decide about captured money once, with a reason, and by what the gateway's own pages say."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected, Unavailable
from choptym.lib.money import Money
from payments.charge import _leave_unknown
from payments.close import close_unpaid
from payments.failures import SENTENCES
from payments.locks import claim_charge, lock_payments
from payments.models import Payment
from payments.prove import find_breaks
from payments.review import accept_payment, credit_payment, fail_payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from payments.story import read_story
from tests.constraints import locked_tables
from tests.factories import fresh, make_attempt, make_payment, make_pending, paid
from tests.payments.books import entries_of, told
from tests.payments.reviews import Verb, balance, decide, letter_about, order_state, under_review, unreadable
from tests.payments.staff import acts_about, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]

# The amount that the gateway's answer did not tell.


@pytest.mark.parametrize("verb", [accept_payment, credit_payment])
def test_what_could_not_be_read_must_be_told_and_is_written_down(verb: Verb) -> None:
    payment = unreadable()

    with pytest.raises(Rejected, match="own page"):
        decide(verb, payment)
    decide(verb, payment, collected=Money(2500, "XAF"))

    attempt = payment.attempts.get()
    assert (attempt.collected_minor, attempt.collected_currency) == (2500, "XAF")
    assert entries_of(payment)["capture"][2] == 2500
    details = Act.objects.get(about=f"payment:{payment.pk}").details
    assert (details["collected"], details["is_entered"]) == ("2,500 XAF", True)
    assert find_breaks() == {}


@pytest.mark.parametrize(
    ("payment", "told_amount", "code"),
    [
        (unreadable, Money(0, "XAF"), "nothing_collected"),
        (unreadable, Money(-5, "XAF"), "nothing_collected"),
        (under_review, Money(2500, "XAF"), "amount_known"),
        (lambda: under_review(0), None, "nothing_collected"),
    ],
)
def test_an_amount_that_cannot_be_is_refused(
    payment: Callable[[], Payment], told_amount: Money | None, code: str
) -> None:
    row = payment()

    with pytest.raises(Rejected) as refused:
        decide(accept_payment, row, collected=told_amount)

    assert refused.value.code == code
    assert fresh(row).state == "REVIEW"


@pytest.mark.parametrize("verb", [accept_payment, credit_payment])
@pytest.mark.parametrize("currency", ["XAF", "INR"])
def test_a_typed_amount_has_a_ceiling(verb: Verb, currency: str) -> None:
    payment, most = unreadable(), settings.ORDER_MAX_AMOUNT_MINOR

    for amount_minor in (most + 1, 10**15):
        with pytest.raises(Rejected) as refused:
            decide(verb, payment, collected=Money(amount_minor, currency))
        assert (refused.value.code, list(refused.value.fields)) == ("amount_too_large", ["amount"])

    assert (fresh(payment).state, entries_of(payment)) == ("REVIEW", {})
    assert payment.attempts.get().collected_minor is None
    assert not Act.objects.filter(about=f"payment:{payment.pk}").exists()


def test_the_ceiling_itself_is_believed_and_so_is_the_gateways_own_word() -> None:
    typed, large = unreadable(), under_review(settings.ORDER_MAX_AMOUNT_MINOR + 1)

    decide(credit_payment, typed, collected=Money(settings.ORDER_MAX_AMOUNT_MINOR, "XAF"))
    decide(credit_payment, large)

    assert balance(typed) == settings.ORDER_MAX_AMOUNT_MINOR
    assert balance(large) == settings.ORDER_MAX_AMOUNT_MINOR + 1


@pytest.mark.parametrize(
    "fact", [{"money": None, "problem": "another reference"}, {"currency": "INR"}, {"amount_minor": 2400}]
)
def test_what_the_customer_reads_is_true_of_every_review(fact: dict[str, Any]) -> None:
    english, french = SENTENCES["under_review"]
    assert not re.search("amount|montant", english + french)

    assert "ne correspond pas à notre demande" in letter_about(under_review(**fact), "payment_under_review")


# Nothing was collected.


@pytest.mark.invariant("INV-7")
def test_a_payment_of_which_nothing_was_collected_fails_and_its_order_is_free() -> None:
    payment = unreadable()

    decide(fail_payment, payment)

    row = fresh(payment)
    assert (row.state, row.failure_code, row.next_check_at) == ("FAILED", "not_collected", None)
    assert payment.attempts.get().state == AttemptState.DISPROVED
    assert order_state(payment) == "CANCELLED"
    assert told(payment) == ["payment_under_review", "payment_not_collected"]
    assert "aucun montant n'est arrivé" in letter_about(payment, "payment_not_collected")
    assert find_breaks() == {}


def test_one_that_had_failed_before_its_review_is_told_of_the_second_end_too() -> None:
    payment, _ = make_pending()
    with transaction.atomic():
        [locked] = lock_payments([payment.pk])
        close_unpaid(locked, PaymentState.FAILED, code="declined")
    settle_batch([paid(payment, amount_minor=2400)])
    assert fresh(payment).state == "REVIEW"

    decide(fail_payment, payment)

    assert told(payment) == ["payment_failed", "payment_under_review", "payment_not_collected"]
    assert find_breaks() == {}


def test_money_that_came_after_all_is_told_of_and_so_is_the_second_decision() -> None:
    payment = unreadable()
    decide(fail_payment, payment)

    settle_batch([paid(payment, amount_minor=900)])
    decide(fail_payment, payment)

    first = ["payment_under_review", "payment_not_collected"]
    assert told(payment) == [*first, *(f"{kind}_again" for kind in first)]
    assert letter_about(payment, first[0]) == letter_about(payment, f"{first[0]}_again")
    assert letter_about(payment, first[1]) == letter_about(payment, f"{first[1]}_again")


def test_the_gateways_word_wins_even_over_that() -> None:
    payment = unreadable()
    decide(fail_payment, payment)

    settle_batch([paid(payment)])

    assert (fresh(payment).state, order_state(payment)) == ("SETTLED", "PAID")
    assert payment.attempts.get().state == AttemptState.PAID
    assert find_breaks() == {}


# Once, and in the open.


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("first", [accept_payment, credit_payment, fail_payment])
@pytest.mark.parametrize("second", [accept_payment, credit_payment, fail_payment])
def test_it_is_decided_once(first: Verb, second: Verb) -> None:
    payment = under_review()
    decide(first, payment)
    before = entries_of(payment), balance(payment)

    with pytest.raises(NotAllowed) as refused:
        decide(second, payment)

    assert refused.value.code == "already_decided"
    assert (entries_of(payment), balance(payment)) == before
    assert Act.objects.filter(about=f"payment:{payment.pk}").count() == 1


@pytest.mark.parametrize("state", [state for state in PaymentState if state != PaymentState.REVIEW])
@pytest.mark.parametrize("verb", [accept_payment, credit_payment, fail_payment])
def test_only_what_is_under_review_is_decided(verb: Verb, state: PaymentState) -> None:
    payment = make_payment(state=state)
    make_attempt(payment, AttemptState.PAID, collected_minor=2500, collected_currency="XAF")

    with pytest.raises(NotAllowed):
        decide(verb, payment)

    assert fresh(payment).state == state


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("verb", [accept_payment, credit_payment, fail_payment])
def test_the_act_is_written_down_and_nothing_happens_without_a_reason(verb: Verb) -> None:
    payment, staff = under_review(), make_staff("finance")

    with pytest.raises(Rejected, match="why"):
        verb(payment.pk, actor_id=staff.pk, reason=" ")
    assert (fresh(payment).state, entries_of(payment)) == ("REVIEW", {})
    verb(payment.pk, actor_id=staff.pk, reason="a call to the gateway")

    assert acts_about(f"payment:{payment.pk}") == [(staff.username, verb.__name__, "a call to the gateway")]


def test_late_news_of_what_was_decided_changes_nothing() -> None:
    payment = under_review()
    decide(credit_payment, payment)

    settle_batch([paid(payment, amount_minor=2400)])
    settle_batch([paid(payment)])

    assert (balance(payment), sorted(entries_of(payment))) == (2400, ["capture"])


def test_the_story_keeps_the_gateways_word_before_the_decision() -> None:
    payment = under_review()
    since = payment.finished_at
    decide(accept_payment, payment)

    moments = read_story(payment.pk).moments

    [verdict] = [moment.step for moment in moments if moment.step.kind == "verdict"]
    assert verdict.at == since
    kinds = [moment.step.kind for moment in moments]
    assert kinds.index("verdict") < kinds.index("act") < kinds.index("ending")


@pytest.mark.invariant("INV-2")
def test_locks_in_the_order_of_all() -> None:
    payment = under_review(2700)

    with locked_tables() as tables:
        decide(accept_payment, payment)

    assert list(dict.fromkeys(tables)) == [
        "payments_payment",
        "orders_order",
        "orders_cartitem",
        "orders_product",
        "wallets_account",
    ]


def test_what_is_under_review_is_not_asked_about_when_the_answer_to_the_charge_was_lost() -> None:
    payment = make_payment()
    charge = claim_charge(payment.pk, payment.gateway)
    assert charge is not None
    settle_batch([paid(payment, amount_minor=1)])

    _leave_unknown(charge, Unavailable("no answer"))

    assert (fresh(payment).state, fresh(payment).next_check_at) == ("REVIEW", None)
