"""Alerts: what is wrong now, what was, who was told, and what to do first."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import TEXT_INPUT, OneOfFilter, ReadOnlyAdmin, ReadOnlyInline, badge, page_action, row_id_of
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from payments.alerts.judge import show
from payments.alerts.mute import LONGEST_HOURS, mute_alert
from payments.alerts.rules import RULES
from payments.models import Alert, AlertNotice


class MuteForm(ReasonForm):
    """For how long, and why."""

    hours = forms.IntegerField(
        min_value=0, max_value=LONGEST_HOURS, initial=1, widget=TEXT_INPUT, help_text="0: be told again."
    )
    field_order = ["hours", "reason"]


class RuleFilter(OneOfFilter):
    title = "rule"
    parameter_name = "rule"
    names = tuple(RULES)


class OpenAlertFilter(SimpleListFilter):
    title = "state"
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("over", "over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(closed_at__isnull=self.value() == "open") if self.value() else queryset


class NoticeInline(ReadOnlyInline):
    model = AlertNotice
    fields = ("title", "created_at", "channel", "attempts", "told_at", "next_tell_at", "problem")
    readonly_fields = fields
    verbose_name_plural = "who was told"


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin[Alert]):
    list_display = ("id", "status", "rule", "place", "text", "opened_at", "closed_at", "muted_until")
    list_filter = (OpenAlertFilter, RuleFilter, "severity")
    search_fields = ("rule", "place")
    search_help_text = "Rule or place"
    ordering = (F("closed_at").desc(nulls_first=True), "-pk")  # type: ignore[assignment]
    readonly_fields = ("status", "what_to_do_first", "runbook", "measures", "measured")
    inlines = (NoticeInline,)
    actions_detail = ("mute",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.mute_view)
        return [path("<int:pk>/mute/", view, name="payments_alert_mute"), *super().get_urls()]

    def has_mute_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("payments.mute_alert")

    def is_of_use(self, button: str, row_id: int) -> bool:
        return Alert.objects.filter(pk=row_id, closed_at__isnull=True).exists()

    @page_action(name="Mute", permission="mute", icon="notifications_off")
    def mute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:payments_alert_mute", args=(row_id_of(object_id),)))

    def mute_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for how long and why, then have it done."""
        if not self.has_mute_permission(request):
            raise PermissionDenied
        alert = get_object_or_404(Alert, pk=pk)
        form = MuteForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            _mute(request, pk, form.cleaned_data)
            return HttpResponseRedirect(reverse("admin:payments_alert_change", args=(pk,)))
        return ask_before(
            request,
            self,
            form,
            title="Mute",
            explanation="It stays open and is shown here; nobody is sent a message about it until then. One that "
            "opens after it is over is told of as ever.",
            things=[alert.text],
            button="Mute",
        )

    @admin.display(description="state", ordering="severity")
    def status(self, alert: Alert) -> SafeString:
        return badge(alert.severity if alert.closed_at is None else "OVER")

    @admin.display(description="what to do first")
    def what_to_do_first(self, alert: Alert) -> str:
        return RULES[alert.rule].do_first if alert.rule in RULES else "–"

    @admin.display(description="runbook")
    def runbook(self, alert: Alert) -> str:
        return RULES[alert.rule].runbook if alert.rule in RULES else "–"

    @admin.display(description="what it measures")
    def measures(self, alert: Alert) -> str:
        return RULES[alert.rule].measures if alert.rule in RULES else "–"

    @admin.display(description="measured")
    def measured(self, alert: Alert) -> str:
        return show(alert.value, RULES[alert.rule].unit if alert.rule in RULES else "")


def _mute(request: HttpRequest, pk: int, data: dict[str, Any]) -> None:
    try:
        mute_alert(pk, hours=data["hours"], actor_id=staff_id_of(request), reason=data["reason"])
    except Rejected as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Nobody is told of it for {data['hours']} h." if data["hours"] else "Told again.")
