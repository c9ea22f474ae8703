"""What is handed from one step of a reconciliation to the next. No row, no gateway: plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from choptym.lib.money import Money
from payments.gateways.base import Line, SettlementLine


@dataclass(frozen=True, slots=True)
class Job:
    """A day of a gateway that this process has claimed, until `leased_until`."""

    reconciliation_id: int
    gateway: str
    day: date
    attempts_made: int
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """The gateway's lists. `around` are the lines of the day before and after: to look up in, not to judge."""

    day: date
    lines: Sequence[Line]
    around: Sequence[Line]
    settled: Sequence[SettlementLine]
    is_complete: bool  # that a line is in none of these lists proves that it does not exist
    read_at: datetime
    # Transactions that named nothing of ours, and the reference that the gateway's own record of each has.
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def everything(self) -> list[Line]:
        return [*self.lines, *self.around]


@dataclass(frozen=True, slots=True)
class Try:
    """One try of ours, with what the books say of it."""

    attempt_id: int
    payment_id: int
    reference: str
    transaction_id: str
    state: str
    payment_state: str
    by_link: bool
    started_at: datetime
    ended_at: datetime | None  # when we knew how it ended
    asked: Money
    booked: Money | None  # its capture, or what it took too many
    fee_minor: int | None  # as booked, corrections included
    refunded_minor: int  # by refunds that did not fail
    gateway_payment_id: str  # the money that is booked; "" when not told
    is_set_aside: bool  # a dead letter of its payment waits for somebody


@dataclass(frozen=True, slots=True)
class Back:
    """One refund of ours."""

    refund_id: int
    payment_id: int
    attempt_id: int | None
    reference: str
    gateway_refund_id: str
    state: str
    money: Money
    requested_at: datetime | None
    ended_at: datetime | None
    fee_minor: int | None


@dataclass(frozen=True, slots=True)
class Ours:
    tries: Sequence[Try]
    refunds: Sequence[Back]


@dataclass(frozen=True, slots=True)
class Found:
    """A line on which the two sides do not agree."""

    kind: str
    transaction_id: str
    reference: str
    attempt_id: int | None = None
    refund_id: int | None = None
    ours: Money | None = None
    our_word: str = ""
    theirs: Money | None = None
    their_word: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fee:
    """What the gateway kept of one payment or refund. `prefix` begins the reason under which it is booked."""

    prefix: str
    payment_id: int
    money: Money
    is_of_payment: bool  # not of a refund, nor of what was taken too many: payment.fee_minor tells it too


@dataclass(slots=True)
class Comparison:
    """What came of it. `judged` and `listed` say which breaks of an earlier run are gone if they are not found now."""

    breaks: list[Found] = field(default_factory=list)
    lines: int = 0
    matched: int = 0
    judged: set[str] = field(default_factory=set)  # ids and references on which this run has an opinion
    fees_agreed: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)  # that are anywhere in the lists
    open_tries: dict[int, str] = field(default_factory=dict)  # attempt → transaction: ask about them again
    ended_tries: dict[int, str] = field(default_factory=dict)  # the same; collected after we had given them up
    open_refunds: set[int] = field(default_factory=set)
    # Begun at the gateway, each with the try of ours that it gives back.
    strange_refunds: list[tuple[Line, Try]] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
