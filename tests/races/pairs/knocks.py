"""What has happened before somebody knocks, and the knock itself: of each door in doors.py."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone

from choptym.lib.deadline import moment
from choptym.lib.money import Money
from payments import charge, confirm, hand_out
from payments.ask import Answer, ask_all
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.credit_surplus import credit_surplus
from payments.expire import expire_batch
from payments.gateways import get_gateway
from payments.housekeeping.kept import KEPT
from payments.housekeeping.step import take_step
from payments.locks import claim_checks, move_to_gateway
from payments.match import match_batch
from payments.models import DeadLetter, PaymentAttempt, Refund
from payments.reconciliation.facts import Comparison, Job
from payments.reconciliation.fees import book_fees
from payments.reconciliation.mend import mend
from payments.reconciliation.read import read_day
from payments.reconciliation.run import _compare
from payments.refund import refund_payment, resolve_refund
from payments.refunds.write import Wish
from payments.replay import replay_dead_letter
from payments.states import AttemptState
from tests.factories import a_while_ago
from tests.races.pairs.case import OTHER, PLAIN, PRICE, Case

Knock = Callable[[], object]
_TRIES = next(kept for kept in KEPT if kept.name == "tries that took no money")


# The gateway's word


def webhook(decision: str, case: Case) -> Knock:
    """All that it tells is delivered, and taken up as the bell would have it."""
    if case.look().payments[0]["state"] not in {"SETTLED", "REVIEW"}:
        case.decide(decision)
    told = case.taken_webhooks()

    def knock() -> object:
        answers = {case.deliver(webhook) for webhook in told}
        match_batch(case.gateway)
        assert answers == {200}, answers
        return None

    return knock


def poll(case: Case) -> Knock:
    """Due, also where nothing is left to ask about: a worker may have found that it was a moment ago."""
    case.change(next_check_at=a_while_ago())
    return partial(confirm_batch, case.gateway)


def answer(decision: str, odd: bool, case: Case) -> Knock:
    """A worker has asked and was paused: it takes up now what it heard then."""
    with case.world.wrong(case.gateway, {"wrong_amount_rate": 1} if odd else {}):
        if decision:
            case.decide(decision)
    due_at = case.payment.next_check_at
    case.change(next_check_at=a_while_ago())
    began = moment()
    checks = claim_checks(case.gateway, 10)
    answers = [answer for group in ask_all(case.gateway, checks, began) for answer in group]
    assert [answer.check.payment_id for answer in answers] == [case.payment_id]
    if due_at is None:
        case.change(next_check_at=None)
    return partial(confirm._take_up, case.gateway, answers)


def stale_no(case: Case) -> Knock:
    """The same with the first try: the answer was on its way when another worker was told that there is no such try."""
    case.decide("decline")
    return stale_answer(case)


def stale_answer(case: Case) -> Knock:
    """A worker had begun to ask when another one was faster, and takes up now what it heard."""
    assert case.check is not None
    [entry] = case.entries()
    status = get_gateway(case.gateway).fetch_status(case.attempt.transaction_id or entry["gateway_id"])
    return partial(confirm._take_up, case.gateway, [Answer(case.check, status=status)])


def reconcile(case: Case) -> Knock:
    """What is to be mended has been found."""
    case.decide("pay")
    comparison = _compare_day(case)
    assert {*comparison.open_tries, *comparison.ended_tries} >= {case.attempt.pk}
    return partial(mend, case.gateway, comparison)


def reconcile_day(case: Case) -> Knock:
    """From the reading of the lists on."""

    def knock() -> object:
        comparison = _compare_day(case)
        book_fees(case.gateway, comparison.fees)
        return mend(case.gateway, comparison)

    return knock


def _compare_day(case: Case) -> Comparison:
    today = timezone.now().date()
    reading = read_day(Job(0, case.gateway, today, 1, timezone.now()), lambda: None)
    comparison, _ = _compare(case.gateway, reading)
    return comparison


# Customers


def cancel(case: Case) -> Knock:
    def knock() -> object:
        status = case.post(f"/api/payments/{case.payment_id}/cancel/", {}).status_code
        assert status in {200, 409}, status
        return status

    return knock


def check_out_again(case: Case) -> Knock:
    """With the same key, as an app does that heard no answer."""
    first = case.payment_id

    def knock() -> object:
        answer = case.ask_to_check_out({"method": case.gateway, "phone": case.phone})
        is_busy = answer.status_code == 409 and b'"still_running"' in answer.content
        assert is_busy or answer.status_code in ({202} if first else {202, 409}), answer.content
        assert first in {0, case.payment_id}
        return answer.status_code

    return knock


# Staff


def decide(verb: Callable[..., Any], case: Case) -> Knock:
    return partial(verb, case.payment_id, actor_id=case.world.staff_id, reason="seen on the gateway's pages")


def replay(case: Case) -> Knock:
    letter = DeadLetter.objects.get(payment=case.payment_id)
    return partial(replay_dead_letter, letter.pk, actor_id=case.world.staff_id, reason="mended")


def refund(to_wallet: bool, case: Case) -> Knock:
    wish = Wish(reason="cold soup", to_wallet=to_wallet)
    return partial(refund_payment, case.payment_id, wish, actor_id=case.world.staff_id)


def credit_second_money(case: Case) -> Knock:
    first = PaymentAttempt.objects.get(payment=case.payment_id, state=AttemptState.ABSENT)
    money = Money(PRICE[case.currency], case.currency)
    return partial(credit_surplus, first.pk, money=money, actor_id=case.world.staff_id, reason="seen there")


def call_off(case: Case) -> Knock:
    refund = Refund.objects.get(payment=case.payment_id)
    return partial(resolve_refund, refund.pk, actor_id=case.world.staff_id, was_given=False, reason="a mistake")


# Workers and the clock


def expire(case: Case) -> Knock:
    if case.waits:
        case.let_expire()
        return expire_batch

    def knock() -> object:
        case.let_expire()
        return expire_batch()

    return knock


def charge_now(case: Case) -> Knock:
    return partial(charge_payment, case.payment_id)


def move_on(case: Case) -> Knock:
    def knock() -> object:
        if move_to_gateway(case.payment_id, PLAIN, OTHER):
            charge_payment(case.payment_id)
        return None

    return knock


def take_answer(case: Case) -> Knock:
    """The worker that asked writes down what it heard, as _charge() does."""
    claimed, answer, error = case.second, case.answer, case.answer
    assert claimed is not None
    if case.fault == "":
        return partial(charge._record_accepted, claimed, answer)  # type: ignore[arg-type]
    assert isinstance(error, Exception)
    if case.fault == "busy":
        return partial(charge._postpone, claimed, error)  # type: ignore[arg-type]
    if case.fault == "refusal":
        return partial(charge._fail, claimed, AttemptState.REFUSED, "float_short", error)  # type: ignore[arg-type]
    return partial(charge._leave_unknown, claimed, error)  # type: ignore[arg-type]


def wake(case: Case) -> Knock:
    """The worker of the first try: its request arrived late, and was answered."""
    assert case.charge is not None
    return partial(charge._record_accepted, case.charge, case.arrive())


def take_in_hand(case: Case) -> Knock:
    """A worker takes what is due: of every priority, as the case may have any."""
    case.change(published_at=None)
    return lambda: [hand_out.in_hand(priority, 100) for priority in settings.QUEUE_OF_PRIORITY]


def archive(case: Case) -> Knock:
    return partial(take_step, _TRIES)
