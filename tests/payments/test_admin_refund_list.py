"""Staff watch over refunds, and end by hand what no gateway tells of."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from payments.gateways.base import RefundOutcome, RefundStatus
from payments.models import Payment, Refund
from payments.overview import read_overview
from payments.prove import find_breaks
from payments.refunds.take_up import apply, fail
from payments.selectors import count_refunds_in_need, refunds_in_need
from tests.api.world import nothing_changes
from tests.factories import fresh
from tests.payments.gateways.sandbox import wait_for
from tests.payments.refund_pages import problem_of, resolve_page, shown
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


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize(("word", "state"), [("yes", "REFUNDED"), ("no", "FAILED")])
def test_finance_ends_by_hand_what_no_gateway_tells_of(
    payment: Payment, finance: Client, word: str, state: str
) -> None:
    refund = asked_long_ago(make_refund(payment), problem="no answer")

    assert resolve_page(refund) in shown(finance, page_of(refund))
    assert "no answer" in shown(finance, resolve_page(refund))
    answer = finance.post(resolve_page(refund), {"was_given": word, "reason": "their dashboard says so"})

    assert answer.headers["Location"] == page_of(payment)
    assert fresh(refund).state == state
    assert acts_about(f"payment:{payment.pk}")[-1][1:] == ("resolve_refund", "their dashboard says so")
    assert "“their dashboard says so”" in shown(finance, page_of(payment))
    assert wallet_balance(payment.user_id, "INR").amount_minor == 0
    assert find_breaks() == {}


def test_its_page_says_what_to_do_and_how_much_it_is(payment: Payment, finance: Client) -> None:
    refund = make_refund(payment)
    waits = shown(finance, page_of(refund))
    asked_long_ago(refund, problem="razorpay knows no such id", hours=0)
    early = shown(finance, page_of(refund))
    asked_long_ago(refund, problem="razorpay knows no such id")
    late = shown(finance, page_of(refund))
    finance.post(resolve_page(refund), {"was_given": "no", "reason": "their dashboard says so"})

    assert "Nothing: it is sent by itself" in waits
    assert '<span class="ct-money">10.00 INR</span>' in waits
    assert "Wait: the gateway may still answer." in early
    assert f"Look up our reference {refund.reference}" in late
    assert "(razorpay knows no such id)" in late
    assert "Wait:" not in late
    assert "Refund the payment again from its page." in shown(finance, page_of(refund))


def test_times_have_one_format_with_their_zone(payment: Payment, finance: Client) -> None:
    refund = make_refund(payment)
    zoned = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d WAT")

    for address in (page_of(payment), page_of(refund), "/admin/payments/payment/", "/admin/payments/refund/"):
        page = shown(finance, address)
        assert zoned.search(page), address
        assert not re.search(r"\d [ap]\.m\.|noon|midnight", page), address


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"was_given": ""}, "was_given"), ({"was_given": "maybe"}, "was_given"), ({"reason": ""}, "reason")],
)
def test_who_ends_one_says_how_and_why(payment: Payment, finance: Client, fields: dict[str, str], field: str) -> None:
    refund = asked_long_ago(make_refund(payment))

    with nothing_changes():
        answer = finance.post(resolve_page(refund), {"was_given": "yes", "reason": "why", **fields})

    assert list(problem_of(answer)) == [field]


@pytest.mark.invariant("INV-5")
def test_what_the_gateway_may_still_tell_is_not_ended_by_hand(payment: Payment, finance: Client) -> None:
    young = asked_long_ago(make_refund(payment, 100), hours=0)
    queued = make_refund(payment, 100)
    ended = make_refund(payment, 100, to_wallet=True)

    for refund in (young, queued, ended):
        with nothing_changes():
            answer = finance.post(resolve_page(refund), {"was_given": "yes", "reason": "why"})
        assert list(problem_of(answer)) == ["__all__"]
    for refund in (young, ended):
        assert resolve_page(refund) not in shown(finance, page_of(refund))


def test_what_was_not_sent_yet_is_called_off(payment: Payment, finance: Client) -> None:
    queued = make_refund(payment, 100)

    finance.post(resolve_page(queued), {"was_given": "no", "reason": "the customer has changed their mind"})

    assert Refund.objects.get(pk=queued.pk).state == "FAILED"


def test_a_refund_that_needs_a_person_is_counted_and_listed(payment: Payment, finance: Client) -> None:
    fine = make_refund(payment, 100)
    asked_long_ago(fine)
    stuck = asked_long_ago(make_refund(payment, 100), problem="no answer")
    asked_long_ago(make_refund(payment, 100), hours=0, problem="no answer yet")
    unsent = asked_long_ago(make_refund(payment, 100), "QUEUED", problem="the float is short")
    contradicted = make_refund(payment, 100, to_wallet=True)
    Refund.objects.filter(pk=contradicted.pk).update(problem="and then the gateway said FAILED")
    failed = make_refund(payment, 100)
    fail(failed, code="refund_refused", problem="no")

    wanted = [stuck, unsent, contradicted, failed]
    assert list(refunds_in_need().order_by("pk")) == wanted
    assert count_refunds_in_need() == read_overview().refunds_in_need == 4
    listed = shown(finance, "/admin/payments/refund/?needs=person")
    assert all(f"/admin/payments/refund/{one.pk}/change/" in listed for one in wanted)
    assert f"/admin/payments/refund/{fine.pk}/change/" not in listed


def test_what_was_the_matter_is_forgotten_once_the_gateway_has_it(payment: Payment) -> None:
    refund = asked_long_ago(make_refund(payment, 100), problem="no answer")
    said = RefundStatus(RefundOutcome.PENDING, "rfnd_1", str(refund.reference), refund.amount)

    apply(refund, said)

    assert (fresh(refund).state, fresh(refund).problem) == ("PENDING", "")
    assert count_refunds_in_need() == 0


def test_the_story_leads_to_a_refund_that_has_a_problem(payment: Payment, finance: Client) -> None:
    stuck, fine = asked_long_ago(make_refund(payment, 100), problem="no answer"), make_refund(payment, 100)

    story = shown(finance, page_of(payment))

    assert f"<b>Refund {stuck.pk} has not ended.</b> no answer" in story
    assert f'href="{page_of(stuck)}"' in story
    assert page_of(fine) not in story


def test_a_failed_refund_is_dealt_with_once_another_was_written_or_a_week_has_passed(payment: Payment) -> None:
    failed = make_refund(payment, 100)
    fail(failed, code="refund_refused", problem="no")
    assert count_refunds_in_need() == 1

    Refund.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(days=6))
    assert count_refunds_in_need() == 1
    Refund.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(days=8))
    assert count_refunds_in_need() == 0

    Refund.objects.filter(pk=failed.pk).update(finished_at=timezone.now())
    make_refund(payment, 100)
    assert count_refunds_in_need() == 0


def test_one_that_was_asked_for_before_it_failed_gives_back_something_else(payment: Payment) -> None:
    """Two dishes, two refunds; the bank sends the first one back."""
    failed, _ = make_refund(payment, 100), make_refund(payment, 200)

    fail(failed, code="refund_refused", problem="no")

    assert list(refunds_in_need()) == [failed]


def test_a_refund_of_what_another_try_took_gives_back_something_else() -> None:
    twice, surplus = make_twice_paid()
    failed = make_refund(twice, 100)
    fail(failed, code="refund_refused", problem="no")

    make_refund(twice, 100, attempt_id=surplus.pk)

    assert list(refunds_in_need()) == [failed]


def test_the_menu_and_the_first_page_tell_how_many_need_a_person(payment: Payment, finance: Client) -> None:
    for _ in range(3):
        asked_long_ago(make_refund(payment, 100), problem="no answer")

    def read() -> str:
        return " ".join(shown(finance, "/admin/").split())

    card = "<span>Refunds</span><b>3</b><small>stuck, failed or contradicted</small>"
    page = wait_for(read, lambda found: card in found)  # the figures are read every two seconds

    assert card in page
    line = page.split('href="/admin/payments/refund/"')[1].split("</a>")[0]
    assert "3" in re.sub(r"<[^>]*>", " ", line).split()
    assert "/admin/payments/refund/?needs=person" in page


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("state__exact=QUEUED", True),
        ("state__exact=FAILED", False),
        ("way__exact=GATEWAY", True),
        ("way__exact=WALLET", False),
        ("needs=person", False),
        ("needs=nonsense", True),
    ],
)
def test_the_list_is_filtered_by(payment: Payment, query: str, is_shown: bool) -> None:
    refund = make_refund(payment)

    page = shown(signed_in(make_staff("support")), f"/admin/payments/refund/?{query}")

    assert (f"/admin/payments/refund/{refund.pk}/change/" in page) is is_shown


def test_a_refund_is_found_by_what_a_caller_can_tell(payment: Payment, finance: Client) -> None:
    refund, other = make_refund(payment), make_refund(make_settled())
    Refund.objects.filter(pk=refund.pk).update(gateway_refund_id="rfnd_0001")

    for term in (str(refund.reference), "rfnd_0001", payment.phone, str(payment.order), payment.user.get_username()):
        page = shown(finance, f"/admin/payments/refund/?q={term}")
        assert f"/admin/payments/refund/{refund.pk}/change/" in page, term
        assert f"/admin/payments/refund/{other.pk}/change/" not in page, term


@pytest.mark.parametrize("number", ["999999999", "0", "x", "9" * 40])
def test_what_is_not_there_has_no_page(finance: Client, number: str) -> None:
    for address in (f"/admin/payments/payment/{number}/refund/", f"/admin/payments/refund/{number}/resolve/"):
        assert finance.get(address).status_code == 404
