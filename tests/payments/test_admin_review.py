"""The pages on which staff decide about captured money."""

import re

import pytest

from choptym.lib.snapshot import Snapshot
from payments.models import DeadLetter, Payment, PaymentAttempt
from payments.overview import overview
from payments.review import fail_payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from payments.story import read_story
from tests.factories import fresh, make_attempt, make_payment, make_pending, paid
from tests.payments.staff import acts_about, make_staff, page_of, signed_in
from wallets.selectors import wallet_balance

pytestmark = [pytest.mark.django_db, pytest.mark.invariant("INV-10")]

DECISIONS = ("accept", "credit", "return", "fail")


def under_review(**fact: object) -> Payment:
    payment, _ = make_pending()
    settle_batch([paid(payment, **{"amount_minor": 2400, **fact})])  # type: ignore[arg-type]
    return fresh(payment)


def review_page(payment: Payment, decision: str) -> str:
    return f"/admin/payments/payment/{payment.pk}/review/{decision}/"


@pytest.mark.parametrize("role", ["finance", ""])
@pytest.mark.parametrize(
    ("decision", "state"), [("accept", "SETTLED"), ("credit", "SETTLED"), ("return", "SETTLED"), ("fail", "FAILED")]
)
def test_those_who_may_decide_from_the_page_of_the_payment(role: str, decision: str, state: str) -> None:
    payment, staff = under_review(), make_staff(role)
    client = signed_in(staff)
    address = review_page(payment, decision)

    assert address in client.get(page_of(payment)).content.decode()
    assert "the gateway collected 2,400 XAF" in client.get(address).content.decode()
    unsaid = client.post(address, {"reason": ""})
    done = client.post(address, {"reason": "a call to the gateway"})

    assert unsaid.status_code == 200
    assert done.headers["Location"] == page_of(payment)
    assert fresh(payment).state == state
    assert acts_about(f"payment:{payment.pk}") == [(staff.username, f"{decision}_payment", "a call to the gateway")]
    assert address not in client.get(page_of(payment)).content.decode()


@pytest.mark.parametrize("role", ["support", "operators"])
@pytest.mark.parametrize("decision", DECISIONS)
def test_the_others_have_no_buttons_and_are_turned_away(role: str, decision: str) -> None:
    payment = under_review()
    client = signed_in(make_staff(role))
    address = review_page(payment, decision)

    assert address not in client.get(page_of(payment)).content.decode()
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "I want to"}).status_code == 403
    assert fresh(payment).state == "REVIEW"


def test_a_decision_that_is_refused_says_why_on_the_page() -> None:
    payment = under_review(currency="INR")
    client = signed_in(make_staff("finance"))

    answer = client.post(review_page(payment, "accept"), {"reason": "let it be"})

    assert answer.status_code == 200
    assert "credit it" in answer.content.decode()
    assert fresh(payment).state == "REVIEW"


def test_an_amount_that_could_not_be_read_is_asked_for() -> None:
    payment = under_review(money=None, problem="'12.5' has a fraction")
    client = signed_in(make_staff("finance"))
    address = review_page(payment, "credit")

    assert 'name="amount"' in client.get(address).content.decode()
    assert 'name="amount"' not in client.get(review_page(payment, "fail")).content.decode()
    odd = client.post(address, {"reason": "seen", "amount": "12.5", "currency": "XAF"})
    none = client.post(address, {"reason": "seen", "amount": "0", "currency": "XAF"})
    assert (odd.status_code, none.status_code, fresh(payment).state) == (200, 200, "REVIEW")
    client.post(address, {"reason": "seen", "amount": "2 500.00", "currency": "INR"})

    assert fresh(payment).state == "SETTLED"
    assert wallet_balance(payment.user_id, "INR").amount_minor == 250_000


def test_what_cannot_be_taken_back_does_not_look_like_the_rest() -> None:
    page = signed_in(make_staff("finance")).get(page_of(under_review())).content.decode()

    tones = dict(re.findall(r'<a class="ct-button([^"]*)" href="[^"]*/review/(\w+)/"', page))
    assert {name: tone for tone, name in tones.items()} | {"accept": "", "credit": ""} == {
        "accept": "", "credit": "", "return": " ct-warning", "fail": " ct-bad",
    }  # fmt: skip


def test_a_decision_leaves_in_the_story_what_had_happened() -> None:
    payment = under_review()
    Payment.objects.filter(pk=payment.pk).update(fee_minor=60)
    attempt = payment.attempts.get()
    answered_at = attempt.started_at
    PaymentAttempt.objects.filter(pk=attempt.pk).update(ended_at=answered_at, http_status=200)

    fail_payment(payment.pk, actor_id=make_staff("finance").pk, reason="their pages show none")

    steps = [moment.step for moment in read_story(payment.pk).moments]
    [answer] = [step for step in steps if step.kind == "answer"]
    assert answer.at == answered_at
    assert "their pages show none" not in answer.lines
    titles = [step.title for step in steps]
    review = next(title for title in titles if title.startswith("Under review"))
    act = next(title for title in titles if title.endswith("fail payment"))
    assert titles.index(review) < titles.index(act)
    assert titles.index("We asked fapshi: paid") < titles.index("A person found that try 1 collected nothing")
    assert payment.problem in next(step for step in steps if step.title == review).lines
    assert "Failed: no money moved" in titles
    assert not any("kept" in line for step in steps for line in step.lines)
    assert read_story(payment.pk).fee is None


@pytest.mark.parametrize("address", ["review/burn/", "review/accept/"])
def test_what_is_not_there_is_not_found(address: str) -> None:
    client = signed_in(make_staff("finance"))

    assert client.get(f"/admin/payments/payment/999999999/{address}").status_code == 404


def test_a_second_capture_that_could_not_be_read_is_credited_from_the_page() -> None:
    payment = make_payment(state=PaymentState.PENDING)
    first = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])
    settle_batch([paid(payment, attempt_id=first.pk, money=None, problem="12.5 XAF")])
    client, other = signed_in(make_staff("finance")), signed_in(make_staff("operators"))
    address = f"/admin/payments/payment/{payment.pk}/surplus/{first.pk}/"

    assert address in client.get(page_of(payment)).content.decode()
    assert address not in other.get(page_of(payment)).content.decode()
    assert other.post(address, {"reason": "x", "amount": "1300", "currency": "XAF"}).status_code == 403
    done = client.post(address, {"reason": "the dashboard", "amount": "1300", "currency": "XAF"})

    assert done.headers["Location"] == page_of(payment)
    assert wallet_balance(payment.user_id, "XAF").amount_minor == 1300
    assert DeadLetter.objects.get(payment=payment).replayed_at is not None


def test_the_menu_counts_what_is_under_review(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Snapshot, "get", lambda self: self._read())
    for _ in range(3):
        under_review()

    assert overview.get().in_review == 3
    page = signed_in(make_staff("support")).get("/admin/payments/payment/")

    lines = [line for group in page.context["sidebar_navigation"] for line in group["items"]]
    assert [line["badge"] for line in lines if line["title"] == "Payments"] == ["3"]
