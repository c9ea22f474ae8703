"""What the contract's tests of refunds have in common: money that was paid, and asking for some of it back."""

from uuid import uuid4

from choptym.lib.errors import NotFound
from choptym.lib.money import Money
from payments.gateways.base import CollectRequest, Gateway, RefundOutcome, RefundRequest, RefundStatus
from tests.payments.gateways.sandbox import Peer, wait_for

PAID_MINOR = 50_000


def pay(peer: Peer, gateway: Gateway) -> tuple[CollectRequest, str]:
    """A collection that was paid, and its transaction."""
    request = peer.request(PAID_MINOR)
    peer.turn_phone(request.phone, **peer.patience)
    transaction_id = gateway.collect(request).transaction_id
    peer.wait_until_paid(gateway, transaction_id)
    return request, transaction_id


def ask(paid: tuple[CollectRequest, str], amount_minor: int = 20_000, **changes: object) -> RefundRequest:
    request, transaction_id = paid
    return RefundRequest(
        **{  # type: ignore[arg-type]
            "reference": str(uuid4()),
            "transaction_id": transaction_id,
            "money": Money(amount_minor, request.money.currency),
            "reason": "One plate was missing",
            "phone": request.phone,
            **changes,
        }
    )


def look(gateway: Gateway, refund: RefundRequest, **known: str) -> RefundStatus | None:
    try:
        return gateway.fetch_refund(refund.reference, transaction_id=refund.transaction_id, **known)  # type: ignore[arg-type]
    except NotFound:
        return None


def wait(gateway: Gateway, refund: RefundRequest, outcome: RefundOutcome = RefundOutcome.DONE) -> RefundStatus:
    """Its status, once it is that; by our reference alone."""
    found = wait_for(lambda: look(gateway, refund), lambda status: status is not None and status.outcome is outcome)
    assert found is not None
    return found


def back(peer: Peer, refund: RefundRequest) -> list[int]:
    """What the gateway's own books have given back for this reference."""
    return [
        entry["amount_minor"] for entry in peer.booked(peer.refund_reference(refund.reference))
        if entry["kind"] == peer.refund_kind
    ]  # fmt: skip
