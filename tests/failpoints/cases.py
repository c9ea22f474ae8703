"""Which story passes which point. A case is one boundary: it is armed before and after (and between), and told once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.failpoints import doubts, files, lists, messages, staff, stories
from tests.failpoints.bench import Bench
from tests.failpoints.points import every_point

Tale = Callable[[Bench, float], None]
MOMENTS = {"before", "between", "after"}


@dataclass(frozen=True, slots=True)
class Case:
    """`lane`: the process that dies, by and large. Cases of one lane run one after the other."""

    boundary: str
    lane: str
    tale: Tale
    name: str

    @property
    def points(self) -> list[str]:
        return [point for point in every_point() if boundary_of(point) == self.boundary]


def boundary_of(point: str) -> str:
    name, _, moment = point.rpartition(".")
    return name if moment in MOMENTS else point


_P, _N = "payments.tasks.", "notifications.tasks."
_WEB: Mapping[str, Tale] = {
    "request": stories.pays,
    "cancel": stories.cancelled,
    "webhook": stories.pays_signed,
    f"ring.{_P}charge_due": stories.pays,
    f"ring.{_P}process_events": stories.pays_signed,
    f"ring.{_P}send_refunds": staff.gives_back,
}
_CHARGE: Mapping[str, Tale] = {
    "take.p1.high": stories.pays_much,
    "ack.p1.high": stories.pays_much,
    "take.p2.medium": stories.pays,
    "ack.p2.medium": stories.pays,
    "take.p3.normal": stories.pays_little,
    "ack.p3.normal": stories.pays_little,
    f"task.{_P}charge_due": stories.pays,
    f"answer.{_P}charge_due": stories.pays,
    f"hold.{_P}charge_due": stories.pays,
    "charge.take_in_hand": stories.pays,
    "charge.claim": stories.pays,
    "charge.accepted": stories.pays,
    "charge.overtaken": stories.answer_comes_last,
    "charge.unknown": stories.answer_is_lost,
    "charge.postponed": stories.gateway_is_busy,
    "charge.not_sent": stories.gateway_refuses_us,
    "charge.failed": stories.refused_at_once,
    "charge.postpone": stories.wallet_is_held_back,
    "charge.move": stories.goes_to_another_gateway,
    "call.collect": stories.pays,
    "call.create_link": stories.pays_on_a_page,
    "wallet.pay": stories.pays_from_wallet,
    "wallet.refuse": stories.wallet_runs_dry,
}
_CONFIRM: Mapping[str, Tale] = {
    "take.webhooks": stories.pays,
    "ack.webhooks": stories.pays,
    f"task.{_P}process_events": stories.pays,
    f"task.{_P}confirm_payments": stories.pays,
    f"task.{_P}look_up_strangers": stories.with_strangers,
    f"answer.{_P}process_events": stories.pays,
    f"hold.{_P}process_events": stories.pays,
    f"answer.{_P}confirm_payments": stories.pays,
    f"hold.{_P}confirm_payments": stories.pays,
    f"answer.{_P}look_up_strangers": stories.with_strangers,
    f"ring.{_P}confirm_payments": stories.pays,
    f"ring.{_N}deliver_notifications": stories.pays,
    "events.claim": stories.pays_signed,
    "events.matched": stories.pays_signed,
    "events.due": stories.pays,
    "events.give_back": stories.row_is_held,
    "events.park": stories.with_strangers,
    "events.park_strangers": stories.with_strangers,
    "history.call_back": stories.with_strangers,
    "strangers.claim": stories.with_strangers,
    "refund.hint": stories.with_strangers,
    "match": stories.pays,
    "confirm.claim": stories.pays,
    "confirm.not_paid": stories.declined,
    "confirm.absent": stories.call_is_lost,
    "confirm.later": stories.pays_late,
    "confirm.nothing_open": stories.nothing_is_open,
    "confirm.release": stories.stock_is_held,
    "call.fetch_status": stories.pays,
    "call.find": stories.answer_is_lost,
    "call.expire_link": stories.page_expires,
    "settle": stories.pays_signed,
}
_NOTIFY: Mapping[str, Tale] = {
    "take.notifications": stories.pays,
    "ack.notifications": stories.pays,
    f"task.{_N}deliver_notifications": stories.pays,
    f"answer.{_N}deliver_notifications": stories.pays,
    f"hold.{_N}deliver_notifications": stories.pays,
    "notify.claim": stories.pays,
    "notify.sent": stories.pays,
    "notify.failed": messages.cannot_be_told,
    "send.sms": stories.pays,
    "send.email": messages.told_by("email"),
    "send.push": messages.told_by("push"),
}
_CLOCK: Mapping[str, Tale] = {
    "take.maintenance": stories.pays_unheard,
    "ack.maintenance": stories.pays_unheard,
    f"publish.{_P}charge_due": stories.pays_unheard,
    "expire": stories.expires,
    f"publish.{_P}process_events": stories.pays_unheard,
    f"publish.{_P}confirm_payments": stories.pays_late,
    f"publish.{_N}deliver_notifications": stories.pays_unheard,
    f"ring.{_P}look_up_strangers": stories.with_strangers,
    **{f"task.{_P}{name}": stories.pays_unheard for name in ("sweep_charges", "sweep_events", "sweep_confirmations")},
    f"task.{_P}expire_payments": stories.expires,
    f"task.{_N}sweep_notifications": stories.pays_unheard,
}
_STAFF: Mapping[str, Mapping[str, Tale]] = {
    "refunds": {
        "call.refund": staff.gives_back,
        "call.fetch_refund": staff.gives_back_and_hears_nothing,
        f"task.{_P}send_refunds": staff.gives_back,
        f"answer.{_P}send_refunds": staff.gives_back,
        f"hold.{_P}send_refunds": staff.gives_back,
        f"task.{_P}sweep_refunds": staff.gives_back_unheard,
        "refund.claim": staff.gives_back,
        "refund.record": staff.gives_back,
        "refund.take_up": staff.gives_back,
        "refund.outside": staff.gateway_gives_back,
        "refund.outside_set_aside": staff.spent_money_goes_back,
        "settle.set_aside": doubts.cannot_be_settled,
        "told.learn": doubts.cannot_be_settled,
        "told.ask_after_failure": doubts.gives_back_what_is_not_ours,
    },
    "staff": {
        "refund.ask": staff.gives_back_by_hand,
        "refund.resolve": staff.calls_a_refund_off,
        "replay": staff.spent_money_goes_back,
        "replay.close": staff.spent_money_goes_back,
        "replay.set_aside": doubts.cannot_be_taken_up,
        "review.decide": doubts.takes_more,
        "review.fail": doubts.was_never_collected,
        "credit": doubts.gives_a_gift,
        "notify.send_again": messages.is_sent_again,
        "credit_surplus": doubts.takes_it_twice,
        "bulk.upload": files.a_file_is_discarded,
        "bulk.discard": files.a_file_is_discarded,
        "bulk.start": files.credits_many,
        f"ring.{_P}work_on_bulk": files.credits_many,
        "reconcile.correct": lists.fee_is_corrected,
        "reconcile.close": lists.break_is_closed,
        "reconcile.ask": lists.lists_are_not_to_be_had,
    },
    "bulk": {
        "bulk.claim": files.credits_many,
        "bulk.line": files.credits_many,
        "bulk.refuse": files.a_line_is_refused,
        "bulk.give_back": files.credits_many,
        "bulk.finish": files.credits_many,
        f"task.{_P}work_on_bulk": files.credits_many,
        f"answer.{_P}work_on_bulk": files.credits_many,
        f"task.{_P}sweep_bulk": files.credits_many,
    },
    "reports": {
        "take.reports": lists.day_is_compared("fapshi"),
        "ack.reports": lists.day_is_compared("fapshi"),
        f"task.{_P}reconcile_day": lists.day_is_compared("fapshi"),
        f"task.{_P}sweep_reconciliations": lists.day_is_compared("fapshi"),
        f"publish.{_P}reconcile_day": lists.day_is_compared("fapshi"),
        "call.history": lists.day_is_compared("fapshi"),
        "call.settlements": lists.fee_is_in_the_bill,
        "reconcile.due_day": lists.day_is_compared("fapshi"),
        "reconcile.claim": lists.day_is_compared("fapshi"),
        "reconcile.extend": lists.day_is_compared("fapshi"),
        "reconcile.record": lists.day_is_compared("fapshi"),
        "reconcile.fees": lists.fee_is_in_the_bill,
        "reconcile.ask_again": lists.day_is_compared("fapshi"),
        "reconcile.refunds_due": lists.day_is_compared("fapshi"),
        "reconcile.finish": lists.day_is_compared("fapshi"),
        "reconcile.put_off": lists.lists_are_not_to_be_had,
        "reconcile.give_up": lists.is_begun_too_often,
    },
}
_LANES: Mapping[str, Mapping[str, Tale]] = {
    "web": _WEB,
    "charge": _CHARGE,
    "confirm": _CONFIRM,
    "notify": _NOTIFY,
    "clock": _CLOCK,
    **_STAFF,
}


def _cases() -> list[Case]:
    named = [Case(boundary, lane, tale, boundary) for lane, tales in _LANES.items() for boundary, tale in tales.items()]
    # What a lost call means differs from gateway to gateway.
    others = [
        Case("call.collect", "charge", stories.pays_by(name), f"call.collect at {name}")
        for name in ("campay", "razorpay", "cashfree")
    ]
    return [*named, *others]


CASES = _cases()
# What is tried whenever the tests run: where money hangs on it most. By case, the points of it.
SHORT: Mapping[str, tuple[str, ...]] = {
    "request": ("request.after",),
    "webhook": ("webhook.after",),
    "charge.claim": ("charge.claim.after",),
    "call.collect": ("call.collect.after",),
    "wallet.pay": ("wallet.pay.before",),
    "events.claim": ("events.claim.after",),
    "settle": ("settle.before", "settle.after"),
    "send.sms": ("send.sms.after",),
}
