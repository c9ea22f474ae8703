"""Staff decide about captured money that is not what was asked for: what becomes of it."""

import pytest

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from orders.models import CartItem
from payments.close import close_unpaid
from payments.models import Payment
from payments.prove import find_breaks
from payments.review import accept_payment, credit_payment
from payments.settle import settle_batch
from payments.statement import statement_lines
from payments.states import PaymentState
from tests.factories import fresh, make_attempt, make_pending, make_topup, paid
from tests.payments.books import entries_of, told
from tests.payments.reviews import Verb, balance, decide, letter_about, order_state, under_review
from wallets.selectors import statement_entries

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-6")]

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
    assert "Le reste, 200 FCFA, est dans votre portefeuille" in text
    assert find_breaks() == {}


def test_the_statement_of_an_accepted_payment_adds_up() -> None:
    payment = under_review(2400)
    decide(accept_payment, payment)

    lines = statement_lines(list(statement_entries(payment.user_id)), payment.user_id)

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
    assert "300,50 ₹" in letter_about(payment, "payment_credited")
    assert find_breaks() == {}


def test_it_is_booked_at_the_gateway_of_its_try() -> None:
    payment = under_review(2400)
    Payment.objects.filter(pk=payment.pk).update(gateway="campay")

    decide(credit_payment, payment)

    assert entries_of(payment)["capture"][0] == "gateway:fapshi"
    assert find_breaks() == {}
