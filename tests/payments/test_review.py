"""Staff decide about captured money that is not what was asked for: once, with a reason, by those who may."""

from collections.abc import Callable

import pytest

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.money import Money
from notifications.deliver import write_letter
from notifications.models import Notification
from orders.models import CartItem
from payments.close import close_unpaid
from payments.credit_surplus import credit_surplus
from payments.models import DeadLetter, Payment
from payments.prove import find_breaks
from payments.review import accept_payment, credit_payment, fail_payment
from payments.settle import settle_batch
from payments.statement import statement_lines
from payments.states import AttemptState, PaymentState
from payments.story import read_story
from tests.constraints import locked_tables
from tests.factories import fresh, make_attempt, make_payment, make_pending, make_topup, paid
from tests.payments.books import entries_of, told
from tests.payments.staff import acts_about, make_staff
from wallets.selectors import statement_entries, wallet_balance

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]

Verb = Callable[..., Payment]


def under_review(amount_minor: int = 2400, currency: str = "XAF", **fact: object) -> Payment:
    """A payment of 2,500 FCFA for which the gateway collected this instead."""
    payment, _ = make_pending()
    settle_batch([paid(payment, amount_minor=amount_minor, currency=currency, **fact)])
    assert fresh(payment).state == "REVIEW"
    return fresh(payment)


def decide(verb: Verb, payment: Payment, **also: object) -> Payment:
    return verb(payment.pk, actor_id=make_staff("finance").pk, reason="the dashboard says so", **also)


def order_state(payment: Payment) -> str:
    assert payment.order is not None
    return str(fresh(payment.order).state)


def balance(payment: Payment, currency: str = "XAF") -> int:
    return wallet_balance(payment.user_id, currency).amount_minor


def letter_about(payment: Payment, kind: str) -> str:
    return write_letter(Notification.objects.get(about=f"payment:{payment.pk}", kind=kind)).text


# Accepted.


def test_too_little_is_accepted_and_the_rest_is_let_off() -> None:
    payment = under_review(2400, fee=Money(72, "XAF"))

    decide(accept_payment, payment)

    customer = f"customer:{payment.user_id}"
    assert entries_of(payment) == {
        "capture": ("gateway:fapshi", customer, 2400),
        "fee": ("fees:fapshi", "gateway:fapshi", 72),
        "allowance": ("sales", customer, 100),
        "sale": (customer, "sales", 2500),
    }
    assert (order_state(payment), balance(payment)) == ("PAID", 0)
    row = fresh(payment)
    assert (row.state, row.settled_at == row.finished_at, row.failure_code) == ("SETTLED", True, "")
    assert row.problem == "asked for 2,500 XAF, the gateway collected 2,400 XAF"
    assert find_breaks() == {}


def test_too_much_is_accepted_and_the_rest_is_in_the_wallet() -> None:
    payment = under_review(2700)

    decide(accept_payment, payment)

    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert (order_state(payment), balance(payment)) == ("PAID", 200)
    assert told(payment) == ["payment_under_review", "payment_accepted"]
    text = letter_about(payment, "payment_accepted")
    assert "2 700 FCFA" in text
    assert "200 FCFA sont dans votre portefeuille" in text
    assert find_breaks() == {}


def test_the_statement_of_an_accepted_payment_adds_up() -> None:
    payment = under_review(2400)
    decide(accept_payment, payment)

    lines = statement_lines(statement_entries(payment.user_id), payment.user_id)

    assert sorted((line.kind, line.amount_minor) for line in lines) == [
        ("credit", 100),
        ("credit", 2400),
        ("purchase", -2500),
    ]


def test_another_currency_is_not_accepted() -> None:
    payment = under_review(2500, "INR")

    with pytest.raises(NotAllowed) as refused:
        decide(accept_payment, payment)

    assert refused.value.code == "currency_mismatch"
    assert (fresh(payment).state, entries_of(payment), Act.objects.count()) == ("REVIEW", {}, 0)


def late_review() -> Payment:
    """Another amount came when the order had been given up."""
    payment, _ = make_pending()
    close_unpaid(payment, PaymentState.EXPIRED, code="expired")
    settle_batch([paid(payment, amount_minor=2400)])
    return fresh(payment)


def test_an_order_that_was_given_up_is_taken_up_again() -> None:
    payment = late_review()

    decide(accept_payment, payment)

    assert order_state(payment) == "PAID"
    assert find_breaks() == {}


