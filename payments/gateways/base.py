"""What a gateway must do, in our words: plain values in, frozen dataclasses out, our errors only.

An adapter knows no model, no queue and no transaction. Threads share one adapter per process, so it keeps no
state of a call; its HTTP session is pooled.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from choptym.lib.errors import Exchange
from choptym.lib.money import Money


class Outcome(StrEnum):
    """What the gateway says became of the money."""

    PAID = "paid"
    NOT_PAID = "not_paid"  # final: no money moved and none will
    WAITING = "waiting"  # the customer has not answered yet
    UNMAPPED = "unmapped"  # a word we do not know: alert, change nothing


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """One try to collect. `reference` is the attempt's own UUID4: sent everywhere the gateway echoes something back."""

    reference: str
    money: Money
    phone: str  # national, as Rules.phone_region has it: CM nine digits from 6, IN ten digits from 6 to 9
    description: str
    operator: str = ""  # "mtn", "orange" or "" when unsure
    email: str = ""
    return_url: str = ""  # for payment links: where the browser goes afterwards


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gateway has taken the request. Nothing is paid yet."""

    transaction_id: str  # "" when the gateway will tell it later
    instructions: str = ""  # what the customer does next, such as "*126#"
    link: str = ""  # the hosted page, for payment links; for UPI the upi:// address that opens the payer's app
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The gateway's word about one transaction."""

    outcome: Outcome
    transaction_id: str
    reference: str  # ours; "" when the gateway did not echo it
    money: Money | None  # gross, what the payer paid; None when absent or unreadable
    fee: Money | None = None
    operator: str = ""
    operator_reference: str = ""
    reason: str = ""  # why not paid, in the gateway's words: for staff, never for the customer
    word: str = ""  # the status as the gateway spells it
    # What could not be read or contradicts itself (an amount with a fraction, say). With PAID: it goes to REVIEW.
    problem: str = ""
    occurred_at: datetime | None = None
    exchange: Exchange | None = field(default=None, compare=False, repr=False)
    # The money itself, where one transaction may have several tries: the same money is announced under the same id.
    gateway_payment_id: str = ""
    refunded: Money | None = None  # what went back to the payer, as far as this answer shows
    was_declined: bool = False  # WAITING: the payer's last try failed, and may be followed by another
    link: str = ""  # as in Accepted, where the gateway shows it again: create_link()'s own answer may be lost


class RefundOutcome(StrEnum):
    """What the gateway says became of a refund."""

    DONE = "done"  # final: on its way to the payer's bank
    PENDING = "pending"
    FAILED = "failed"  # final: the money is still ours
    UNMAPPED = "unmapped"  # a word we do not know: alert, change nothing


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give money of one collection back. `reference` is the refund's own UUID4, the same however often it is asked."""

    reference: str
    transaction_id: str  # of the collection
    money: Money
    reason: str = ""
    is_link: bool = False  # as in fetch_status()
    phone: str = ""  # the payer's, national as in CollectRequest: where a payout goes
    operator: str = ""  # "mtn", "orange" or "" when unsure


@dataclass(frozen=True, slots=True)
class RefundStatus:
    """The gateway's word about one refund."""

    outcome: RefundOutcome
    gateway_refund_id: str
    reference: str  # ours; "" when the gateway began it by itself, or did not echo it
    money: Money | None
    transaction_id: str = ""  # of the collection; "" when not told
    gateway_payment_id: str = ""
    bank_reference: str = ""
    # Begun by the gateway, for money that it never gave us (too late, twice, not captured): nothing of ours goes out.
    is_automatic: bool = False
    reason: str = ""
    word: str = ""
    problem: str = ""  # as in Status
    occurred_at: datetime | None = None
    exchange: Exchange | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook, reduced. `key` is the same for every delivery of the same fact."""

    key: str
    transaction_id: str
    reference: str = ""
    word: str = ""
    status: Status | None = None  # set only when the signature covers the body, so that it may settle
    refund: RefundStatus | None = None  # the same, for an event about a refund
    # It says that money goes out: never take it for a collection. Without `refund` nobody signed it, and transaction_id
    # and reference are the refund's own (gateway_refund_id, RefundRequest.reference): a hint to call fetch_refund().
    is_refund: bool = False
    payload: Mapping[str, object] = field(default_factory=dict)  # what is kept, with secrets taken out


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the gateway's own history, for reconciliation."""

    status: Status
    is_collection: bool


