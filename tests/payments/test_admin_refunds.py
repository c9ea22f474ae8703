"""Staff refund from the page of a payment, watch over refunds, and end by hand what no gateway tells of."""

import uuid
from typing import cast

import pytest
from django.http import HttpResponse
from django.test import Client

from payments.models import Payment, PaymentAttempt, Refund
from payments.prove import find_breaks
from payments.settle import settle_batch
from payments.states import PaymentState
from tests.api.world import nothing_changes
from tests.factories import make_attempt, make_payment, make_topup, paid
from tests.payments.refund_pages import problem_of, refund_page, resolve_page, shown
from tests.payments.refund_rows import asked_long_ago, make_refund, make_settled, make_twice_paid
from tests.payments.staff import acts_about, make_staff, page_of, signed_in
from wallets.selectors import wallet_balance

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


@pytest.fixture
def payment() -> Payment:
    return make_settled()


@pytest.fixture
def finance() -> Client:
    return signed_in(make_staff("finance"))


def sent(client: Client, payment: Payment, **fields: str) -> HttpResponse:
    body = {"amount": "10.00", "way": "GATEWAY", "reason": "cold soup", "reference": str(uuid.uuid4()), **fields}
    return cast("HttpResponse", client.post(refund_page(payment), body))


def test_the_form_is_filled_in_with_what_is_left(payment: Payment, finance: Client) -> None:
    make_refund(payment, 1000)

    page = shown(finance, refund_page(payment))

    assert 'value="15.00"' in page
    assert "try 1, razorpay collected 25.00 INR: 15.00 INR left" in page
    assert "back to where it came from" in page
    assert "Into the wallet it is done at once." in page
    assert "there is no other way" not in page
    assert 'name="attempt"' not in page
    assert refund_page(payment) in shown(finance, page_of(payment))


@pytest.mark.invariant("INV-3")
def test_finance_refunds_through_the_gateway(payment: Payment, finance: Client) -> None:
    answer = sent(finance, payment)

    refund = Refund.objects.get()
    assert answer.headers["Location"] == page_of(payment)
    assert (refund.state, refund.way, refund.amount_minor, refund.reason) == ("QUEUED", "GATEWAY", 1000, "cold soup")
    assert [act[1:] for act in acts_about(f"payment:{payment.pk}")] == [("refund_payment", "cold soup")]
    assert "10.00 INR on its way back" in shown(finance, page_of(payment))
    assert find_breaks() == {}


def test_into_the_wallet_when_that_is_chosen(payment: Payment, finance: Client) -> None:
    sent(finance, payment, way="WALLET")

    assert Refund.objects.get().state == "REFUNDED"
    assert wallet_balance(payment.user_id, "INR").amount_minor == 1000
    assert "refunded 10.00 INR of 25.00 INR" in shown(finance, page_of(payment))


def test_where_there_is_one_way_only_nothing_is_to_choose(finance: Client) -> None:
    by_fapshi = make_settled("fapshi", price_minor=12_500)

    page = shown(finance, refund_page(by_fapshi))
    answer = sent(finance, by_fapshi, amount="12 500")

    assert 'value="12500"' in page
    assert 'name="way"' not in page
    assert "It goes into the customer&#x27;s wallet, at once: there is no other way." in page
    assert "Through the gateway" not in page
    assert answer.status_code == 302
    assert (Refund.objects.get().way, Refund.objects.get().amount_minor) == ("WALLET", 12_500)


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("amount", ["10.00", "25.00"])
@pytest.mark.parametrize("way", ["GATEWAY", "WALLET"])
def test_a_form_that_is_sent_twice_is_one_refund(payment: Payment, finance: Client, amount: str, way: str) -> None:
    page = shown(finance, refund_page(payment))
    reference = page.split('name="reference" value="')[1].split('"')[0]
    sent(finance, payment, amount=amount, way=way, reference=reference)

    with nothing_changes():  # what is shown once on the next page lies in a cookie
        again = sent(finance, payment, amount=amount, way=way, reference=reference)

    assert again.headers["Location"] == page_of(payment)
    assert Refund.objects.get().reference == uuid.UUID(reference)
    assert "was asked for before; nothing was done twice" in shown(finance, page_of(payment))


