"""Settlement: what a gateway has collected enters the books, a batch in one transaction.

State, ledger, wallet, order, its items, the stock, the cart and the message to send change together or not at all.
"""

from collections.abc import Container, Mapping, Sequence

import structlog
from django.db import DatabaseError, OperationalError, connection
from prometheus_client import Histogram

from choptym.lib import clock
from choptym.lib.errors import ChoptymError, NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.states import sources_of
from notifications.notify import notify
from orders.mark_paid import Marked, mark_paid, sell_stock
from payments.attempts import with_gateways
from payments.close import close_unpaid
from payments.facts import Paid
from payments.history import call_tries_back
from payments.letters import set_aside
from payments.locks import lock_payments
from payments.messages import kind_again, messages_about
from payments.models import WALLET, Payment, PaymentAttempt
from payments.states import ATTEMPT_MOVES, OPEN_ATTEMPTS, PAYMENT_MOVES, AttemptState, PaymentState
from payments.surplus import book_surplus, fee_postings, find_surplus, surplus_postings
from payments.turn import is_held_back
from wallets import accounts
from wallets.post import AccountIds, Posting, open_accounts, post_entries

log = structlog.get_logger(__name__)

BATCH_SIZE = Histogram(
    "choptym_settle_batch_size",
    "Payments that one transaction of settlement was about",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)


def settle_batch(batch: Sequence[Paid]) -> None:
    """Book these payments. Safe to call again: what is settled stays as it is.

    A payment that cannot be booked is found by halving the batch and set aside as a dead letter; the rest goes on.
    Commits: everything of a batch together.
    Locks:   payments, orders, cart lines, products, wallet accounts.
    Raises:  OperationalError when the database is away or a lock is not to be had: nothing has changed, ask again.
    """
    firsts = list({paid.payment_id: paid for paid in reversed(batch)}.values())
    if not batch:
        return
    if len(firsts) < len(batch):  # two tries of one payment: each is looked at after the other is booked
        settle_batch(firsts)
        settle_batch([paid for paid in batch if paid not in firsts])
        return
    try:
        with committing("settle"):
            _settle(batch)
        BATCH_SIZE.observe(len(batch))
    except OperationalError:
        raise
    except (DatabaseError, ChoptymError) as error:
        if len(batch) == 1:
            _set_aside(batch[0], error)
            return
        middle = len(batch) // 2
        settle_batch(batch[:middle])
        settle_batch(batch[middle:])


def pay_from_wallet(payment_id: int) -> None:
    """Pay an order from the customer's wallet: the same settlement, without a gateway. Safe to call again.

    A wallet that does not hold enough fails the payment.
    Commits: everything together, or a postponement.
    """
    if is_held_back(payment_id, WALLET):
        return
    try:
        with committing("wallet.pay"):
            payments = lock_payments([payment_id])
            # Only QUEUED: unlike a gateway's money, nothing has been taken yet, so an ended payment stays ended.
            if not payments or payments[0].state != PaymentState.QUEUED or payments[0].gateway != WALLET:
                return
            _settle([Paid(payment_id=payment_id, attempt_id=0, money=payments[0].amount)])
    except NotAllowed as error:
        with committing("wallet.refuse"):
            [payment] = lock_payments([payment_id])
            close_unpaid(payment, PaymentState.FAILED, code=error.code, problem=error.message)


def _settle(batch: Sequence[Paid]) -> None:
    settleable = {*sources_of(PaymentState.SETTLED, PAYMENT_MOVES)} - {PaymentState.REVIEW}
    locked = lock_payments([paid.payment_id for paid in batch])
    # Under the lock: from here on no try of these payments is archived (payments/housekeeping).
    facts = {paid.payment_id: paid for paid in with_gateways(batch)}
    surplus = find_surplus(batch)
    payments = [payment for payment in locked if payment.state in settleable and payment.pk not in surplus]
    good = [payment for payment in payments if facts[payment.pk].money == payment.amount]
    for payment in payments:
        if facts[payment.pk].money != payment.amount:
            _put_under_review(payment, facts[payment.pk])
    twice = [payment for payment in locked if payment.pk in surplus]
    ids = _open_accounts(good, twice, facts)
    if good:
        _book(good, facts, ids)
    for payment in twice:
        book_surplus(payment, facts[payment.pk], ids)


def _open_accounts(payments: Sequence[Payment], twice: Sequence[Payment], facts: Mapping[int, Paid]) -> AccountIds:
    """Of all that may be booked, before anything else of it is locked."""
    bought = {payment.pk for payment in payments}
    postings = [one for payment in payments for one in _postings(payment, facts[payment.pk], bought)]
    postings += [one for payment in twice for one in surplus_postings(payment, facts[payment.pk])]
    return open_accounts(postings)


def _book(payments: Sequence[Payment], facts: Mapping[int, Paid], ids: AccountIds) -> None:
    """What everybody may want comes last: the dishes, then the wallets of those whose money stays there."""
    marked, bought = _buy_orders(payments)
    _write_payments([facts[payment.pk] for payment in payments])
    for payment in payments:
        payment.failure_code = ""  # as in its row now: why an earlier try failed is no news any more
    notify(messages_about([(payment, _kind_of_message(payment, bought)) for payment in payments]))
    passing = [payment for payment in payments if payment.pk in bought and payment.gateway != WALLET]
    staying = [payment for payment in payments if payment not in passing]
    # As it came it goes: no account is locked.
    post_entries([one for payment in passing for one in _postings(payment, facts[payment.pk], bought)], ids)
    sell_stock(marked)
    post_entries([one for payment in staying for one in _postings(payment, facts[payment.pk], bought)], ids)