@dataclass(frozen=True, slots=True)
class History:
    """A day of the gateway's own history. Not complete: that a line is absent proves nothing."""

    lines: tuple[Line, ...]
    is_complete: bool = True

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """What the gateway paid out to our bank, or kept, for one payment or refund: for reconciliation."""

    kind: str  # "payment", "refund", or the gateway's own word for anything else, in lower case
    gateway_id: str  # of the payment or refund at the gateway
    transaction_id: str
    reference: str  # of the attempt or the refund; "" when not told
    money: Money | None  # gross; None when unreadable
    fee: Money | None  # with tax
    is_credit: bool
    settlement_id: str = ""  # "" while it is not settled
    bank_reference: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the adapter knows about its gateway that the rest of the system needs."""

    name: str
    currencies: frozenset[str]
    minimum_minor: Mapping[str, int]  # per currency
    has_links: bool
    signs_events: bool  # a verified webhook may settle without a status query
    # Delays between status queries, the last one repeated, from the gateway's reference page.
    poll_seconds: tuple[float, ...]
    # After this long, "no such reference" proves that a lost request was never executed. None: it never does.
    absence_proves_after_seconds: float | None
    phone_region: str = "CM"  # whose national numbers CollectRequest.phone holds: "CM" or "IN"
    links_need_phone: bool = False
    can_refund: bool = False  # by the gateway's own refund, or by a payout where policy and credentials allow it
    # The gateway takes RefundRequest.reference as an idempotency key. False: a second refund() may pay a second time.
    refund_is_repeatable: bool = False
    # Where it is not: after this long NotFound of fetch_refund() proves that a lost refund() never ran. None: never.
    refund_absence_proves_after_seconds: float | None = None
    refund_minimum_minor: Mapping[str, int] = field(default_factory=dict)  # per currency; left out: from 1
    tells_balance: bool = True
    tells_settlements: bool = False


class Gateway(Protocol):
    """One provider. Every method may raise Unavailable (see choptym.lib.errors for its kinds).

    No method takes longer than the gateway's total deadline, whatever it has to do (wait for a connection, fetch a
    token, repeat a read). Errors carry the masked `exchange` when there was one. `is_link` says that the transaction
    began with create_link(): there a failed try, or "not found", can still become a payment.
    """

    rules: Rules

    def collect(self, request: CollectRequest) -> Accepted:
        """Push a payment request to the customer's phone.

        Raises Rejected (final refusal; nothing charged; `code` from REFUSALS), NotSent (nothing charged; may be tried
        again), Busy (nothing charged; come back later), OutcomeUnknown (ask before any second try).
        """
        ...

    def create_link(self, request: CollectRequest) -> Accepted:
        """Open a hosted payment page. Raises like collect()."""
        ...

    def fetch_status(self, transaction_id: str, *, is_link: bool = False) -> Status:
        """Ask what is true about a transaction. Raises NotFound, Busy, Unavailable, Rejected (malformed id)."""
        ...

    def find(self, reference: str, *, since: datetime, is_link: bool = False) -> Status | None:
        """Look for an attempt by our own reference after a lost answer. None: the gateway shows nothing (yet)."""
        ...

    def expire_link(self, transaction_id: str) -> Status:
        """Close a hosted page, where the gateway can, and say what is true afterwards. Raises like fetch_status()."""
        ...

    def read_webhook(self, *, method: str, body: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> Event:
        """Check who sent this and reduce it. Raises BadSignature, or Rejected when the body makes no sense."""
        ...

    def history(self, day: date) -> History:
        """The gateway's own list for a day (UTC)."""
        ...

    def fetch_balance(self) -> Money:
        """What the gateway holds for us. Raises Rejected (unsupported) without Rules.tells_balance."""
        ...

    def refund(self, request: RefundRequest) -> RefundStatus:
        """Give money back. An answer, also of FAILED, belongs to this reference for ever: to try anew, take a new one.

        Raises Rejected (nothing was given back; `code` from REFUND_REFUSALS), NotSent or Busy (this call gave nothing;
        later), OutcomeUnknown (fetch_refund() tells). With Rules.refund_is_repeatable the same request may be made
        again after any of these: it is one refund. Without, never at the same time as another, and after OutcomeUnknown
        not before fetch_refund() has proved by absence (Rules.refund_absence_proves_after_seconds) that none was made.
        """
        ...

    def settlements(self, day: date) -> tuple[SettlementLine, ...]:
        """What was settled around that day. Ask for the neighbours too: in which zone days count is not documented."""
        ...

    def fetch_refund(
        self,
        reference: str,
        *,
        transaction_id: str,
        is_link: bool = False,
        gateway_refund_id: str = "",
        since: datetime | None = None,
    ) -> RefundStatus:
        """Ask what became of a refund of this transaction. Raises NotFound when the gateway shows none of ours.

        `gateway_refund_id` (as refund() or an event told it) and `since` (before it was asked) help to find a payout:
        CamPay shows one that is pending by its id only, and others for a week when it is not told since when to look.
        What a stranger may have named is believed only when the gateway's record carries our reference; where events
        are signed, a refund of this transaction that carries none is found by its id. No `reference`: one that was
        begun at the gateway, with what its record says of is_automatic and gateway_payment_id.
        """
        ...


def best_of(found: Sequence[Status]) -> Status | None:
    """The one that counts when a reference was used more than once: paid before waiting before not paid."""
    order = (Outcome.PAID, Outcome.UNMAPPED, Outcome.WAITING, Outcome.NOT_PAID)
    best = min(found, key=lambda status: order.index(status.outcome), default=None)
    paid = {status.transaction_id for status in found if status.outcome is Outcome.PAID}
    if best is not None and len(paid) > 1:
        return replace(best, problem=f"paid more than once: {', '.join(sorted(paid))}"[:250])
    return best


# Why a collection was refused, in our words; each has a sentence for the customer in payments/failures.py.
REFUSALS = frozenset({
    "invalid_phone",
    "operator_unsupported",
    "amount_refused",
    "gateway_credentials", "gateway_disabled",
    "refused",
})  # fmt: skip

# Why a refund was refused. Nothing was given back.
REFUND_REFUSALS = frozenset({
    "refund_unsupported",  # by this gateway at all
    "refund_amount_refused",  # more than is left of what was collected, or less than the least
    "refund_phone_refused",  # no number that a payout can go to
    "refund_float_short",  # we hold too little there for a payout: top it up, then ask again
    "refund_key_reused",  # the same reference with another amount or transaction
    "refund_refused",
    "gateway_credentials",
    "gateway_disabled",
})  # fmt: skip
