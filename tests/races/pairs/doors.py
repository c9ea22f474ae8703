"""Who may knock at a payment: when, how, and what they bring."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils import timezone

from choptym.lib.deadline import moment
from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from payments import charge, confirm, sweep
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
from payments.reconciliation.facts import Job
from payments.reconciliation.mend import mend
from payments.reconciliation.read import read_day
from payments.reconciliation.run import _compare
from payments.refund import refund_payment, resolve_refund
from payments.refunds.send import send_refunds
from payments.refunds.write import Wish
from payments.replay import replay_dead_letter
from payments.review import accept_payment, credit_payment, fail_payment, return_payment
from payments.settle import pay_from_wallet
from payments.states import AttemptState
from tests.factories import a_while_ago
from tests.races.pairs.case import OTHER, PLAIN, PRICE, SIGNED, Case

Knock = Callable[[], object]
_TRIES = next(kept for kept in KEPT if kept.name == "tries that took no money")


@dataclass(frozen=True, slots=True)
class Door:
    """
    starts    the states of a payment in which it may knock
    prepare   what has happened before it knocks; returns the knock itself
    ends      how the payment may end by it, unless money decides
    money     the payer has paid when it knocks: "all", or "odd" for another amount
    rank      gateways change their minds in this order: what is told later is prepared later
    gateway   knocks only at payments of this one
    fault     how the call went whose answer it brings; `never` if nothing can come of that call
    refusals  what its caller shows to a person as an answer
    alone     no second one can exist beside it
    charges   asks the gateway to collect
    """

    name: str
    starts: frozenset[str]
    prepare: Callable[[Case], Knock]
    ends: frozenset[str] = frozenset()
    money: str = ""
    rank: int = 1
    gateway: str = ""
    fault: str | None = None
    never: bool = False
    refusals: tuple[type[Exception], ...] = ()
    alone: bool = False
    charges: bool = False


OPEN = frozenset({"asked", "unknown", "pending"})
GIVEN_UP = frozenset({"expired", "cancelled"})
ENDED = GIVEN_UP | {"failed"}
WAITS = frozenset({"queued", "again", "queued_wallet", "asked", "asked_again", "unknown", "lost", "pending"})
TOLD = OPEN | ENDED | {"again", "asked_again", "lost", "settled", "set_aside", "refund_queued", "old"}


# The gateway's word


def _webhook(decision: str, case: Case) -> Knock:
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


def _poll(case: Case) -> Knock:
    if case.payment.state != "SETTLED":
        case.change(next_check_at=a_while_ago())
    return partial(confirm_batch, case.gateway)


def _answer(decision: str, odd: bool, case: Case) -> Knock:
    """A worker has asked and was paused: it takes up now what it heard then."""
    with case.world.wrong(case.gateway, {"wrong_amount_rate": 1} if odd else {}):
        if decision:
            case.decide(decision)
    due_at = case.payment.next_check_at
    case.change(next_check_at=a_while_ago())
    began = moment()
    checks = claim_checks(case.gateway, 10)
    answers = [answer for group in confirm._ask_all(case.gateway, checks, began) for answer in group]
    assert [answer.check.payment_id for answer in answers] == [case.payment_id]
    if due_at is None:
        case.change(next_check_at=None)
    return partial(confirm._take_up, case.gateway, answers)


def _stale_no(case: Case) -> Knock:
    """The same with the first try: the answer was on its way when another worker was told that there is no such try."""
    case.decide("decline")
    assert case.check is not None
    [entry] = case.entries()
    status = get_gateway(case.gateway).fetch_status(entry["gateway_id"])
    return partial(confirm._take_up, case.gateway, [confirm.Answer(case.check, status=status)])


def _reconcile(case: Case) -> Knock:
    case.decide("pay")
    today = timezone.now().date()
    reading = read_day(Job(0, case.gateway, today, 1, timezone.now()), lambda: None)
    comparison, _ = _compare(case.gateway, reading)
    assert {*comparison.open_tries, *comparison.ended_tries} >= {case.attempt.pk}
    return partial(mend, case.gateway, comparison)


# Customers


def _cancel(case: Case) -> Knock:
    def knock() -> object:
        status = case.post(f"/api/payments/{case.payment_id}/cancel/", {}).status_code
        assert status in {200, 409}, status
        return status

    return knock


def _check_out_again(case: Case) -> Knock:
    """With the same key, as an app does that heard no answer."""
    first = case.payment_id

    def knock() -> object:
        answer = case.ask_to_check_out({"method": case.gateway, "phone": case.phone})
        assert answer.status_code in ({202} if first else {202, 409}), answer.content
        assert first in {0, case.payment_id}
        return answer.status_code

    return knock


# Staff


def _decide(verb: Callable[..., Any], case: Case) -> Knock:
    return partial(verb, case.payment_id, actor_id=case.world.staff_id, reason="seen on the gateway's pages")


def _replay(case: Case) -> Knock:
    letter = DeadLetter.objects.get(payment=case.payment_id)
    return partial(replay_dead_letter, letter.pk, actor_id=case.world.staff_id, reason="mended")


def _refund(to_wallet: bool, case: Case) -> Knock:
    wish = Wish(reason="cold soup", to_wallet=to_wallet)
    return partial(refund_payment, case.payment_id, wish, actor_id=case.world.staff_id)


def _credit_surplus(case: Case) -> Knock:
    first = PaymentAttempt.objects.get(payment=case.payment_id, state=AttemptState.ABSENT)
    money = Money(PRICE[case.currency], case.currency)
    return partial(credit_surplus, first.pk, money=money, actor_id=case.world.staff_id, reason="seen there")


def _call_off(case: Case) -> Knock:
    refund = Refund.objects.get(payment=case.payment_id)
    return partial(resolve_refund, refund.pk, actor_id=case.world.staff_id, was_given=False, reason="a mistake")


# Workers and the clock


def _expire(case: Case) -> Knock:
    if case.waits:
        case.let_expire()
        return expire_batch

    def knock() -> object:
        case.let_expire()
        return expire_batch()

    return knock


def _charge(case: Case) -> Knock:
    return partial(charge_payment, case.payment_id)


def _move_on(case: Case) -> Knock:
    def knock() -> object:
        if move_to_gateway(case.payment_id, PLAIN, OTHER):
            charge_payment(case.payment_id)
        return None

    return knock


def _take_answer(case: Case) -> Knock:
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


def _wake(case: Case) -> Knock:
    """The worker of the first try: its request arrived late, and was answered."""
    assert case.charge is not None
    return partial(charge._record_accepted, case.charge, case.arrive())


def _sweep(case: Case) -> Knock:
    case.change(published_at=None)
    return lambda: list(sweep.forgotten_charges())


def _archive(case: Case) -> Knock:
    return partial(take_step, _TRIES)


def _door(name: str, starts: frozenset[str] | set[str], prepare: Callable[[Case], Knock], **also: Any) -> Door:
    also = {key: frozenset(value) if key == "ends" else value for key, value in also.items()}
    return Door(name, frozenset(starts), prepare, **also)


_REVIEW = {"refusals": (NotAllowed,)}
_PAID = {"money": "all", "rank": 3}
_RESULT = {"alone": True, "rank": 0}

DOORS = (
    _door("signed_webhook_paid", TOLD - {"unknown", "again", "asked_again", "lost", "failed", "old"},
          partial(_webhook, "pay"), gateway=SIGNED, **_PAID),
    _door("hint_paid", TOLD, partial(_webhook, "pay"), gateway=PLAIN, **_PAID),
    _door("webhook_not_paid", OPEN | GIVEN_UP, partial(_webhook, "decline"), gateway=PLAIN, rank=2,
          ends={"failed"}),
    _door("poll", OPEN | ENDED | {"lost"}, _poll, rank=4),
    _door("answer_paid", OPEN | ENDED, partial(_answer, "pay", False), **_PAID),
    _door("answer_odd", OPEN | ENDED, partial(_answer, "pay", True), money="odd", rank=3),
    _door("answer_not_paid", OPEN | GIVEN_UP, partial(_answer, "decline", False), gateway=PLAIN, rank=2,
          ends={"failed"}),
    _door("answer_waiting", OPEN | GIVEN_UP, partial(_answer, "", False)),
    _door("answer_absent", {"lost"}, partial(_answer, "", False), rank=0),
    _door("stale_not_paid", {"again", "asked_again"}, _stale_no, rank=2),
    _door("reconciliation", OPEN | ENDED | {"again", "old"} - {"asked"}, _reconcile, money="all", rank=4),
    _door("cancel", WAITS | {"failed", "expired", "cancelled", "settled", "review", "set_aside"}, _cancel,
          ends={"cancelled"}),
    _door("checkout_again", {"cart", "queued", "pending", "cancelled", "settled"}, _check_out_again, gateway=PLAIN),
    _door("staff_accept", {"review"}, partial(_decide, accept_payment), ends={"order"}, **_REVIEW),
    _door("staff_credit", {"review"}, partial(_decide, credit_payment), ends={"wallet"}, **_REVIEW),
    _door("staff_return", {"review"}, partial(_decide, return_payment), ends={"wallet"}, **_REVIEW),
    _door("staff_nothing_there", {"review"}, partial(_decide, fail_payment), ends={"failed"}, **_REVIEW),
    _door("replay", {"set_aside", "surplus_set_aside"}, _replay, refusals=(NotAllowed,)),
    _door("credit_surplus", {"surplus_set_aside"}, _credit_surplus, refusals=(NotAllowed,)),
    _door("refund", {"settled", "refund_queued"}, partial(_refund, False), refusals=(NotAllowed,)),
    _door("refund_to_wallet", {"settled", "refund_queued"}, partial(_refund, True), refusals=(NotAllowed,)),
    _door("refund_worker", {"refund_queued"}, lambda case: partial(send_refunds, case.gateway)),
    _door("call_off_refund", {"refund_queued"}, _call_off, refusals=(NotAllowed,)),
    _door("expiry", WAITS | {"set_aside"}, _expire, ends={"expired"}),
    _door("charge", {"queued", "again"}, _charge, charges=True),
    _door("failover", {"queued", "again"}, _move_on, gateway=PLAIN, charges=True),
    _door("woken_worker", {"again", "asked_again"}, _wake, alone=True),
    _door("result_accepted", {"asked", "asked_again"}, _take_answer, fault="", **_RESULT),
    _door("result_lost", {"asked", "asked_again"}, _take_answer, fault="answer lost", gateway=PLAIN, **_RESULT),
    _door("result_refused", {"asked"}, _take_answer, fault="refusal", never=True, gateway=OTHER, ends={"failed"},
          **_RESULT),
    _door("result_busy", {"asked", "asked_again"}, _take_answer, fault="busy", never=True, **_RESULT),
    _door("wallet_payment", {"queued_wallet"}, lambda case: partial(pay_from_wallet, case.payment_id), ends={"order"}),
    _door("sweeper", {"queued", "again", "queued_wallet"}, _sweep),
    _door("archiving", {"old"}, _archive),
)  # fmt: skip
