"""Reconciliations: each day of each gateway, its report, and the buttons that have it done again."""

from datetime import UTC, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib import clock
from choptym.lib.admin import DATE_INPUT, SELECT, ReadOnlyAdmin, badge, page_action, row_id_of, when
from choptym.lib.errors import Rejected
from choptym.lib.jobs import publish
from choptym.lib.tones import tone_of
from choptym.lib.who import staff_id_of
from payments.admin.filters import GatewayFilter
from payments.admin.reconciliation_chart import read_chart
from payments.gateways import gateway_names
from payments.models import Reconciliation, ReconciliationBreak
from payments.reconciliation.ask import ask_for_day
from payments.reconciliation.export import export_breaks
from payments.states import BreakState, ReconciliationState
from payments.tasks import reconcile_day

# A page shows so many breaks; the file has them all.
BREAKS_SHOWN = 200
LOOK_AGAIN_SECONDS = 3
_ALL = "all"


class DayForm(ReasonForm):
    """Which day of which gateway, or of all, and why."""

    gateway = forms.ChoiceField(widget=SELECT)
    day = forms.DateField(
        label="Day (UTC)",
        widget=DATE_INPUT,
        input_formats=["%Y-%m-%d"],
        help_text="From midnight to midnight in universal time.",
    )
    field_order = ["gateway", "day", "reason"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        gateway = self.fields["gateway"]
        assert isinstance(gateway, forms.ChoiceField)  # noqa: S101
        gateway.choices = [(_ALL, "all gateways"), *((name, name) for name in gateway_names())]


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin[Reconciliation]):
    list_display = (
        "utc_day",
        "gateway",
        "status",
        "progress",
        "agree",
        "breaks_open",
        "fees_booked",
        "runs",
        "finished",
    )
    list_filter = ("state", GatewayFilter)
    date_hierarchy = None
    list_before_template = "admin/payments/reconciliation/chart.html"
    change_form_template = "admin/payments/reconciliation/report.html"
    actions_list = ("reconcile_a_day",)
    actions_detail = ("run_again", "download")

    def get_urls(self) -> list[Any]:
        ask, file = self.admin_site.admin_view(self.ask_view), self.admin_site.admin_view(self.csv_view)
        return [
            path("ask/", ask, name="payments_reconciliation_ask"),
            path("<int:pk>/breaks.csv", file, name="payments_reconciliation_csv"),
            *super().get_urls(),
        ]

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-day", "gateway")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.annotate(open_breaks=Count("breaks", filter=Q(breaks__state=BreakState.OPEN)))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "charts": read_chart()})

    def shown_with(self, request: HttpRequest, row_id: int) -> dict[str, Any]:
        return _report(request, row_id)

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.run_reconciliation")

    def has_download_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    @page_action(name="Reconcile a day", permission="run", icon="play_arrow")
    def reconcile_a_day(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:payments_reconciliation_ask"))

    @page_action(name="Run again", permission="run", icon="replay")
    def run_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = _row_or_404(object_id)
        address = reverse("admin:payments_reconciliation_ask")
        return HttpResponseRedirect(f"{address}?gateway={row.gateway}&day={row.day.isoformat()}")

    @page_action(name="Download CSV", permission="download", icon="download")
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:payments_reconciliation_csv", args=(_row_or_404(object_id).pk,)))

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Ask which day and why, then have it done."""
        if not self.has_run_permission(request):
            raise PermissionDenied
        form = DayForm(request.POST or None, initial=_asked_for(request))
        if request.method == "POST" and form.is_valid():
            answer = _ask(request, form)
            if answer is not None:
                return answer
        return ask_before(
            request,
            self,
            form,
            title="Reconcile a day",
            explanation="The gateway's own lists of that day are held against ours. What it collected and we have not "
            "booked is confirmed and booked; the rest is reported.",
            things=(),
            button="Reconcile",
        )

    def csv_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        if not self.has_download_permission(request):
            raise PermissionDenied
        row = get_object_or_404(Reconciliation, pk=pk)
        response = StreamingHttpResponse(export_breaks(row), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="reconciliation-{row.gateway}-{row.day}.csv"'
        return response

    @admin.display(description="day (UTC)", ordering="day")
    def utc_day(self, row: Reconciliation) -> str:
        return date_format(row.day)

    @admin.display(description="state")
    def status(self, row: Reconciliation) -> SafeString:
        return badge(row.state)

    @admin.display(description="progress")
    def progress(self, row: Reconciliation) -> str | SafeString:
        if row.state != ReconciliationState.QUEUED:
            return "complete" if row.is_complete else "list not complete" if row.finished_at else "–"
        if row.begun_at is None:
            return "waits"
        return format_html('<progress max="{}" value="{}"></progress>', row.lines_seen or 1, row.lines_done)

    @admin.display(description="lines that agree")
    def agree(self, row: Reconciliation) -> str:
        return f"{row.lines_matched:,} of {row.lines_seen:,}"

    @admin.display(description="open breaks")
    def breaks_open(self, row: Any) -> str | SafeString:
        if not row.open_breaks:
            return "0"
        return format_html('<span class="ct-badge ct-{}">{}</span>', tone_of(BreakState.OPEN), row.open_breaks)

    @admin.display(description="finished")
    def finished(self, row: Reconciliation) -> str:
        return when(row.finished_at) if row.finished_at else "–"


def _row_or_404(object_id: str) -> Reconciliation:
    return get_object_or_404(Reconciliation, pk=row_id_of(object_id))


def _asked_for(request: HttpRequest) -> dict[str, str]:
    """What the page that leads here wants to be done; else yesterday, the last day that is whole."""
    yesterday = clock.now().astimezone(UTC).date() - timedelta(days=1)
    return {"gateway": request.GET.get("gateway", _ALL), "day": request.GET.get("day", yesterday.isoformat())}


def _ask(request: HttpRequest, form: DayForm) -> HttpResponse | None:
    data = form.cleaned_data
    names = gateway_names() if data["gateway"] == _ALL else [data["gateway"]]
    for name in names:
        try:
            row = ask_for_day(name, data["day"], actor_id=staff_id_of(request), reason=data["reason"])
        except Rejected as error:
            form.add_error(None, error.message)
            return None
        publish(reconcile_day, row.pk)
        messages.success(request, f"{row} is being compared.")
    if len(names) > 1:
        return HttpResponseRedirect(reverse("admin:payments_reconciliation_changelist"))
    return HttpResponseRedirect(reverse("admin:payments_reconciliation_change", args=(row.pk,)))


def _report(request: HttpRequest, reconciliation_id: int) -> dict[str, Any]:
    row = Reconciliation.objects.select_related("asked_by").get(pk=reconciliation_id)
    breaks = ReconciliationBreak.objects.filter(reconciliation=row).select_related("attempt", "refund")
    shown = list(breaks.order_by("state", "-pk")[: BREAKS_SHOWN + 1])
    return {
        "title": f"{row.gateway}, {date_format(row.day)} (UTC)",
        "subtitle": None,
        "row": row,
        "tone": tone_of(row.state),
        "breaks": [(one, tone_of(one.state)) for one in shown[:BREAKS_SHOWN]],
        "has_more": len(shown) > BREAKS_SHOWN,
        "may_run": request.user.has_perm("payments.run_reconciliation"),
        "look_again_seconds": LOOK_AGAIN_SECONDS if row.begun_at else None,
    }
