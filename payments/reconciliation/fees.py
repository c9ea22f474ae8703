"""Booking what a gateway kept, when only its lists tell it."""

from collections.abc import Sequence

from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from payments.locks import lock_payments
from payments.models import Payment
from payments.reconciliation.facts import Fee
from payments.states import PaymentState
from wallets import accounts
from wallets.models import Entry
from wallets.post import Posting, post_entries

FEES_AT_ONCE = 200


def book_fees(gateway: str, fees: Sequence[Fee]) -> int:
    """Book these fees, each once. Returns how many were not booked before. Safe to run again.

    Commits: so many at a time, together with what their payments say of them.
    Locks:   payments.
    """
    booked = 0
    for start in range(0, len(fees), FEES_AT_ONCE):
        with committing("reconcile.fees"):
            booked += _book(gateway, fees[start : start + FEES_AT_ONCE])
    return booked


def _book(gateway: str, fees: Sequence[Fee]) -> int:
    # Settlement books fees under the same lock, so what is not booked now is not booked by it meanwhile.
    payments = {row.pk: row for row in lock_payments([fee.payment_id for fee in fees])}
    reasons = [f"{fee.prefix}:fee" for fee in fees]
    booked = set(Entry.objects.filter(reason__in=reasons).values_list("reason", flat=True))
    new = [fee for fee in fees if f"{fee.prefix}:fee" not in booked and _fits(fee, payments[fee.payment_id])]
    post_entries([fee_posting(gateway, fee.money, f"{fee.prefix}:fee") for fee in new if fee.money.amount_minor])
    told = {fee.payment_id: fee.money.amount_minor for fee in new if fee.is_of_payment}
    rows = [payments[pk] for pk in told]
    for row in rows:
        row.fee_minor = told[row.pk]
    Payment.objects.bulk_update(rows, ["fee_minor"])
    return len(new)


def _fits(fee: Fee, payment: Payment) -> bool:
    if fee.money.currency != payment.currency or fee.money.amount_minor < 0:
        return False
    return not fee.is_of_payment or (payment.state == PaymentState.SETTLED and payment.fee_minor is None)


def fee_posting(gateway: str, money: Money, reason: str) -> Posting:
    """What the gateway kept is ours no more: from what it holds for us to its fees; the other way when negative."""
    ends = accounts.fees(gateway), accounts.gateway(gateway)
    if money.amount_minor < 0:
        return Posting(ends[1], ends[0], Money(-money.amount_minor, money.currency), reason)
    return Posting(*ends, money, reason)