@pytest.mark.invariant("INV-2")
def test_two_forms_are_two_refunds_and_another_amount_is_no_repetition(payment: Payment, finance: Client) -> None:
    reference = str(uuid.uuid4())
    sent(finance, payment, reference=reference)
    sent(finance, payment)

    with nothing_changes():
        other = sent(finance, payment, amount="11.00", reference=reference)

    assert Refund.objects.count() == 2
    assert "sent before, with another amount" in problem_of(other)["__all__"][0]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-3"}, "amount"),
        ({"amount": "25.01"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"amount": "all"}, "amount"),
        ({"amount": "15,50"}, "amount"),
        ({"amount": "1,000.00"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1e9999"}, "amount"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"way": "PIGEON"}, "way"),
        ({"reference": ""}, "reference"),
        ({"reference": "mine"}, "reference"),
    ],
)
def test_nonsense_is_told_on_the_page(payment: Payment, finance: Client, fields: dict[str, str], field: str) -> None:
    with nothing_changes():
        answer = sent(finance, payment, **fields)

    assert list(problem_of(answer)) == [field]


def test_what_cannot_be_given_back_says_why(payment: Payment, finance: Client) -> None:
    make_refund(payment, None)
    waiting = make_payment(state=PaymentState.FAILED, gateway="razorpay")

    with nothing_changes():
        nothing_left, failed = sent(finance, payment), sent(finance, waiting, amount="10")

    assert problem_of(nothing_left) == {"__all__": ["All of it was given back already."]}
    assert problem_of(failed) == {"__all__": ["This payment is FAILED: there is nothing to give back."]}
    assert refund_page(waiting) not in shown(finance, page_of(waiting))


def test_a_decimal_comma_is_refused_with_a_sentence_and_never_read_as_hundreds(finance: Client) -> None:
    dear = make_settled(price_minor=400_000)  # enough for 1,550.00 INR to be given back

    with nothing_changes():
        answer = sent(finance, dear, amount="15,50")

    assert problem_of(answer)["amount"] == ["Write 15.50: a point before the paise, no commas."]


def test_what_the_form_is_filled_in_with_can_be_sent_as_it_is(finance: Client) -> None:
    dear = make_settled(price_minor=1_234_567)

    amount = shown(finance, refund_page(dear)).split('name="amount" value="')[1].split('"')[0]
    answer = sent(finance, dear, amount=amount)

    assert (answer.status_code, Refund.objects.get().amount_minor) == (302, 1_234_567)


def test_where_nothing_could_be_given_back_there_is_no_button(payment: Payment, finance: Client) -> None:
    make_refund(payment, None)
    topup = make_topup(amount_minor=5000, state=PaymentState.PENDING)
    make_attempt(topup)
    settle_batch([paid(topup)])  # in the wallet, and its gateway gives nothing back
    open_one = make_settled()

    assert refund_page(payment) not in shown(finance, page_of(payment))
    assert refund_page(topup) not in shown(finance, page_of(topup))
    assert refund_page(open_one) in shown(finance, page_of(open_one))


def test_a_refund_into_the_wallet_ends_after_it_began(payment: Payment) -> None:
    refund = make_refund(payment, to_wallet=True)

    assert refund.finished_at is not None
    assert Refund.objects.get(finished_at__gte=refund.created_at) == refund


@pytest.fixture
def twice() -> tuple[Payment, PaymentAttempt]:
    return make_twice_paid()


def test_what_was_taken_too_many_goes_back_by_its_own_try(
    twice: tuple[Payment, PaymentAttempt], finance: Client
) -> None:
    payment, surplus = twice

    page = shown(finance, refund_page(payment))
    sent(finance, payment, attempt=str(surplus.pk), amount="25.00")

    refund = Refund.objects.get()
    assert "razorpay collected 25.00 INR, taken too many" in page
    assert (refund.attempt, refund.way) == (surplus, "GATEWAY")
    assert wallet_balance(payment.user_id, "INR").amount_minor == 0
    story = shown(finance, page_of(payment))
    assert f"of the money that try {surplus.number} took too many" in story
    assert find_breaks() == {}


def test_a_try_of_another_payment_is_none(twice: tuple[Payment, PaymentAttempt], finance: Client) -> None:
    theirs = make_settled().attempts.get()

    with nothing_changes():
        answer = sent(finance, twice[0], attempt=str(theirs.pk))

    assert list(problem_of(answer)) == ["attempt"]


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "operators"])
def test_only_finance_refunds_and_resolves(payment: Payment, role: str) -> None:
    client = signed_in(make_staff(role))
    refund = asked_long_ago(make_refund(payment))

    with nothing_changes():
        answers = [
            client.get(refund_page(payment)),
            sent(client, payment),
            client.get(resolve_page(refund)),
            client.post(resolve_page(refund), {"was_given": "yes", "reason": "why"}),
        ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert refund_page(payment) not in shown(client, page_of(payment))
    assert resolve_page(refund) not in shown(client, page_of(refund))
