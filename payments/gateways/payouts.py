"""Giving money back by a payout, for gateways without a refund call: nothing there ties the two together but us.

A payout cannot be taken back and has no idempotency key. So before one is sent we look for an earlier one with the same
reference, and ask whether the money was collected at all; after a lost answer only the gateway's own record counts.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Busy, NotFound, NotSent, Rejected, Unavailable
from payments.gateways.base import (
    REFUND_REFUSALS,
    Outcome,
    RefundOutcome,
    RefundRequest,
    RefundStatus,
    Rules,
    SettlementLine,
    Status,
)
from payments.gateways.operators import is_national


class PayoutService(Protocol):
    """One gateway's payouts. Threads share it."""

    def start_deadline(self) -> Deadline: ...

    def collected(self, request: RefundRequest, deadline: Deadline) -> Status:
        """What the gateway says of the collection. Raises like fetch_status()."""
        ...

    def look(
        self, reference: str, deadline: Deadline, *, gateway_refund_id: str = "", since: datetime | None = None
    ) -> RefundStatus | None:
        """The payout with this reference; None: the gateway shows none. Raises Unavailable, Busy, Rejected."""
        ...

    def send(self, request: RefundRequest, deadline: Deadline) -> RefundStatus:
        """Pay out, once. Raises like Gateway.refund()."""
        ...


class RefundsByPayout:
    """The part of a gateway that gives money back by payouts, or not at all, and tells no settlements."""

    rules: Rules
    _payouts: PayoutService | None = None  # None: no credentials for any

    def refund(self, request: RefundRequest) -> RefundStatus:
        if self._payouts is None or not self.rules.can_refund:
            raise self._unsupported()
        _check_request(request, self.rules)
        return _pay_out(self._payouts, request, self._payouts.start_deadline())

    def fetch_refund(
        self,
        reference: str,
        *,
        transaction_id: str,
        is_link: bool = False,
        gateway_refund_id: str = "",
        since: datetime | None = None,
    ) -> RefundStatus:
        """Also when no new ones are made any more: the policy may have changed while one was under way."""
        if self._payouts is None:
            raise self._unsupported()
        if not reference:
            raise NotFound("a payout that does not carry our reference gives nothing of ours back")
        deadline = self._payouts.start_deadline()
        found = self._payouts.look(reference, deadline, gateway_refund_id=gateway_refund_id, since=since)
        if found is None:
            raise NotFound(f"{self.rules.name} shows no such payout")
        return replace(found, transaction_id=transaction_id)

    def settlements(self, day: date) -> tuple[SettlementLine, ...]:
        raise Rejected(f"{self.rules.name} tells no settlements", code="unsupported")

    def _unsupported(self) -> Rejected:
        return Rejected(f"{self.rules.name} gives no money back here", code="refund_unsupported")


def _pay_out(payouts: PayoutService, request: RefundRequest, deadline: Deadline) -> RefundStatus:
    with _nothing_sent():
        made = payouts.look(request.reference, deadline)
        if made is None:
            _check_collected(request, payouts.collected(request, deadline))
    if made is None:
        return payouts.send(request, deadline)
    if made.money != request.money:
        raise Rejected(f"this reference has paid out {made.money}", code="refund_key_reused")
    return replace(made, transaction_id=request.transaction_id)


def _check_request(request: RefundRequest, rules: Rules) -> None:
    least_minor = rules.minimum_minor.get(request.money.currency)
    if least_minor is None or request.money.amount_minor < least_minor:
        raise Rejected("too little", code="refund_amount_refused", fields={"amount": "currency or amount"})
    if not is_national(request.phone):
        raise Rejected("no number to pay to", code="refund_phone_refused", fields={"phone": "nine digits from 6"})


def _check_collected(request: RefundRequest, status: Status) -> None:
    """The gateway would pay out any amount to anybody. What is left of the collection, only the caller's books say."""
    if status.outcome is not Outcome.PAID or status.money is None:
        raise Rejected(f"this was not collected: {status.word} {status.problem}".strip(), code="refund_refused")
    if request.money.currency != status.money.currency or request.money.amount_minor > status.money.amount_minor:
        raise Rejected(f"only {status.money} was collected", code="refund_amount_refused")


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """The reads before a payout: whatever goes wrong with them, this call has paid nothing."""
    try:
        yield
    except (NotSent, Busy):
        raise
    except Unavailable as error:
        failure = NotSent(f"no payout was sent: {error.message}")
        failure.exchange = error.exchange
        raise failure from error
    except (NotFound, Rejected) as error:
        code = error.code if error.code in REFUND_REFUSALS else "refund_refused"
        raise refusal(error.message, code, error) from error


def refusal(message: str, code: str, error: NotFound | Rejected) -> Rejected:
    """A refusal with a code for refunds, and what was said before it."""
    refused = Rejected(message, code=code)
    refused.exchange = error.exchange
    return refused


def the_payout(found: Sequence[RefundStatus]) -> RefundStatus | None:
    """The one that counts when a reference was used more than once: what may have moved money before what failed."""
    order = (RefundOutcome.DONE, RefundOutcome.UNMAPPED, RefundOutcome.PENDING, RefundOutcome.FAILED)
    best = min(found, key=lambda status: order.index(status.outcome), default=None)
    alive = {status.gateway_refund_id for status in found if status.outcome is not RefundOutcome.FAILED}
    if best is not None and len(alive) > 1:
        return replace(best, problem=f"paid out more than once: {', '.join(sorted(alive))}"[:250])
    return best
