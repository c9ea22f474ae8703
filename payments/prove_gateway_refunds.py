"""Our refunds against a sandbox's own books: what it gave back must stand in ours once, and nothing else may."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from payments.models import Refund, RefundWay
from payments.states import RefundState

TIMEOUT_SECONDS = 30
OUT = frozenset({"refund", "payout"})


@dataclass(frozen=True, slots=True)
class RefundComparison:
    """`lost`: given back there, but in no book of ours. `doubled`: a refund of ours that went out twice."""

    breaks: dict[str, list[str]]

    @property
    def lost(self) -> int:
        return len(self.breaks["refunded_not_booked"])

    @property
    def doubled(self) -> int:
        return len(self.breaks["refunded_twice"])


def compare_refunds(address: str, gateway: str, *, since: datetime) -> RefundComparison:
    """Compare one gateway's refunds, from the moment on since which the sandbox knows them.

    Network: one call.
    """
    return _compare(_their_refunds(address, gateway), _our_refunds(gateway), since)


def _their_refunds(address: str, gateway: str) -> list[dict[str, Any]]:
    url = f"{address.rstrip('/')}/control/{gateway}/books"
    response = requests.get(url, params={"state": "paid_back"}, timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    return [entry for entry in response.json()["entries"] if entry["kind"] in OUT]


def _our_refunds(gateway: str) -> list[Refund]:
    refunds = Refund.objects.filter(way=RefundWay.GATEWAY, gateway=gateway).select_related("attempt")
    return list(refunds.order_by("pk"))


def _compare(theirs: Sequence[Mapping[str, Any]], ours: Sequence[Refund], since: datetime) -> RefundComparison:
    # One that was given after it had failed has a second row, which is the one that counts.
    by_id = {row.gateway_refund_id: row for row in ours if row.state != RefundState.FAILED and row.gateway_refund_id}
    by_reference = {str(row.reference): row for row in ours}
    lost, given = [], Counter[int]()
    for entry in theirs:
        row = by_id.get(entry["gateway_id"]) or by_reference.get(_reference(entry))
        if row is not None and row.state == RefundState.FAILED:
            row = by_id.get(row.gateway_refund_id, row)
        if row is not None:
            given[row.pk] += 1
        if problem := _not_booked(entry, row):
            told = f"{entry['gateway_id']} ({entry['amount_minor']} {entry['currency']})"
            lost.append(f"{told}: {problem}")
    done = [row for row in ours if row.state == RefundState.REFUNDED and row.created_at >= since]
    return RefundComparison(
        {
            "refunded_not_booked": lost,
            "refunded_twice": [f"refund {pk} was given {count} times" for pk, count in given.items() if count > 1],
            "booked_not_refunded": [
                f"refund {row.pk} of payment {row.payment_id}: the gateway did not give back {row.reference}"
                for row in done
                if row.pk not in given
            ],
        }
    )


def _reference(entry: Mapping[str, Any]) -> str:
    """Ours; Cashfree takes no hyphens."""
    return str(entry["reference"]).replace("_", "-")


def _not_booked(entry: Mapping[str, Any], row: Refund | None) -> str:
    """Why this money is not in our books as it should be; empty when it is, or when we are still going to ask."""
    if row is None:
        return f"no refund of ours has its reference {entry['reference']}"
    if row.state == RefundState.FAILED:
        return f"refund {row.pk} is {row.state}, and booked back"
    if row.state == RefundState.REFUNDED and (row.amount_minor, row.currency) != (
        entry["amount_minor"],
        entry["currency"],
    ):
        return f"refund {row.pk} has booked {row.amount_minor} {row.currency}"
    return ""
