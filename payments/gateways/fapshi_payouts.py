"""Giving money back at Fapshi: payouts of a second service. The refund's reference is the payout's userId, so that its
list can be asked for.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotFound, Rejected, Unavailable
from payments.gateways.base import RefundOutcome, RefundRequest, RefundStatus, Status
from payments.gateways.fapshi_api import FapshiApi, is_id, read_named_rows, read_new_id
from payments.gateways.fapshi_records import MEDIA, read_payout
from payments.gateways.operators import operator_of
from payments.gateways.payouts import refusal, the_payout

MAX_MESSAGE = 200


class PayoutOptions(TypedDict):
    """The service that pays out, and what it is used for."""

    user: str
    key: str
    are_refunds: bool  # False: none are made, but those made before can still be asked about
    absence_proves_after_seconds: float | None


class FapshiPayouts:
    """Threads share it."""

    def __init__(self, api: FapshiApi, collected: Callable[[RefundRequest, Deadline], Status]) -> None:
        self._api = api  # of the service that pays out
        self.collected = collected

    def start_deadline(self) -> Deadline:
        return self._api.start_deadline()

    def look(
        self, reference: str, deadline: Deadline, *, gateway_refund_id: str = "", since: datetime | None = None
    ) -> RefundStatus | None:
        """By the list of the userId; the status of the one that counts is asked for. `since` narrows nothing here."""
        listed = the_payout(self._list(reference, deadline))
        transaction_id = listed.gateway_refund_id if listed else gateway_refund_id
        if not is_id(transaction_id):
            return listed
        try:
            record, reply = self._api.read_transaction(transaction_id, deadline)
        except NotFound:
            return listed  # when it is in the list it is there, whatever this call says
        status = read_payout(record, reply)
        if listed is None:
            return status if status.reference == reference else None  # a stranger may have named it
        return replace(status, reference=reference, problem=listed.problem or status.problem)

    def send(self, request: RefundRequest, deadline: Deadline) -> RefundStatus:
        operator = request.operator or operator_of(request.phone)
        body = {
            "amount": request.money.amount_minor,
            "phone": request.phone,
            **({"medium": MEDIA[operator]} if operator in MEDIA else {}),
            "externalId": request.reference,
            "userId": request.reference,
            "message": f"Refund {request.reason}".strip()[:MAX_MESSAGE],
        }
        try:
            reply = self._api.post("/payout", body, deadline)
        except Rejected as error:
            raise self._explain(error, request, deadline) from error
        return RefundStatus(
            outcome=RefundOutcome.PENDING,
            gateway_refund_id=read_new_id(reply),
            reference=request.reference,
            money=request.money,  # the answer does not repeat it
            transaction_id=request.transaction_id,
            exchange=reply.exchange,
        )

    def _list(self, reference: str, deadline: Deadline) -> list[RefundStatus]:
        try:
            reply = self._api.read(f"/transaction/{quote(reference, safe='')}", deadline)
        except NotFound:
            return []
        rows = read_named_rows(reply)
        return [read_payout(row, reply) for row in rows if reference in (row.get("externalId"), row.get("userId"))]

    def _explain(self, error: Rejected, request: RefundRequest, deadline: Deadline) -> Rejected:
        """Fapshi has no codes and its texts are free; what it holds for payouts tells whether that was too little."""
        if error.code != "refused":
            return error
        with suppress(Unavailable, NotFound, Rejected):
            if self._api.read_balance(deadline).amount_minor < request.money.amount_minor:
                return refusal("Fapshi holds too little for this payout", "refund_float_short", error)
        return refusal(error.message, "refund_refused", error)
