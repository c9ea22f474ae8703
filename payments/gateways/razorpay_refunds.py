"""Giving money back at Razorpay: one refund per reference, which is its idempotency key and its receipt."""

import re
from collections.abc import Mapping
from dataclasses import replace

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Busy, NotFound, Rejected
from payments.gateways.base import REFUND_REFUSALS, RefundRequest, RefundStatus
from payments.gateways.http import Refused, Reply, unclear
from payments.gateways.razorpay_api import RazorpayApi
from payments.gateways.razorpay_reads import RazorpayReads, is_payment_id
from payments.gateways.razorpay_records import CURRENCY, read_refund, refund_reference_of
from payments.gateways.reading import read_text

REFUND_MINIMUM_MINOR = 100
LOW_BALANCE_SECONDS = 3600.0  # when what Razorpay holds for us does not suffice
_REFUND_ID = re.compile(r"rfnd_[A-Za-z0-9]{10,30}")
_KNOWN = re.compile(r"fully refunded already|same idempotency key has already", re.IGNORECASE)
_LOW_BALANCE = re.compile(r"enough balance|insufficient balance|balance is (low|insufficient)", re.IGNORECASE)


class RazorpayRefunds:
    """Threads share it."""

    def __init__(self, api: RazorpayApi, reads: RazorpayReads) -> None:
        self._api = api
        self._reads = reads

    def refund(self, request: RefundRequest) -> RefundStatus:
        if request.money.currency != CURRENCY or request.money.amount_minor < REFUND_MINIMUM_MINOR:
            raise Rejected("from 1.00 INR", code="refund_amount_refused", fields={"amount": "currency or amount"})
        deadline = self._api.start_deadline()
        payment = self._payment_of(request.transaction_id, deadline)
        if payment.get("amount_refunded"):  # how long a key is remembered is not documented, so we look first
            made = self._look(payment, request.reference, request.transaction_id, deadline)
            if made is not None:
                return _same(made, request)
        return self._send(request, payment, deadline)

    def fetch(self, reference: str, transaction_id: str, gateway_refund_id: str) -> RefundStatus:
        """By our reference; one that was begun at Razorpay has none, and is found by its id."""
        deadline = self._api.start_deadline()
        for payment in self._reads.payments_of(transaction_id, deadline):
            if not _was_captured(payment):
                continue
            made = self._look(payment, reference, transaction_id, deadline, gateway_refund_id)
            if made is not None:
                return made
        raise NotFound("Razorpay shows no such refund")

    def fetch_outside(self, gateway_refund_id: str, transaction_id: str) -> RefundStatus:
        """One that was not begun by us. Its payment tells whether the money ever was ours."""
        if not _REFUND_ID.fullmatch(gateway_refund_id):
            raise NotFound("not a refund of Razorpay")
        deadline = self._api.start_deadline()
        reply = self._api.read(f"/refunds/{gateway_refund_id}", deadline)
        if read_text(reply.record.get("id")) != gateway_refund_id:
            raise unclear(reply, is_read=True)
        for payment in self._reads.payments_of(transaction_id, deadline):
            if payment.get("id") == reply.record.get("payment_id"):
                status = read_refund(reply.record, payment)
                return replace(status, transaction_id=transaction_id, exchange=reply.exchange)
        raise NotFound("this refund is of another transaction")

    def _send(self, request: RefundRequest, payment: Mapping[str, object], deadline: Deadline) -> RefundStatus:
        notes = {"reference": request.reference, **({"reason": request.reason[:250]} if request.reason else {})}
        body = {
            "amount": request.money.amount_minor,
            "speed": "normal",
            "receipt": request.reference,
            "notes": notes,
        }
        headers = {"X-Refund-Idempotency": request.reference}
        try:
            reply = self._api.act(f"/payments/{read_text(payment.get('id'))}/refund", body, deadline, headers)
        except Refused as error:
            if _LOW_BALANCE.search(error.word):
                raise _wait_for_balance(error) from error
            made = None
            if _KNOWN.search(error.word):
                made = self._look(payment, request.reference, request.transaction_id, deadline)
            if made is None:
                raise _explain(error) from error
            return _same(made, request)
        if not read_text(reply.record.get("id")).startswith("rfnd_"):
            raise unclear(reply, is_read=False)
        return _read(reply.record, request.transaction_id, reply)

    def _payment_of(self, transaction_id: str, deadline: Deadline) -> Mapping[str, object]:
        """The one payment that was captured: the oldest, so that a repeat asks for the same."""
        payments = [one for one in self._reads.payments_of(transaction_id, deadline) if _was_captured(one)]
        if not payments:
            raise Rejected("nothing of this transaction was captured", code="refund_refused")
        return min(payments, key=lambda payment: (read_text(payment.get("created_at")), read_text(payment.get("id"))))

    def _look(
        self,
        payment: Mapping[str, object],
        reference: str,
        transaction_id: str,
        deadline: Deadline,
        gateway_refund_id: str = "",
    ) -> RefundStatus | None:
        path = f"/payments/{read_text(payment.get('id'))}/refunds"
        refunds, reply = self._api.read_list(path, deadline, {"count": "100"})
        ours = [refund for refund in refunds if refund_reference_of(refund) == reference]
        if not ours and gateway_refund_id:
            ours = [refund for refund in refunds if read_text(refund.get("id")) == gateway_refund_id]
        return _read(ours[0], transaction_id, reply) if ours else None


def _was_captured(payment: Mapping[str, object]) -> bool:
    is_good = payment.get("status") in {"captured", "refunded"} and payment.get("captured") is not False
    return is_good and is_payment_id(read_text(payment.get("id")))


def _read(record: Mapping[str, object], transaction_id: str, reply: Reply) -> RefundStatus:
    return replace(read_refund(record), transaction_id=transaction_id, exchange=reply.exchange)


def _same(made: RefundStatus, request: RefundRequest) -> RefundStatus:
    """The refund that this reference made before, when it is the one that is asked for."""
    if made.money != request.money:
        raise Rejected(f"this reference has refunded {made.money}", code="refund_key_reused")
    return made


def _wait_for_balance(error: Refused) -> Exception:
    waiting = Busy("Razorpay holds too little for this refund", retry_after_seconds=LOW_BALANCE_SECONDS)
    waiting.exchange = error.exchange
    return waiting


def _explain(error: Refused) -> Rejected:
    """The same refusal with a code for refunds."""
    code = error.code if error.code in REFUND_REFUSALS else "refund_refused"
    if error.code == "amount_refused" or "fully refunded" in error.word:
        code = "refund_amount_refused"
    elif _KNOWN.search(error.word):
        code = "refund_key_reused"
    refused = Rejected(error.message, code=code)
    refused.exchange = error.exchange
    return refused
