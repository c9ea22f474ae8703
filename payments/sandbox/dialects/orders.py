"""Orders that several payments can be made for: what Razorpay and Cashfree have in common.

An order is in the books from its first payment on, as one entry: a new try after a failure goes on with that entry. A
payment beside one that is open or has succeeded is an entry of its own; when both succeed the second is returned.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, cast

from payments.sandbox.books import Entry, Kind, State
from payments.sandbox.calls import Call
from payments.sandbox.dialects.base import Dialect
from payments.sandbox.dialects.india import as_rupees
from payments.sandbox.knobs import Knobs, choice, rate, switch, whole
from payments.sandbox.phones import INDIA, Numbering

SURPLUS = "multiple payments on the same order"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKnobs(Knobs):
    payout_fee_basis_points: int = whole(0)
    operator_down: str | None = choice(None, "upi")
    surplus_rate: float = rate()  # the payer pays a second time, late_success_ms later, and gets that back
    payment_minutes: int = whole(10, minimum=1)  # how long a payer has to answer
    refund_at_once: bool = switch()  # done in the very first answer
    settlement_hours: int = whole(48)
    webhook_retry_percent: int = whole(100)  # of the documented waits between tries
    server_to_server: bool = switch(default=True)  # the account may charge without a hosted page


@dataclass(slots=True, eq=False)
class Payment:
    """One try to pay. How it ends, its entry says, until a later try takes its place there."""

    id: str
    entry: Entry
    number: int  # which try of its entry
    created_at: float
    phone: str
    asked: Mapping[str, Any] = field(default_factory=dict)  # what the caller said of this payment alone
    held_at: float | None = None  # the payer was debited, but nobody has captured the money
    old_reason: str = ""

    @property
    def is_latest(self) -> bool:
        return self.number == self.entry.tries

    @property
    def state(self) -> State:
        return self.entry.state if self.is_latest else State.FAILED

    @property
    def reason(self) -> str:
        return self.entry.reason if self.is_latest else self.old_reason


@dataclass(slots=True, eq=False)
class Order:
    id: str
    entry: Entry
    details: dict[str, Any]  # the caller's fields
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Entry] = field(default_factory=list)
    is_closed: bool = False  # by the merchant

    @property
    def paid(self) -> Payment | None:
        """The payment that counts."""
        return next((payment for payment in self.payments if payment.state is State.COLLECTED), None)

    def refunds_of(self, payment: Payment) -> list[Entry]:
        return [refund for refund in self.refunds if refund.details["payment"].id == payment.id]

    def refunded_minor(self, payment: Payment) -> int:
        """What has been given back or is on its way."""
        return sum(refund.asked_minor for refund in self.refunds_of(payment) if refund.state is not State.FAILED)


def order_of(entry: Entry) -> Order:
    return cast("Order", entry.details["order"])


class OrderDialect(Dialect):
    numbering: ClassVar[Numbering] = INDIA
    retry_seconds: ClassVar[Sequence[float]] = ()

    def forget(self) -> None:
        self.orders: dict[str, Order] = {}
        self.payments: dict[str, Payment] = {}
        self.links: dict[str, Order] = {}
        self.refunds: dict[str, Entry] = {}

    def knobs_of(self, entry: Entry) -> OrderKnobs:
        return cast("OrderKnobs", self.gateway.knobs_for(entry))

    @abstractmethod
    def new_payment_id(self, key: str) -> str: ...

    def webhook_retry_seconds(self) -> Sequence[float]:
        percent = cast("OrderKnobs", self.gateway.knobs).webhook_retry_percent
        return [seconds * percent / 100 for seconds in self.retry_seconds]

    def patience_seconds(self, entry: Entry) -> float | None:
        return self.knobs_of(entry).payment_minutes * 60 if entry.kind is Kind.COLLECTION else None

    def show_money(self, amount_minor: int, currency: str) -> str:
        return f"{as_rupees(amount_minor)} {currency}"

    # What becomes of payments

    def draw_up(self, call: Call, order_id: str, amount_minor: int, details: dict[str, Any], **more: Any) -> Order:
        """An order without a payment: not in the books yet."""
        entry = Entry(
            kind=Kind.COLLECTION, key=call.key, gateway_id=order_id, amount_minor=amount_minor,
            asked_minor=amount_minor, currency="INR", operator="", created_at=self.gateway.clock.now(),
            **{"phone": "", **more},
        )  # fmt: skip
        order = Order(order_id, entry, details)
        entry.details["order"] = order
        return order

    def pay(self, call: Call, order: Order, phone: str, asked: Mapping[str, Any]) -> Payment:
        """Ask the payer, for this order."""
        entry = order.entry
        if entry.tries and entry.state is not State.FAILED:
            entry = self._draw_up_extra(order, call.key)
        entry.phone, entry.operator = phone, self.numbering.find_operator(phone)
        entry.override = call.override
        entry.details["asked"] = dict(asked)
        if entry.number:  # in the books already
            call.created = entry
            self.gateway.life.ask(entry)
        else:
            entry.key = call.key
            self.gateway.open_entry(call, entry)
        return order.payments[-1]

    def _draw_up_extra(self, order: Order, key: str) -> Entry:
        """A second payment beside the order's own."""
        main = order.entry
        return replace(
            main, key=key, gateway_id=self._next_payment_id(order), tries=0, state=State.PENDING, number=0,
            fee_minor=0, amount_minor=main.asked_minor, created_at=self.gateway.clock.now(), closed_at=None, reason="",
            link_id="", details={**main.details, "is_extra": True},
        )  # fmt: skip

    def _next_payment_id(self, order: Order) -> str:
        return self.new_payment_id(f"{order.id}/{len(order.payments) + 1}")

    def note_try(self, entry: Entry) -> None:
        if entry.kind is not Kind.COLLECTION:
            return
        order = order_of(entry)
        for payment in order.payments:
            if payment.entry is entry and payment.number == entry.tries - 1:
                payment.old_reason = entry.reason
        asked, now = entry.details.get("asked", {}), self.gateway.clock.now()
        payment = Payment(self._next_payment_id(order), entry, entry.tries, now, entry.phone, asked)
        order.payments.append(payment)
        self.payments[payment.id] = payment

    def intercept(self, entry: Entry) -> bool:
        if entry.kind is not Kind.COLLECTION:
            return False
        if not entry.tries:
            # Money for a link that was never seen open: paid as it closed.
            entry.phone = entry.phone or self.numbering.default_payer
            entry.operator = self.numbering.find_operator(entry.phone)
            entry.tries = 1
            self.note_try(entry)
        order = order_of(entry)
        reason = self.find_return_reason(order, entry)
        if reason:
            self.give_back(entry, reason)
            return True
        gateway, knobs = self.gateway, self.knobs_of(entry)
        if gateway.chance.happens(knobs.surplus_rate, entry.key, "surplus"):
            gateway.clock.call_later(knobs.late_success_ms / 1000, partial(self._pay_again, order))
        return False

    def find_return_reason(self, order: Order, entry: Entry) -> str:
        """Why the payer gets this money back at once; "" when it is kept."""
        is_taken = order.paid is not None or any(
            payment.held_at is not None and payment.state is State.PENDING and payment.entry is not entry
            for payment in order.payments
        )
        return SURPLUS if is_taken else ""

    def give_back(self, entry: Entry, reason: str) -> None:
        """The payer paid and gets it back: never the merchant's money."""
        self.gateway.books.close(entry, State.RETURNED, reason, self.gateway.clock.now())
        self.gateway.sender.announce(entry)

    def _pay_again(self, order: Order) -> None:
        entry = self._draw_up_extra(order, f"{order.entry.key}/surplus")
        self.gateway.books.add(entry)
        self.gateway.life.ask(entry)

    # Refunds

    def open_refund(self, call: Call, payment: Payment, refund_id: str, amount_minor: int, **details: Any) -> Entry:
        """Give back a part of a payment; `details` must hold the caller's `reference`."""
        of, order = payment.entry, order_of(payment.entry)
        entry = Entry(
            kind=Kind.REFUND, key=call.key, gateway_id=refund_id, reference=details.pop("reference"),
            amount_minor=amount_minor, currency="INR", phone=of.phone, operator=of.operator,
            created_at=self.gateway.clock.now(), of_gateway_id=of.gateway_id, override=call.override or of.override,
            details={"order": order, "payment": payment, **details},
        )  # fmt: skip
        order.refunds.append(entry)
        self.refunds[refund_id] = entry
        self.gateway.open_entry(call, entry)
        self.gateway.sender.announce(entry)
        if self.knobs_of(entry).refund_at_once:
            self.gateway.life.hear_now(entry)
        return entry

    # What a webhook shows: an entry may be a copy, of a payment nobody knows or that claims to be paid

    def snapshot(self, entry: Entry) -> tuple[Order, Payment | None]:
        """The order and the payment that this entry, or copy of one, is about."""
        order = order_of(entry)
        known = self.gateway.books.by_gateway_id.get(entry.gateway_id)
        source = known or order.entry
        mine = [payment for payment in order.payments if payment.entry is source]
        latest = mine[-1] if mine else None
        if known is entry:
            return order, latest
        made_up_id = self.new_payment_id(f"{entry.gateway_id}/copy")
        if latest is None:
            payment = Payment(made_up_id, entry, entry.tries, entry.created_at, entry.phone)
        else:
            payment = replace(latest, entry=entry, number=entry.tries, id=latest.id if known else made_up_id)
        if known:
            return replace(order, entry=entry, payments=[payment], refunds=[]), payment
        theirs = source.reference, entry.reference
        payment = replace(payment, asked=_renamed(payment.asked, *theirs))
        details = _renamed(order.details, *theirs)
        order_id = self.new_order_id(entry)
        return replace(order, id=order_id, entry=entry, details=details, payments=[payment], refunds=[]), payment

    def new_order_id(self, ghost: Entry) -> str:
        """The order of a payment that nobody knows."""
        return ghost.gateway_id


def _renamed(asked: Mapping[str, Any], reference: str, other: str) -> dict[str, Any]:
    """What was asked, with another caller's reference in place of ours, in its notes too."""

    def name(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: name(one) for key, one in value.items()}
        return other if value == reference else value

    return {key: name(value) for key, value in asked.items()}
