"""A member of staff decides about a payment under review: the gateway collected something else than was asked for.

    accept_payment   it pays its order all the same; what is missing is let off, what is too much stays in the wallet
    credit_payment   what was collected goes into the wallet, and the order is given up
    return_payment   the same, and from there back to where it came from
    fail_payment     nothing was collected at all

Each runs once, under the payment's lock: who comes second is told that it is decided. `problem` keeps why it had come
to a review; the audit log keeps who decided, and why.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.failpoints import committing
from choptym.lib.jobs import ring_after_commit
from choptym.lib.money import CURRENCIES, Money
from choptym.lib.states import move, sources_of
from notifications.notify import notify
from orders.cancel import cancel_orders
from orders.mark_paid import mark_paid, sell_stock
from payments.close import close_unpaid
from payments.events import look_again_soon
from payments.locks import lock_payments
from payments.messages import kind_again, messages_about
from payments.models import Payment, PaymentAttempt
from payments.refunds.write import Wish, can_give_back, write_refund
from payments.states import ATTEMPT_MOVES, PAYMENT_MOVES, AttemptState, PaymentState
from payments.surplus import check_typed_amount, fee_postings
from payments.tasks import send_refunds
from wallets import accounts
from wallets.post import Posting, open_accounts, post_entries


@dataclass(frozen=True, slots=True)
class Case:
    """A payment under review, locked, with the try that was paid and what the gateway collected for it."""

    payment: Payment
    attempt: PaymentAttempt
    money: Money

    @property
    def is_as_asked(self) -> bool:
        return self.money.currency == self.payment.currency


def accept_payment(payment_id: int, *, actor_id: int, reason: str, collected: Money | None = None) -> Payment:
    """Let what was collected pay the order; a top-up is simply what was collected.

    `collected` is what the gateway's own pages say, needed where its answer could not be read.
    Commits: state, ledger, wallet, order, stock, cart, message and the line in the audit log together.
    Locks:   payment, order, cart lines, products, wallet account.
    Raises:  NotAllowed (already_decided, nothing_captured, currency_mismatch, order_gone), Rejected (amount_needed,
             amount_known, amount_too_large, nothing_collected, no_reason).
    """
    with _decision(payment_id, "accept_payment", actor_id, reason, collected) as case:
        if not case.is_as_asked:
            raise NotAllowed(f"{case.money} cannot pay {case.payment.amount}: credit it.", code="currency_mismatch")
        if case.payment.order_id is None:
            _credit(case)
        else:
            _pay_order(case, case.payment.order_id)
    return case.payment


def credit_payment(payment_id: int, *, actor_id: int, reason: str, collected: Money | None = None) -> Payment:
    """Put what was collected into the customer's wallet, in its own currency, and give up the order.

    Commits, Locks, Raises: as accept_payment, but for currency_mismatch and order_gone.
    """
    with _decision(payment_id, "credit_payment", actor_id, reason, collected) as case:
        _credit(case)
    return case.payment


def return_payment(payment_id: int, *, actor_id: int, reason: str, collected: Money | None = None) -> Payment:
    """Give back what was collected, as far as its gateway can, and give up the order.

    Where the gateway gives nothing back it is the same as credit_payment: the money is in the wallet.
    Commits, Locks, Raises: as credit_payment; the gateway is called afterwards.
    """
    with _decision(payment_id, "return_payment", actor_id, reason, collected) as case:
        gives_back = can_give_back(case.attempt)
        _credit(case, "payment_returned" if gives_back else "payment_credited")
        if gives_back:
            refund = write_refund(case.payment, Wish(reason=reason, asked_by_id=actor_id))
            ring_after_commit(send_refunds, refund.gateway)
    return case.payment


def fail_payment(payment_id: int, *, actor_id: int, reason: str) -> Payment:
    """Nothing was collected: the payment failed, and what its order held is free.

    The gateway is not asked again by itself: it would only repeat what the person has looked into. Should it send
    another event about it, that is looked up, and money that it names then settles or comes to a review again.
    Commits: state, order, stock, cart, message and the line in the audit log together.
    Locks:   payment, order, cart lines, products.
    Raises:  NotAllowed (already_decided, nothing_captured), Rejected (no_reason).
    """
    with committing("review.fail"):
        payment, attempt = _under_review(payment_id)
        # Written down before it is changed.
        _record("fail_payment", payment, _told(attempt), actor_id=actor_id, reason=reason)
        _disprove(attempt)
        # A message of its own: one that had FAILED before its review has said the usual one already.
        kind, problem = kind_again(payment, "payment_not_collected"), payment.problem
        close_unpaid(payment, PaymentState.FAILED, code="not_collected", problem=problem, kind=kind)
    return payment


def _disprove(attempt: PaymentAttempt) -> None:
    """When it was answered and what with stays: what a person found later stands in the audit log."""
    paid = PaymentAttempt.objects.filter(pk=attempt.pk, state__in=sources_of(AttemptState.DISPROVED, ATTEMPT_MOVES))
    paid.update(state=AttemptState.DISPROVED)


@contextmanager
def _decision(payment_id: int, verb: str, actor_id: int, reason: str, collected: Money | None) -> Iterator[Case]:
    """One transaction around a decision about captured money, with its line in the audit log."""
    with committing("review.decide"):
        payment, attempt = _under_review(payment_id)
        case = Case(payment, attempt, _collected(attempt, collected))
        _record(verb, payment, str(case.money), actor_id=actor_id, reason=reason, is_entered=collected is not None)
        yield case


def _under_review(payment_id: int) -> tuple[Payment, PaymentAttempt]:
    [payment] = lock_payments([payment_id])
    if payment.state != PaymentState.REVIEW:
        raise NotAllowed(f"{payment} is {payment.state}: it is decided already.", code="already_decided")
    attempt = payment.attempts.filter(state=AttemptState.PAID).first()
    if attempt is None:
        raise NotAllowed(f"No try of {payment} is paid: there is nothing to decide about.", code="nothing_captured")
    return payment, attempt


def _record(verb: str, payment: Payment, collected: str, *, actor_id: int, reason: str, **also: Any) -> None:
    since = payment.finished_at.isoformat() if payment.finished_at else ""
    details = {"collected": collected, "asked": str(payment.amount), "since": since, "was": payment.problem, **also}
    record_act(actor_id=actor_id, verb=verb, about=f"payment:{payment.pk}", reason=reason, details=details)


def needs_amount(attempt: PaymentAttempt) -> bool:
    """Whether the gateway's answer did not tell what it collected."""
    return attempt.collected_minor is None or attempt.collected_currency not in CURRENCIES


