"""What happens at the gateways: the deeds of payer and bank, the events that they make, and what must come of them.

An event's name is its word, with a number when the gateway says it again of something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Lie:
    """What is changed in a true webhook of Fapshi, whose secret covers nothing; whether it still names our try."""

    changes: Mapping[str, object]
    word: str
    is_ours: bool


LIES = {
    "our reference, another transaction": Lie({"transId": "NOBODYS"}, "SUCCESSFUL", is_ours=False),
    "our transaction, CREATED": Lie({"status": "CREATED"}, "CREATED", is_ours=True),
    "our transaction, a payout": Lie({"status": "PENDING", "transType": "Payout"}, "PENDING", is_ours=True),
}


@dataclass(frozen=True)
class Story:
    """`deeds` are done to each payment of a crowd; `events` is what the gateway tells of it meanwhile.

    lies       hints that somebody with the secret of an unsigned webhook might send: they say what is not so (LIES)
    refunds    the events without which nobody here hears of a refund that was begun at the gateway
    ends       what must be true in the end, when one of `refunds` has come; `ends_unheard` when none has
    """

    name: str
    gateway: str
    deeds: tuple[str, ...]
    events: tuple[str, ...]
    ends: Mapping[str, Any]
    by_link: bool = False
    lies: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    ends_unheard: Mapping[str, Any] = field(default_factory=dict)
    knobs: Mapping[str, object] = field(default_factory=dict)
    answers: int = 0  # how many of the deeds are "ask"

    def __str__(self) -> str:
        return self.name

    @property
    def items(self) -> tuple[str, ...]:
        return self.events + self.lies

    def ends_after(self, told: set[str]) -> Mapping[str, Any]:
        return self.ends if not self.refunds or told & set(self.refunds) else self.ends_unheard


def _paid(*entries: str, **changes: object) -> dict[str, object]:
    return {
        "payment": "SETTLED",
        "order": "PAID",
        "tries": ["PAID"],
        "told": ["payment_settled"],
        "entries": sorted(["payment:capture", "payment:sale", *entries]),
        "refunds": [],
        "balance": 0,
        "set_aside": 0,
        **changes,
    }


_GIVEN = {"told": ["payment_refunded", "payment_settled"], "refunds": ["REFUNDED"]}
_FEE = "payment:fee"

RAZORPAY = Story(
    "razorpay: declined, paid after all, a part given back",
    "razorpay",
    deeds=("ask", "decline", "ask", "pay", "ask", "refund", "bank"),
    answers=3,
    events=(
        "payment.failed",
        "payment.authorized",
        "payment.captured",
        "order.paid",
        "refund.created",
        "refund.processed",
    ),
    refunds=("refund.created", "refund.processed"),
    ends=_paid(_FEE, "refund:given", "refund:out", **_GIVEN),
    ends_unheard=_paid(_FEE),
    knobs={"authorized_event_rate": 1},
)
RAZORPAY_LINK = Story(
    "razorpay: a link, declined twice, then paid",
    "razorpay",
    by_link=True,
    deeds=("decline", "decline", "pay"),
    events=(
        "payment.failed",
        "payment.failed#2",
        "payment.authorized",
        "payment.captured",
        "order.paid",
        "payment_link.paid",
    ),
    ends=_paid(_FEE),
    knobs={"authorized_event_rate": 1},
)
CASHFREE = Story(
    "cashfree: a link, declined, dropped, declined, paid, a part given back",
    "cashfree",
    by_link=True,
    deeds=("ask", "decline", "drop", "decline", "ask", "pay", "ask", "refund", "bank"),
    answers=3,
    events=(
        "PAYMENT_FAILED_WEBHOOK",
        "PAYMENT_USER_DROPPED_WEBHOOK",
        "PAYMENT_FAILED_WEBHOOK#2",
        "PAYMENT_SUCCESS_WEBHOOK",
        "PAYMENT_LINK_EVENT",
        "REFUND_STATUS_WEBHOOK",
    ),
    refunds=("REFUND_STATUS_WEBHOOK",),
    ends=_paid("refund:given", "refund:out", **_GIVEN),
    ends_unheard=_paid(),
)
# Which of the two we book hangs on which is told first; what there is in the end does not.
CASHFREE_TWICE = Story(
    "cashfree: paid twice, the second payment given back by itself",
    "cashfree",
    deeds=("decline", "pay", "pay again"),
    events=(
        "PAYMENT_FAILED_WEBHOOK",
        "PAYMENT_SUCCESS_WEBHOOK",
        "PAYMENT_SUCCESS_WEBHOOK#2",
        "AUTO_REFUND_STATUS_WEBHOOK",
    ),
    ends=_paid(),
    knobs={"surplus_rate": 1, "late_success_ms": 1},
)
FAPSHI = Story(
    "fapshi: a link, declined, closed, paid after all; lies in between",
    "fapshi",
    by_link=True,
    deeds=("ask", "decline", "ask", "close", "pay", "ask"),
    answers=3,
    events=("FAILED", "EXPIRED", "SUCCESSFUL"),
    lies=tuple(LIES),
    ends=_paid(_FEE),
)
CAMPAY = Story(
    "campay: a link, declined twice, paid, told again and again",
    "campay",
    by_link=True,
    deeds=("ask", "decline", "tick", "decline", "ask", "tick", "pay", "ask", "tick", "again", "tick", "again",
           "tick", "again"),
    answers=3,
    events=("FAILED", "FAILED#2", "SUCCESSFUL", "SUCCESSFUL#2", "SUCCESSFUL#3", "SUCCESSFUL#4"),
    ends=_paid(_FEE),
)  # fmt: skip

# Nobody looked while it was failed: what we hear late, and what we do ourselves meanwhile, is all there is.
FAPSHI_LATE = Story(
    "fapshi: failed, and paid after all",
    "fapshi",
    deeds=("decline", "ask", "pay", "ask"),
    answers=2,
    events=("FAILED", "SUCCESSFUL"),
    ends=_paid(_FEE),
)
CAMPAY_LATE = Story(
    "campay: failed, and paid after all",
    "campay",
    deeds=("decline", "ask", "pay", "ask"),
    answers=2,
    events=("FAILED", "SUCCESSFUL"),
    ends=_paid(_FEE),
)
RAZORPAY_LATE = Story(
    "razorpay: declined, and paid after all",
    "razorpay",
    deeds=("decline", "ask", "pay", "ask"),
    answers=2,
    events=("payment.failed", "payment.captured", "order.paid"),
    ends=_paid(_FEE),
)
CASHFREE_LATE = Story(
    "cashfree: declined, and paid after all",
    "cashfree",
    deeds=("decline", "ask", "pay", "ask"),
    answers=2,
    events=("PAYMENT_FAILED_WEBHOOK", "PAYMENT_SUCCESS_WEBHOOK"),
    ends=_paid(),
)

LATE_STORIES = (FAPSHI_LATE, CAMPAY_LATE, RAZORPAY_LATE, CASHFREE_LATE)
STORIES = (RAZORPAY, RAZORPAY_LINK, CASHFREE, FAPSHI, CAMPAY)