def test_an_order_that_is_gone_cannot_be_accepted_but_credited() -> None:
    payment = late_review()
    CartItem.objects.filter(user=payment.user_id).delete()

    with pytest.raises(NotAllowed) as refused:
        decide(accept_payment, payment)
    assert (refused.value.code, fresh(payment).state, entries_of(payment)) == ("order_gone", "REVIEW", {})

    decide(credit_payment, payment)

    assert (order_state(payment), balance(payment)) == ("CANCELLED", 2400)
    assert find_breaks() == {}


@pytest.mark.parametrize("verb", [accept_payment, credit_payment])
def test_a_topup_is_what_was_collected(verb: Verb) -> None:
    payment = make_topup(amount_minor=5000, state=PaymentState.PENDING)
    make_attempt(payment)
    settle_batch([paid(payment, amount_minor=4000)])

    decide(verb, payment)

    assert (fresh(payment).state, balance(payment)) == ("SETTLED", 4000)
    assert "4 000 FCFA" in letter_about(payment, "payment_credited")
    assert find_breaks() == {}


# Credited.


@pytest.mark.invariant("INV-7")
def test_a_credit_is_in_the_wallet_of_its_currency_and_the_order_is_free() -> None:
    payment = under_review(30050, "INR")

    decide(credit_payment, payment)

    assert (balance(payment), balance(payment, "INR")) == (0, 30050)
    assert (order_state(payment), fresh(payment).state) == ("CANCELLED", "SETTLED")
    assert CartItem.objects.get(user=payment.user_id).order_id is None
    assert told(payment) == ["payment_under_review", "payment_credited"]
    assert "₹300.50" in letter_about(payment, "payment_credited")
    assert find_breaks() == {}


def test_it_is_booked_at_the_gateway_of_its_try() -> None:
    payment = under_review(2400)
    Payment.objects.filter(pk=payment.pk).update(gateway="campay")

    decide(credit_payment, payment)

    assert entries_of(payment)["capture"][0] == "gateway:fapshi"
    assert find_breaks() == {}


# The amount that the gateway's answer did not tell.


def unreadable() -> Payment:
    return under_review(money=None, problem="'12.5' has a fraction")


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


# Nothing was collected.


@pytest.mark.invariant("INV-7")
def test_a_payment_of_which_nothing_was_collected_fails_and_its_order_is_free() -> None:
    payment = unreadable()

    decide(fail_payment, payment)

    row = fresh(payment)
    assert (row.state, row.failure_code, row.next_check_at) == ("FAILED", "not_collected", None)
    assert payment.attempts.get().state == AttemptState.DISPROVED
    assert order_state(payment) == "CANCELLED"
    assert told(payment) == ["payment_under_review", "payment_failed"]
    assert "aucun montant n'est arrivé" in letter_about(payment, "payment_failed")
    assert find_breaks() == {}


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


# A second capture that cannot be read.


def set_aside() -> tuple[Payment, int]:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])
    settle_batch([paid(payment, attempt_id=first.pk, money=None, problem="12.5 XAF")])
    return payment, first.pk


def test_a_second_capture_that_cannot_be_read_is_set_aside_and_credited_by_staff() -> None:
    payment, first = set_aside()
    staff = make_staff("finance")
    assert "try 1 took money too many" in DeadLetter.objects.get(payment=payment).reason

    credit_surplus(first, money=Money(1300, "XAF"), actor_id=staff.pk, reason="the dashboard says 1,300")

    assert balance(payment) == 1300
    assert DeadLetter.objects.get(payment=payment).replayed_by == staff
    assert acts_about(f"payment:{payment.pk}") == [(staff.username, "credit_surplus", "the dashboard says 1,300")]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_it_is_credited_once() -> None:
    payment, first = set_aside()
    actor = make_staff("finance").pk
    credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="one")

    with pytest.raises(NotAllowed) as refused:
        credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="two")
    DeadLetter.objects.create(payment=payment, reason="another one")
    with pytest.raises(NotAllowed) as booked:
        credit_surplus(first, money=Money(1300, "XAF"), actor_id=actor, reason="three")

    assert (refused.value.code, booked.value.code) == ("not_set_aside", "no_surplus")
    assert balance(payment) == 1300


def test_the_try_that_pays_is_no_second_capture() -> None:
    payment, _ = set_aside()
    paying = payment.attempts.get(state=AttemptState.PAID)

    with pytest.raises(NotAllowed):
        credit_surplus(paying.pk, money=Money(1, "XAF"), actor_id=make_staff("finance").pk, reason="no")

    assert DeadLetter.objects.get(payment=payment).replayed_at is None
