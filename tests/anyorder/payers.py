"""What payers, banks and gateways do to a whole crowd of payments, in the sandbox."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from choptym.lib.money import Money
from payments.ask import Answer
from payments.gateways import get_gateway
from payments.gateways.base import Event, RefundRequest
from payments.models import Payment, PaymentAttempt
from tests.anyorder.plans import Plan
from tests.anyorder.stories import Story
from tests.machine.gateways import Gateways
from tests.machine.picture import Row

PART_MINOR = 50_000  # what a gateway gives back of 149,900 paisa
_references = count(1)


@dataclass
class Member:
    """One payment of a crowd, what its gateway has told of it, and how that reaches us."""

    payment: Payment
    attempt: PaymentAttempt
    plan: Plan
    shop: str
    dish_id: int
    webhooks: dict[str, Row] = field(default_factory=dict)  # by the event's name, in the order in which it happened
    read: dict[str, Event] = field(default_factory=dict)  # the same, as our adapter reads them
    answers: list[Answer] = field(default_factory=list)
    at_gateway: dict[str, str] = field(default_factory=dict)  # the id of its refund
    was_decided: bool = False  # by a person


class Payers:
    """Each method does one thing to every member of a crowd."""

    def __init__(self, gateways: Gateways, story: Story, members: Sequence[Member]) -> None:
        self._gateways = gateways
        self._story = story
        self._members = members
        self._by_name = {member.attempt.transaction_id: member for member in members}
        self._by_name |= {str(member.attempt.reference): member for member in members}

    def do(self, deed: str) -> None:
        """decline, pay, drop, close, refund, bank, pay again, again, tick; and keep the webhooks that come of it."""
        deeds: dict[str, Callable[[Member], object]] = {
            "decline": self._decline,
            "pay": self._pay,
            "close": lambda member: get_gateway(self._story.gateway).expire_link(member.attempt.transaction_id),
            "refund": self._refund,
            "bank": lambda member: self._decide(member.at_gateway["refund"], "pay"),
            "pay again": self._pay_again,
            "again": lambda member: self._control("webhooks/resend", gateway_id=member.attempt.transaction_id),
        }
        if deed == "tick":  # a second later CamPay signs with another token
            time.sleep(1.05 - time.time() % 1)
        elif deed == "drop":  # they begin to pay, and do not answer
            self._each(self._open)
            self._gateways.control("POST", "clock", advance_seconds=11 * 60)
        else:
            self._each(deeds[deed])
        self._keep_webhooks()

    def _each(self, deed: Callable[[Member], object]) -> None:
        for member in self._members:
            deed(member)

    def _control(self, what: str, **body: object) -> Any:
        return self._gateways.control("POST", f"{self._story.gateway}/{what}", **body)

    def _decide(self, gateway_id: str, decision: str) -> None:
        self._control("payer", gateway_id=gateway_id, decides=decision)

    def _open(self, member: Member) -> None:
        """The payer begins a new try on the gateway's page."""
        self._press(member, "pay")

    def _press(self, member: Member, action: str) -> None:
        path = urlsplit(member.attempt.link).path
        body = json.dumps({"action": action, "phone": member.payment.phone})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._gateways._http.request("POST", path, body, headers)
        answer = self._gateways._http.getresponse()
        assert (answer.read(), answer.status)[1] == 200

    def _decline(self, member: Member) -> None:
        if self._story.by_link:
            self._press(member, "decline")
        else:
            self._decide(member.attempt.transaction_id, "decline")

    def _pay(self, member: Member) -> None:
        if self._story.by_link and "close" not in self._story.deeds:
            self._press(member, "pay")
        self._decide(member.attempt.transaction_id, "pay")

    def _pay_again(self, member: Member) -> None:
        """The second payment that the gateway has begun for the order goes through too."""
        books = self._gateways.control("GET", f"{self._story.gateway}/books?reference={member.attempt.reference}")
        [second] = [entry for entry in books["entries"] if entry["state"] == "pending"]
        self._decide(second["gateway_id"], "pay")

    def _refund(self, member: Member) -> None:
        """Somebody gives a part back on the gateway's own pages."""
        reference = str(UUID(int=next(_references), version=4))
        money = Money(PART_MINOR, member.payment.currency)
        request = RefundRequest(reference, member.attempt.transaction_id, money, is_link=self._story.by_link)
        refund_id = get_gateway(self._story.gateway).refund(request).gateway_refund_id
        member.at_gateway["refund"] = refund_id.replace("-", "_") if self._story.gateway == "cashfree" else refund_id
        self._by_name[member.at_gateway["refund"]] = member

    def _find(self, event: Event) -> Member:
        """By the transaction, our reference, or the refund: behind a link its order has a name that we do not know."""
        refund_id = event.refund.gateway_refund_id if event.refund is not None else ""
        names = (event.transaction_id, event.reference, refund_id)
        return next(self._by_name[name] for name in names if name in self._by_name)

    def _keep_webhooks(self) -> None:
        for webhook in self._control("webhooks/take")["webhooks"]:
            event = get_gateway(self._story.gateway).read_webhook(
                method=webhook["method"],
                body=webhook["body"].encode(),
                query=webhook["query"],
                headers=webhook["headers"],
            )
            member = self._find(event)
            again = sum(name.split("#")[0] == event.word for name in member.webhooks)
            name = f"{event.word}#{again + 1}" if again else event.word
            member.webhooks[name], member.read[name] = webhook, event