def _told(attempt: PaymentAttempt) -> str:
    if attempt.collected_minor is None or needs_amount(attempt):
        return "unreadable"
    return str(Money(attempt.collected_minor, attempt.collected_currency))


def _collected(attempt: PaymentAttempt, entered: Money | None) -> Money:
    """What the gateway said it collected; where that was unreadable, what the person read on its own pages."""
    if attempt.collected_minor is not None and not needs_amount(attempt):
        known = Money(attempt.collected_minor, attempt.collected_currency)
        if entered not in {None, known}:
            raise Rejected(f"The gateway collected {known}.", code="amount_known", fields={"amount": str(known)})
        return _some(known)
    if entered is None:
        message = "What does the gateway's own page say it collected?"
        raise Rejected(message, code="amount_needed", fields={"amount": message})
    known = _some(entered)
    check_typed_amount(known)
    PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.PAID).update(
        collected_minor=known.amount_minor, collected_currency=known.currency
    )
    return known


def _some(money: Money) -> Money:
    if money.amount_minor <= 0:
        message = "Nothing was collected: fail the payment instead."
        raise Rejected(message, code="nothing_collected", fields={"amount": message})
    return money


def _pay_order(case: Case, order_id: int) -> None:
    """The order is bought at its price: what was collected, and what we let off or leave in the wallet, make it up."""
    payment, price = case.payment, case.payment.amount
    customer, reason = accounts.customer(payment.user_id), f"payment:{payment.pk}"
    missing = price.amount_minor - case.money.amount_minor
    postings = _capture(case)
    if missing > 0:
        let_off = Money(missing, price.currency)
        postings.append(Posting(accounts.SALES, customer, let_off, f"{reason}:allowance"))
    postings.append(Posting(customer, accounts.SALES, price, f"{reason}:sale"))
    ids = open_accounts(postings)
    marked = mark_paid([order_id])
    if order_id not in marked.orders:
        raise NotAllowed("The order is gone and cannot be taken up again: credit it.", code="order_gone")
    sell_stock(marked)
    post_entries(postings, ids)
    _settle(case)
    rest = Money(max(0, -missing), price.currency)
    notify(messages_about([(payment, "payment_accepted")], credited=case.money, rest=rest))


def _credit(case: Case, kind: str = "payment_credited") -> None:
    """Runs in the caller's transaction, after the payment's lock: whatever else becomes of the money starts here.

    `kind` is the one message about it: who is told that money is in the wallet must find it there.
    """
    payment, postings = case.payment, _capture(case)
    ids = open_accounts(postings)
    if payment.order_id is not None:
        cancel_orders([payment.order_id])
    post_entries(postings, ids)
    _settle(case)
    notify(messages_about([(payment, kind)], credited=case.money))


def _capture(case: Case) -> list[Posting]:
    """What was collected, at the gateway of its try."""
    payment, gateway, reason = case.payment, case.attempt.gateway, f"payment:{case.payment.pk}"
    capture = Posting(accounts.gateway(gateway), accounts.customer(payment.user_id), case.money, f"{reason}:capture")
    fee = Money(payment.fee_minor, payment.currency) if payment.fee_minor and case.is_as_asked else None
    return [capture, *fee_postings(gateway, fee, reason)]


def _settle(case: Case) -> None:
    look_again_soon(case.attempt)
    now = clock.now()
    move(
        case.payment,
        PaymentState.SETTLED,
        PAYMENT_MOVES,
        settled_at=now,
        finished_at=now,
        next_check_at=None,
        failure_code="",
    )
