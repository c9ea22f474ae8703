"""The first page of the admin, and what every page of it needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from payments.admin.sparks import read_sparks
from payments.overview import HOURS, Overview
from payments.overview import overview as figures
from payments.states import WAITING_STATES, PaymentState
from payments.stats import WINDOW_SECONDS, flow


@dataclass(frozen=True, slots=True)
class Card:
    """A figure that leads to the rows behind it."""

    title: str
    value: str
    note: str
    link: str
    tone: str


def style_sheet(request: HttpRequest) -> str:
    return static("payments/admin.css")


def favicon(request: HttpRequest) -> str:
    return static("payments/favicon.svg")


def add_overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Figures for those who may see payments; the others find the menu only."""
    if not request.user.has_perm("payments.view_payment"):
        return context
    now = figures.get()
    return context | {
        "hours": HOURS,
        "urgent": list(_urgent(now)),
        "waiting": [_card(state, now.waiting.get(state, 0), "", "busy") for state in WAITING_STATES],
        "ended": list(_ended(now)),
        "pace": list(_pace()),
        "sparks": read_sparks(),
        "dashboard": reverse("dashboard"),
        "search": reverse("admin:payments_payment_changelist"),
    }


def _urgent(now: Overview) -> Iterable[Card]:
    alerts = reverse("admin:payments_alert_changelist")
    tone = "bad" if now.open_alerts else "quiet"
    yield Card("Open alerts", f"{now.open_alerts:,}", "what is beyond its threshold", f"{alerts}?is=open", tone)
    letters = reverse("admin:payments_deadletter_changelist")
    tone = "bad" if now.dead_letters else "quiet"
    yield Card("Dead letters", f"{now.dead_letters:,}", "could not be settled: replay them", f"{letters}?is=open", tone)
    breaks = reverse("admin:payments_reconciliationbreak_changelist")
    tone = "bad" if now.open_breaks else "quiet"
    note = "a gateway's list says otherwise"
    yield Card("Reconciliation breaks", f"{now.open_breaks:,}", note, f"{breaks}?state__exact=OPEN", tone)
    refunds = reverse("admin:payments_refund_changelist")
    tone = "bad" if now.refunds_in_need else "quiet"
    yield Card("Refunds", f"{now.refunds_in_need:,}", "stuck, failed or contradicted", f"{refunds}?needs=person", tone)
    tone = "warning" if now.in_review else "quiet"
    yield _card(PaymentState.REVIEW, now.in_review, "the gateway contradicts us: a person looks", tone)
    tone = "bad" if now.without_outcome else "quiet"
    minutes = settings.PAYMENT_OUTCOME_WITHIN_SECONDS // 60
    note = f"captured more than {minutes} min ago: no order, wallet credit or refund yet"
    yield Card("Money without outcome", f"{now.without_outcome:,}", note, reverse("admin:payments_stuck"), tone)


def _ended(now: Overview) -> Iterable[Card]:
    state = PaymentState
    for name, tone in ((state.SETTLED, "good"), (state.FAILED, "bad"), (state.EXPIRED, "quiet")):
        yield _card(name, now.ended.get(name, 0), "", tone)
    yield _card(state.CANCELLED, now.ended.get(state.CANCELLED, 0), "", "quiet")


def _pace() -> Iterable[tuple[str, str]]:
    now = flow.get()
    minutes = WINDOW_SECONDS // 60
    yield f"settled a minute, last {minutes} min", f"{now.settled / minutes:,.1f}"
    ended = now.settled + now.failed
    yield "went through", f"{now.settled / ended:.1%}" if ended else "–"
    yield "from checkout to settled", f"{now.average_total_seconds:,.1f} s" if now.settled else "–"
    yield "wait for a turn at the gateway", f"{now.average_wait_seconds:,.2f} s" if now.started else "–"


def _card(state: PaymentState, count: int, note: str, tone: str) -> Card:
    link = f"{reverse('admin:payments_payment_changelist')}?state__exact={state.value}"
    return Card(state.label, f"{count:,}", note, link, tone)


admin.site.index_title = "Today"
admin.site.index_template = "admin/payments/index.html"
