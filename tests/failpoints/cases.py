"""Which story passes which point. A case is one boundary: it is armed before and after (and between), and told once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.failpoints import staff, stories
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
    f"publish.{_P}charge_payment": stories.pays,
    f"publish.{_P}pay_from_wallet": stories.pays_from_wallet,
    f"ring.{_P}process_events": stories.pays_signed,
    f"ring.{_P}send_refunds": staff.gives_back,
}
_CHARGE: Mapping[str, Tale] = {
    "take.p1.high": stories.pays_much,
    "ack.p1.high": stories.pays_much,
    "take.p2.medium": stories.pays_a_little_more,
    "ack.p2.medium": stories.pays_a_little_more,
    "take.p3.normal": stories.pays,
    "ack.p3.normal": stories.pays,
    f"task.{_P}charge_payment": stories.pays,
    f"task.{_P}pay_from_wallet": stories.pays_from_wallet,
    "charge.claim": stories.pays,
    "charge.accepted": stories.pays,
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
    f"answer.{_P}confirm_payments": stories.pays,
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
    "notify.claim": stories.pays,
    "notify.sent": stories.pays,
    "notify.failed": stories.cannot_be_told,
    "send.sms": stories.pays,
    "send.email": stories.told_by("email"),
    "send.push": stories.told_by("push"),
}
_CLOCK: Mapping[str, Tale] = {
    "take.maintenance": stories.pays_unheard,
    "ack.maintenance": stories.pays_unheard,
    "sweep.claim": stories.pays_unheard,
    "expire": stories.expires,
    f"publish.{_P}process_events": stories.pays_unheard,
    f"publish.{_P}confirm_payments": stories.pays_late,
    f"publish.{_N}deliver_notifications": stories.pays_unheard,
    f"ring.{_P}look_up_strangers": stories.with_strangers,
    **{f"task.{_P}{name}": stories.pays_unheard for name in ("sweep_charges", "sweep_events", "sweep_confirmations")},
    f"task.{_P}expire_payments": stories.expires,
    f"task.{_N}sweep_notifications": stories.pays_unheard,
}
_LANES: Mapping[str, Mapping[str, Tale]] = {
    "web": _WEB,
    "charge": _CHARGE,
    "confirm": _CONFIRM,
    "notify": _NOTIFY,
    "clock": _CLOCK,
    **staff.LANES,
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
