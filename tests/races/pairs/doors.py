"""Who may knock at a payment: when, how, and what they bring."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from choptym.lib.errors import NotAllowed
from payments.refunds.send import send_refunds
from payments.review import accept_payment, credit_payment, fail_payment, return_payment
from payments.settle import pay_from_wallet
from tests.races.pairs import knocks
from tests.races.pairs.case import OTHER, PLAIN, SIGNED, Case
from tests.races.pairs.knocks import Knock


@dataclass(frozen=True, slots=True)
class Door:
    """
    starts    the states of a payment in which it may knock
    prepare   what has happened before it knocks; returns the knock itself
    rarely    states in which it may knock too: raced in the long form, and where it would not meet others else
    group     one of GROUPS, or none
    ends      how the payment may end by it, unless money decides
    money     the payer has paid when it knocks: "all", or "odd" for another amount
    rank      gateways change their minds in this order: what is told later is prepared later
    gateway   knocks only at payments of this one
    fault     how the call went whose answer it brings; `never` if nothing can come of that call
    refusals  what its caller shows to a person as an answer
    alone     no second one can exist beside it
    charges   asks the gateway to collect
    """

    name: str
    starts: frozenset[str]
    prepare: Callable[[Case], Knock]
    rarely: frozenset[str] = frozenset()
    group: str = ""
    ends: frozenset[str] = frozenset()
    money: str = ""
    rank: int = 1
    gateway: str = ""
    fault: str | None = None
    never: bool = False
    refusals: tuple[type[Exception], ...] = ()
    alone: bool = False
    charges: bool = False

    @property
    def everywhere(self) -> frozenset[str]:
        return self.starts | self.rarely


OPEN = frozenset({"asked", "unknown", "pending"})
GIVEN_UP = frozenset({"expired", "cancelled"})
ENDED = GIVEN_UP | {"failed"}
WAITS = frozenset({"queued", "again", "queued_wallet", "asked", "asked_again", "unknown", "lost", "pending"})
TOLD = OPEN | ENDED | {"again", "asked_again", "lost", "settled", "set_aside", "refund_queued", "old"}
HAS_MONEY = frozenset({"settled", "refund_queued", "review", "surplus_set_aside"})

# Who must meet whom, themselves too (test_every_pair.py).
GROUPS = (
    *("webhook", "poll", "late answer", "cancel", "staff", "expiry", "reconciliation", "worker", "refund", "surplus"),
)
# These two cannot.
NEVER = {
    ("staff", "worker"): "a payment under review has a try that is paid: nothing is left to ask a gateway for",
    ("surplus", "worker"): "the same, where another try has paid",
    ("expiry", "surplus"): "time ends what waits, and that is paid",
}


def _door(name: str, starts: frozenset[str] | set[str], prepare: Callable[[Case], Knock], **also: Any) -> Door:
    also = {key: frozenset(value) if key in {"ends", "rarely"} else value for key, value in also.items()}
    return Door(name, frozenset(starts), prepare, **also)


_WEBHOOK, _ANSWER = {"group": "webhook"}, {"group": "late answer", "rarely": {"topup"}}
_STAFF = {"group": "staff", "rarely": {"review_and_surplus"}, "refusals": (NotAllowed,)}
_REFUND = {"group": "refund", "rarely": {"review", "surplus_set_aside"}, "refusals": (NotAllowed,)}
_PAID = {"money": "all", "rank": 3}
_RESULT = {"group": "worker", "alone": True, "rank": 0}

DOORS = (
    _door("signed_webhook_paid", TOLD - {"unknown", "again", "asked_again", "lost", "failed", "old"},
          partial(knocks.webhook, "pay"), rarely={"review", "surplus_set_aside", "topup"}, gateway=SIGNED, **_WEBHOOK,
          **_PAID),
    _door("hint_paid", TOLD, partial(knocks.webhook, "pay"),
          rarely={"review", "surplus_set_aside", "review_and_surplus", "topup"}, gateway=PLAIN, **_WEBHOOK, **_PAID),
    _door("webhook_not_paid", OPEN | GIVEN_UP, partial(knocks.webhook, "decline"), rarely={"topup"}, gateway=PLAIN,
          rank=2, ends={"failed"}, **_WEBHOOK),
    _door("poll", OPEN | ENDED | {"lost"}, knocks.poll, rarely=HAS_MONEY | {"topup"}, group="poll", rank=4),
    _door("answer_paid", OPEN | ENDED, partial(knocks.answer, "pay", False), **_ANSWER, **_PAID),
    _door("answer_odd", OPEN | ENDED, partial(knocks.answer, "pay", True), money="odd", rank=3, **_ANSWER),
    _door("answer_not_paid", OPEN | GIVEN_UP, partial(knocks.answer, "decline", False), gateway=PLAIN, rank=2,
          ends={"failed"}, **_ANSWER),
    _door("answer_waiting", OPEN | GIVEN_UP, partial(knocks.answer, "", False), **_ANSWER),
    _door("answer_absent", {"lost"}, partial(knocks.answer, "", False), group="late answer", rank=0),
    _door("stale_not_paid", {"again", "asked_again"}, knocks.stale_no, group="late answer", rank=2),
    _door("stale_paid", set(), knocks.stale_answer, rarely=HAS_MONEY, group="late answer", **_PAID),
    _door("reconciliation", OPEN | ENDED | {"again", "old"} - {"asked"}, knocks.reconcile, rarely={"topup"},
          group="reconciliation", money="all", rank=4),
    _door("reconciliation_of_the_day", set(), knocks.reconcile_day, rarely=HAS_MONEY, group="reconciliation",
          money="all", rank=4),
    _door("cancel", WAITS | {"failed", "expired", "cancelled", "settled", "review", "set_aside"}, knocks.cancel,
          rarely={"surplus_set_aside", "topup"}, group="cancel", ends={"cancelled"}),
    _door("checkout_again", {"cart", "queued", "pending", "cancelled", "settled"}, knocks.check_out_again,
          gateway=PLAIN),
    _door("staff_accept", {"review"}, partial(knocks.decide, accept_payment), ends={"order"}, **_STAFF),
    _door("staff_credit", {"review"}, partial(knocks.decide, credit_payment), ends={"wallet"}, **_STAFF),
    _door("staff_return", {"review"}, partial(knocks.decide, return_payment), ends={"wallet"}, **_STAFF),
    _door("staff_nothing_there", {"review"}, partial(knocks.decide, fail_payment), ends={"failed"}, **_STAFF),
    _door("replay", {"set_aside", "surplus_set_aside"}, knocks.replay, refusals=(NotAllowed,)),
    _door("credit_surplus", {"surplus_set_aside"}, knocks.credit_second_money, rarely={"review_and_surplus"},
          group="surplus", refusals=(NotAllowed,)),
    _door("refund", {"settled", "refund_queued"}, partial(knocks.refund, False), **_REFUND),
    _door("refund_to_wallet", {"settled", "refund_queued"}, partial(knocks.refund, True), **_REFUND),
    _door("refund_worker", {"refund_queued"}, lambda case: partial(send_refunds, case.gateway), group="worker"),
    _door("call_off_refund", {"refund_queued"}, knocks.call_off, group="refund", refusals=(NotAllowed,)),
    _door("expiry", WAITS | {"set_aside"}, knocks.expire, rarely={"review", "topup"}, group="expiry",
          ends={"expired"}),
    _door("charge", {"queued", "again"}, knocks.charge_now, group="worker", charges=True),
    _door("failover", {"queued", "again"}, knocks.move_on, group="worker", gateway=PLAIN, charges=True),
    _door("woken_worker", {"again", "asked_again"}, knocks.wake, group="worker", alone=True),
    _door("result_accepted", {"asked", "asked_again"}, knocks.take_answer, fault="", **_RESULT),
    _door("result_lost", {"asked", "asked_again"}, knocks.take_answer, fault="answer lost", gateway=PLAIN, **_RESULT),
    _door("result_refused", {"asked"}, knocks.take_answer, fault="refusal", never=True, gateway=OTHER, ends={"failed"},
          **_RESULT),
    _door("result_busy", {"asked", "asked_again"}, knocks.take_answer, fault="busy", never=True, **_RESULT),
    _door("wallet_payment", {"queued_wallet"}, lambda case: partial(pay_from_wallet, case.payment_id), group="worker",
          ends={"order"}),
    _door("hand", {"queued", "again", "queued_wallet"}, knocks.take_in_hand),
    _door("archiving", {"old"}, knocks.archive),
)  # fmt: skip
