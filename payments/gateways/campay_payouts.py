"""Giving money back at CamPay: withdrawals to the payer's number. The history, by our reference in external_user, shows
them once they are final; until then CamPay's own id is the only way to one.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from choptym.lib import clock
from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Unavailable
from payments.gateways.base import RefundRequest, RefundStatus, Status
from payments.gateways.campay_api import CamPayApi
from payments.gateways.campay_records import COUNTRY, CURRENCY, MAX_DESCRIPTION, read_payout, rows_of
from payments.gateways.http import Refused, unclear
from payments.gateways.payouts import refusal, the_payout
from payments.gateways.reading import read_text, read_uuid

LOOK_BACK = timedelta(days=7)  # when nobody says since when
REFUSALS = {
    "ER101": "refund_phone_refused",
    "ER102": "refund_phone_refused",
    "ER201": "refund_amount_refused",
    "ER301": "refund_float_short",  # of the payee's operator: each has a float of its own
}


class CamPayPayouts:
    """Threads share it."""

    def __init__(self, api: CamPayApi, collected: Callable[[RefundRequest, Deadline], Status]) -> None:
        self._api = api
        self.collected = collected

    def start_deadline(self) -> Deadline:
        return self._api.start_deadline()

    def look(
        self, reference: str, deadline: Deadline, *, gateway_refund_id: str = "", since: datetime | None = None
    ) -> RefundStatus | None:
        named = self._named(gateway_refund_id, reference, deadline)
        if named is not None:
            return named
        today = clock.known()
        first = (since or today - LOOK_BACK).astimezone(UTC).date()
        rows = rows_of(reference, self._api.read_history(first, today.date(), deadline))
        found = [self._listed(transaction_id, deadline) for transaction_id in rows]
        return the_payout([payout for payout in found if payout.reference in {"", reference}])

    def send(self, request: RefundRequest, deadline: Deadline) -> RefundStatus:
        text = re.sub(r"[<>]", " ", f"Refund {request.reason}")[: MAX_DESCRIPTION - 1 - len(request.reference)]
        body = {
            "amount": str(request.money.amount_minor),
            "currency": CURRENCY,
            "to": COUNTRY + request.phone,
            "description": f"{text.strip()} {request.reference}",
            "external_reference": request.reference,
            "external_user": request.reference,
        }
        try:
            reply = self._api.act("/withdraw/", body, deadline, has_limit=False)
        except Refused as error:
            raise refusal(error.message, REFUSALS.get(error.word, "refund_refused"), error) from error
        transaction_id = read_uuid(reply.record.get("reference"))
        if not transaction_id:
            raise unclear(reply, is_read=False)
        word = read_text(reply.record.get("status"), 40) or "PENDING"
        told = read_payout({**body, "reference": transaction_id, "status": word}, reply)
        return replace(told, transaction_id=request.transaction_id)

    def _named(self, gateway_refund_id: str, reference: str, deadline: Deadline) -> RefundStatus | None:
        """By its id, when that is one and the record is of our refund: a stranger may have named it."""
        if not read_uuid(gateway_refund_id):
            return None
        try:
            reply = self._api.read_transaction(gateway_refund_id, deadline)
        except NotFound:
            return None
        payout = read_payout(reply.record, reply)
        return payout if payout.reference == reference else None

    def _listed(self, transaction_id: str, deadline: Deadline) -> RefundStatus:
        """It is in the history, so it is there: "not found" would be a lie."""
        try:
            reply = self._api.read_transaction(transaction_id, deadline)
        except NotFound as error:
            failure = Unavailable("CamPay lists a withdrawal that it does not know")
            failure.exchange = error.exchange
            raise failure from error
        return read_payout(reply.record, reply)
