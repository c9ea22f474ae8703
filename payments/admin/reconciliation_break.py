"""Breaks: where a gateway and we do not agree, with what a person can do about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ReadOnlyAdmin, badge, page_action, row_id_of, row_ids_of
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments.admin.filters import GatewayFilter
from payments.models import BreakKind, ReconciliationBreak
from payments.reconciliation.close import close_break
from payments.reconciliation.correct import correct_fee
from payments.states import BreakState

# So many are asked about on one page.
MOST_AT_ONCE = 100
_LIST = "admin:payments_reconciliationbreak_changelist"


class DayGatewayFilter(GatewayFilter):
    """By the gateway of its reconciliation."""

    parameter_name = "reconciliation__gateway"


@admin.register(ReconciliationBreak)
class ReconciliationBreakAdmin(ReadOnlyAdmin[ReconciliationBreak]):
    list_display = ("id", "status", "kind", "report", "payment", "our_side", "their_side", "note", "seen_at")
    list_select_related = ("reconciliation", "attempt", "refund")
    list_filter = ("state", "kind", DayGatewayFilter)
    search_fields = ("transaction_id", "reference")
    search_help_text = "The gateway's id, or our reference"
    actions = ("close_selected",)
    actions_detail = ("close", "book_fee")

    def get_urls(self) -> list[Any]:
        close, fee = self.admin_site.admin_view(self.close_view), self.admin_site.admin_view(self.fee_view)
        return [
            path("close/", close, name="payments_reconciliationbreak_close_page"),
            path("fee/", fee, name="payments_reconciliationbreak_fee_page"),
            *super().get_urls(),
        ]

    def has_run_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.run_reconciliation")

    def is_of_use(self, button: str, row_id: int) -> bool:
        row = ReconciliationBreak.objects.filter(pk=row_id, state=BreakState.OPEN).first()
        return row is not None and (button != "book_fee" or row.kind == BreakKind.FEE)

    @admin.action(description="Close", permissions=["run"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[ReconciliationBreak]) -> HttpResponse:
        return _to("close", [row.pk for row in queryset.order_by("pk")[:MOST_AT_ONCE]])

    @page_action(name="Close", permission="run", icon="task_alt")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _to("close", [row_id_of(object_id)])

    @page_action(name="Book their fee", permission="run", icon="price_check")
    def book_fee(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _to("fee", [row_id_of(object_id)])

    def close_view(self, request: HttpRequest) -> HttpResponse:
        explanation = "It stays in the report with your reason, and is not opened again when it is found again."
        return self._act(request, close_break, title="Close", explanation=explanation)

    def fee_view(self, request: HttpRequest) -> HttpResponse:
        explanation = "The difference to the fee that is booked becomes a new entry. Only for breaks about a fee."
        return self._act(request, correct_fee, title="Book their fee", explanation=explanation)

    def _act(
        self, request: HttpRequest, verb: Callable[..., ReconciliationBreak], *, title: str, explanation: str
    ) -> HttpResponse:
        """Ask for the reason, then do it to each. Those that somebody else has dealt with by now are told of."""
        if not self.has_run_permission(request):
            raise PermissionDenied
        ids = row_ids_of(request.GET.get("ids", ""), MOST_AT_ONCE)
        rows = list(ReconciliationBreak.objects.filter(pk__in=ids).order_by("pk"))
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            for row in rows:
                try:
                    verb(row.pk, actor_id=staff_id_of(request), reason=form.cleaned_data["reason"])
                except Rejected as error:
                    messages.error(request, f"{row}: {error.message}")
                else:
                    messages.success(request, f"{row}: done.")
            return HttpResponseRedirect(_page_after(rows))
        things = [f"{row}: ours {self.our_side(row)}, theirs {self.their_side(row)}" for row in rows]
        return ask_before(request, self, form, title=title, explanation=explanation, things=things, button=title)

    @admin.display(description="state")
    def status(self, row: ReconciliationBreak) -> SafeString:
        return badge(row.state)

    @admin.display(description="day (UTC)")
    def report(self, row: ReconciliationBreak) -> SafeString:
        link = reverse("admin:payments_reconciliation_change", args=(row.reconciliation_id,))
        return format_html('<a href="{}" class="ct-link">{}</a>', link, row.reconciliation)

    @admin.display(description="payment")
    def payment(self, row: ReconciliationBreak) -> str | SafeString:
        payment_id = row.payment_id
        if payment_id is None:
            return "–"
        link = reverse("admin:payments_payment_change", args=(payment_id,))
        return format_html('<a href="{}" class="ct-link">{}</a>', link, payment_id)

    @admin.display(description="ours")
    def our_side(self, row: ReconciliationBreak) -> str:
        return row.our_side

    @admin.display(description="theirs")
    def their_side(self, row: ReconciliationBreak) -> str:
        return row.their_side


def _to(page: str, ids: list[int]) -> HttpResponse:
    address = reverse(f"admin:payments_reconciliationbreak_{page}_page")
    return HttpResponseRedirect(f"{address}?ids={','.join(map(str, ids))}")


def _page_after(rows: list[ReconciliationBreak]) -> str:
    days = {row.reconciliation_id for row in rows}
    return reverse("admin:payments_reconciliation_change", args=(days.pop(),)) if len(days) == 1 else reverse(_LIST)
