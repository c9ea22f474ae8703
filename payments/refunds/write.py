"""The row of a refund: what may be given back, by which way, and what is booked for it."""

import uuid
from dataclasses import dataclass

from django.db.models import Sum

from choptym.lib import clock
from choptym.lib.errors import KeyReused, NotAllowed, Rejected
from choptym.lib.money import Money
from notifications.notify import notify
from payments.gateways import gateway_names, get_gateway
from payments.models import WALLET, Payment, PaymentAttempt, Refund, RefundSource, RefundWay
from payments.refunds.books import left_in_sales, post_refund
from payments.refunds.messages import refund_message
from payments.states import AttemptState, PaymentState, RefundState

REASON_LENGTH = 200
_COLLECTED = (AttemptState.PAID, AttemptState.SURPLUS)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to give back.

    amount_minor   None: the whole rest
    reference      chosen by who asks, so that asking twice is one refund
    attempt_id     None: the try that paid; else one that was paid too (SURPLUS)
    to_wallet      into the wallet, though the gateway could give it back
    """

    reason: str
    amount_minor: int | None = None
    source: RefundSource = RefundSource.STAFF
    asked_by_id: int | None = None
    reference: uuid.UUID | None = None
    attempt_id: int | None = None
    to_wallet: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A refund that may be written: of which try, by which way, and how much of it had gone to sales."""

    attempt: PaymentAttempt | None
    way: RefundWay
    money: Money
    given_minor: int


def write_refund(payment: Payment, wish: Wish) -> Refund:
    """Write a refund and book it. The same reference again: the row that it has.

    Runs in the caller's transaction, after the payment's lock. Into the wallet it is done at once; through a gateway
    the row is due to be sent.
    Locks:   the customer's account.
    Raises:  NotAllowed (not_settled, nothing_left, already_in_wallet, insufficient_balance), Rejected (amount_invalid,
             amount_too_large, refund_too_small, no_reason), KeyReused.
    """
    if known := find_known(payment, wish):
        return known
    if not wish.reason.strip():
        raise Rejected("Please say why.", code="no_reason", fields={"reason": "Please say why."})
    plan = check_refund(payment, wish)
    refund = _insert(payment, wish, plan)
    post_refund(refund, given_minor=plan.given_minor)
    if refund.state == RefundState.REFUNDED:
        notify([refund_message(refund)])
    return refund


def check_refund(payment: Payment, wish: Wish) -> Plan:
    """What write_refund() would do. Raises as it does; without the payment's lock it is only a forecast."""
    attempt, captured = _captured(payment, wish.attempt_id)
    is_surplus = attempt is not None and attempt.state == AttemptState.SURPLUS
    if payment.state != PaymentState.SETTLED and not is_surplus:  # surplus is booked, whatever became of the payment
        raise _nothing_to_give(payment)
    way = RefundWay.WALLET if wish.to_wallet or not can_give_back(attempt) else RefundWay.GATEWAY
    in_sales = 0 if is_surplus else max(0, left_in_sales(payment))
    left = captured.amount_minor - _refunded(payment, attempt)
    wanted = wish.amount_minor
    if wanted is None and way == RefundWay.WALLET and in_sales:
        wanted = min(left, in_sales) or None  # the rest lies in the wallet already
    money = Money(_amount(wanted, left, captured.currency), captured.currency)
    if way == RefundWay.GATEWAY and attempt is not None:
        _check_minimum(attempt.gateway, money)
    given_minor = min(money.amount_minor, in_sales)
    if way == RefundWay.WALLET and given_minor < money.amount_minor:
        raise NotAllowed("This money lies in the customer's wallet already.", code="already_in_wallet")
    return Plan(attempt, way, money, given_minor)


def _check_minimum(gateway: str, money: Money) -> None:
    """What the gateway would only refuse later is refused now, the whole rest too."""
    least = Money(get_gateway(gateway).rules.refund_minimum_minor.get(money.currency, 1), money.currency)
    if money.amount_minor < least.amount_minor:
        message = f"{gateway} gives back {least} or more. Less than that can only go into the wallet."
        raise Rejected(message, code="refund_too_small", fields={"amount_minor": message})


def find_known(payment: Payment, wish: Wish) -> Refund | None:
    """The refund that this wish made before. Raises KeyReused when its reference has made another one."""
    if wish.reference is None:
        return None
    known = Refund.objects.filter(reference=wish.reference).first()
    if known is not None and (known.payment_id != payment.pk or wish.amount_minor not in {None, known.amount_minor}):
        raise KeyReused("This form was sent before, with another amount. Please open it again.")
    return known


def _insert(payment: Payment, wish: Wish, plan: Plan) -> Refund:
    now = clock.now()
    is_done = plan.way == RefundWay.WALLET
    refund = Refund.objects.create(
        reference=wish.reference or uuid.uuid4(),
        payment=payment,
        attempt=plan.attempt,
        way=plan.way,
        source=wish.source,
        state=RefundState.REFUNDED if is_done else RefundState.QUEUED,
        gateway=plan.attempt.gateway if plan.attempt is not None and not is_done else "",
        amount_minor=plan.money.amount_minor,
        currency=plan.money.currency,
        reason=wish.reason.strip()[:REASON_LENGTH],
        asked_by_id=wish.asked_by_id,
        next_attempt_at=None if is_done else now,
        finished_at=now if is_done else None,
    )
    if is_done:  # the row's own time of birth is taken after `now`: it must not have ended before it was born
        refund.finished_at = refund.created_at
        refund.save(update_fields=["finished_at"])
    return refund


def left_to_refund(payment: Payment, attempt: PaymentAttempt | None) -> Money:
    """What of this collection was not given back, and is not about to be."""
    attempt, captured = _captured(payment, attempt.pk if attempt else None)
    return Money(captured.amount_minor - _refunded(payment, attempt), captured.currency)


def can_give_back(attempt: PaymentAttempt | None) -> bool:
    """Whether the gateway of this try gives money back."""
    return attempt is not None and attempt.gateway in gateway_names() and get_gateway(attempt.gateway).rules.can_refund


def _captured(payment: Payment, attempt_id: int | None) -> tuple[PaymentAttempt | None, Money]:
    """The try whose money goes back (none for a payment from the wallet), and how much it collected."""
    if payment.gateway == WALLET:
        return None, payment.amount
    wanted: dict[str, object] = {"pk": attempt_id} if attempt_id is not None else {"state": AttemptState.PAID}
    attempt = payment.attempts.filter(state__in=_COLLECTED, **wanted).first()
    if attempt is None or attempt.collected_minor is None:
        raise _nothing_to_give(payment)
    return attempt, Money(attempt.collected_minor, attempt.collected_currency)


def _nothing_to_give(payment: Payment) -> NotAllowed:
    return NotAllowed(f"This payment is {payment.state}: there is nothing to give back.", code="not_settled")


def _refunded(payment: Payment, attempt: PaymentAttempt | None) -> int:
    refunds = Refund.objects.filter(payment=payment, attempt=attempt).exclude(state=RefundState.FAILED)
    return refunds.aggregate(total=Sum("amount_minor"))["total"] or 0


def _amount(wanted: int | None, left: int, currency: str) -> int:
    if left <= 0:
        raise NotAllowed("All of it was given back already.", code="nothing_left")
    if wanted is None:
        return left
    if wanted <= 0:
        raise Rejected("Above zero.", code="amount_invalid", fields={"amount_minor": "Above zero."})
    if wanted > left:
        message = f"At most {Money(left, currency)} can be given back."
        raise Rejected(message, code="amount_too_large", fields={"amount_minor": message})
    return wanted
