"""The dashboard: how the figures went, as pictures, for those who have no other tool for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from choptym.lib import clock
from choptym.lib.admin import when
from payments.admin.dashboard_pictures import draw
from payments.models import WALLET
from payments.states import PaymentState
from payments.trends import RANGES, History, history_of

PERMISSION = "payments.view_payment"
FIRST_RANGE = "1h"
FINEST_RANGE = "15m"
# A sample is taken every ten seconds; after this long somebody should look at beat and the maintenance worker.
SILENT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the last sample."""

    value: str
    name: str
    tone: str = ""


@require_safe
def show_dashboard(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    context = {**admin.site.each_context(request), **_context(request), "title": "Dashboard"}
    return TemplateResponse(request, "admin/payments/dashboard/page.html", context)


@require_safe
def show_pictures(request: HttpRequest) -> HttpResponse:
    """What of the page is drawn again while it is open."""
    return TemplateResponse(request, "admin/payments/dashboard/pictures.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    name = request.GET.get("range", FIRST_RANGE)
    history = history_of(name if name in RANGES else FIRST_RANGE)
    # What is now is read from single samples, however coarse the points of the pictures are.
    finest = history_of(FINEST_RANGE)
    newest = history if finest.is_empty else finest
    kept = settings.SAMPLES_KEPT_FOR_HOURS * 3600
    return {
        "history": history,
        "ranges": [one for one in RANGES.values() if one.seconds <= kept or one.name == FIRST_RANGE],
        "pictures_address": f"{reverse('dashboard_pictures')}?range={history.range.name}",
        "times": [when(at) for at in history.starts],
        **({} if history.is_empty else {"sections": draw(history), "now": list(_now(newest)), **_age(newest)}),
    }


def _age(history: History) -> dict[str, Any]:
    """When the last sample was taken, and whether that is too long ago."""
    last = history.starts[max(history.figures["seconds"])]
    ends_at = last + timedelta(seconds=history.range.step_seconds)
    return {"last_at": when(last), "is_silent": clock.now() - ends_at > SILENT}


def _now(history: History) -> Iterator[Figure]:
    """The last sample in words."""
    waiting = _last(history, "queued:")
    yield Figure(f"{waiting:,.0f}", "waiting for a turn")
    yield Figure(f"{_last(history, 'asked:'):,.0f}", "at a gateway")
    settled = [f"ended:{name}:{PaymentState.SETTLED}" for name in (*settings.GATEWAYS, WALLET)]
    rates = [rate for rate in history.per_minute(*settled) if rate is not None]
    yield Figure(f"{rates[-1] if rates else 0:,.0f}", "settled a minute")
    for prefix, words, tone in (
        ("circuit:", "circuits open or on trial", "bad"),
        ("mode:", "stopped or draining", "bad"),
    ):
        count = sum(1 for name in history.names(prefix) if _last(history, name))
        yield Figure(str(count), words, tone if count else "good")


def _last(history: History, prefix: str) -> float:
    """The sum of these figures at the last point that has a sample."""
    last = max(history.figures["seconds"])
    points = (history.figures[name].get(last) for name in history.names(prefix))
    return sum(point.highest for point in points if point)