def _buy_orders(payments: Sequence[Payment]) -> tuple[Marked, dict[int, str]]:
    """The payments that buy their order, with what their customers are told; the others' money stays in wallets.

    An order is bought by the first of its payments, if it still waits, or is taken up again though it was cancelled.
    """
    first: dict[int, int] = {}
    for payment in payments:
        if payment.order_id is not None:
            first.setdefault(payment.order_id, payment.pk)
    marked = mark_paid(list(first))
    return marked, {
        first[order_id]: "payment_settled" if order_id in marked.in_time else "payment_settled_late"
        for order_id in marked.orders
    }


def _write_payments(batch: Sequence[Paid]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_payment payment
            SET state = %s, settled_at = now(), finished_at = now(), next_check_at = NULL, fee_minor = paid.fee,
                failure_code = '', problem = ''
            FROM unnest(%s::bigint[], %s::bigint[]) AS paid(id, fee) WHERE payment.id = paid.id
            """,
            [
                PaymentState.SETTLED,
                [paid.payment_id for paid in batch],
                [paid.fee.amount_minor if paid.fee else None for paid in batch],
            ],
        )
    _write_attempts(batch)


def _write_attempts(batch: Sequence[Paid]) -> None:
    tries = [paid for paid in batch if paid.attempt_id]
    if _mark_paid(tries) < len(tries) and call_tries_back(payments=[paid.payment_id for paid in tries]):
        _mark_paid(tries)  # its row was archived between our look and our lock: its age did not hinder its gateway


def _mark_paid(tries: Sequence[Paid]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_paymentattempt attempt
            SET state = %s, collected_minor = paid.amount, collected_currency = paid.currency,
                ended_at = coalesce(attempt.ended_at, now()),
                transaction_id = CASE WHEN attempt.transaction_id = '' THEN paid.transaction_id
                                      ELSE attempt.transaction_id END,
                gateway_payment_id = left(paid.gateway_payment_id, 100)
            FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])
                 AS paid(id, amount, currency, transaction_id, gateway_payment_id)
            WHERE attempt.id = paid.id AND attempt.state = ANY(%s)
            """,
            [
                AttemptState.PAID,
                [paid.attempt_id for paid in tries],
                [paid.money.amount_minor if paid.money else None for paid in tries],
                [paid.money.currency if paid.money else "" for paid in tries],
                [paid.transaction_id for paid in tries],
                [paid.gateway_payment_id for paid in tries],
                sources_of(AttemptState.PAID, ATTEMPT_MOVES),
            ],
        )
        return int(cursor.rowcount)


def _postings(payment: Payment, paid: Paid, bought: Container[int]) -> list[Posting]:
    """The money comes in to the customer, and goes on to sales if it buys its order; else it stays in the wallet."""
    customer = accounts.customer(payment.user_id)
    reason = f"payment:{payment.pk}"
    postings = []
    if payment.gateway != WALLET:
        postings.append(Posting(accounts.gateway(paid.gateway), customer, payment.amount, f"{reason}:capture"))
        postings += fee_postings(paid.gateway, paid.fee, reason)
    if payment.pk in bought:
        postings.append(Posting(customer, accounts.SALES, payment.amount, f"{reason}:sale"))
    return postings


def _kind_of_message(payment: Payment, bought: Mapping[int, str]) -> str:
    if payment.order_id is None:
        return "wallet_topped_up"
    return bought.get(payment.pk, "wallet_credited")


def _put_under_review(payment: Payment, paid: Paid) -> None:
    """The world contradicts us: another amount or currency than was asked for. Nothing is booked; a person looks."""
    seen = str(paid.money) if paid.money else "an unreadable amount"
    problem = paid.problem or f"asked for {payment.amount}, the gateway collected {seen}"
    log.error("payment needs a person", payment=payment.pk, problem=problem)
    Payment.objects.filter(pk=payment.pk, state__in=sources_of(PaymentState.REVIEW, PAYMENT_MOVES)).update(
        state=PaymentState.REVIEW,
        finished_at=clock.now(),
        next_check_at=None,
        failure_code="under_review",
        problem=problem[:300],
        # Whoever decides books it with the money.
        fee_minor=paid.fee.amount_minor if paid.fee is not None and paid.fee.currency == payment.currency else None,
    )
    _write_attempts([paid])
    payment.failure_code = "under_review"
    notify(messages_about([(payment, kind_again(payment, "payment_under_review"))]))


def _set_aside(paid: Paid, error: Exception) -> None:
    """Keep the reason where staff see it, and stop asking until they replay it.

    While another try is open, its customer may be paying by it: then we go on asking about that one.
    """
    # The first line only: PostgreSQL's second one repeats the row, phone number and all.
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:2000]
    with committing("settle.set_aside"):
        lock_payments([paid.payment_id])
        set_aside(paid.payment_id, reason)
        others = PaymentAttempt.objects.filter(payment=paid.payment_id, state__in=OPEN_ATTEMPTS).exclude(
            pk=paid.attempt_id
        )
        at_rest = {} if others.exists() else {"next_check_at": None}
        Payment.objects.filter(pk=paid.payment_id).update(problem=reason[:300], **at_rest)
