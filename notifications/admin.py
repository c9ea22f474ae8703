"""What customers were told, and how they want to be told."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from choptym.audit.forms import ReasonForm
from choptym.audit.page import ask_before
from choptym.lib.admin import ReadOnlyAdmin, StaffAdmin, badge, page_action, row_id_of, row_ids_of
from choptym.lib.errors import Rejected
from choptym.lib.who import staff_id_of
from notifications.models import Notification, NotificationState, Preference
from notifications.send_again import send_again

# So many are asked about on one page.
MOST_AT_ONCE = 100


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin[Notification]):
    list_display = ("id", "kind", "about", "channel", "address", "status", "attempts", "created_at", "sent_at")
    list_filter = ("state", "channel", "language")
    search_fields = ("pk",)
    search_help_text = "What it is about (payment:42), or the customer's user name"
    actions = ("send_selected_again",)
    actions_detail = ("send_again",)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.send_again_view)
        return [path("send_again/", view, name="notifications_send_again_page"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notification], search_term: str
    ) -> tuple[QuerySet[Notification], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(about=term) | queryset.filter(user__username=term), False

    def has_send_again_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("notifications.send_again_notification")

    def is_of_use(self, button: str, row_id: int) -> bool:
        return Notification.objects.filter(pk=row_id, state=NotificationState.GIVEN_UP).exists()

    @admin.action(description="Send again", permissions=["send_again"])
    def send_selected_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> HttpResponse:
        return _to_page([row.pk for row in queryset.order_by("pk")[:MOST_AT_ONCE]])

    @page_action(name="Send again", permission="send_again", icon="replay")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _to_page([row_id_of(object_id)])

    def send_again_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the reason, then have each sent again. Those that were not given up are told of."""
        if not self.has_send_again_permission(request):
            raise PermissionDenied
        ids = row_ids_of(request.GET.get("ids", ""), MOST_AT_ONCE)
        rows = list(Notification.objects.filter(pk__in=ids).order_by("pk"))
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            for row in rows:
                _send_one(request, row, form.cleaned_data["reason"])
            return HttpResponseRedirect(_page_after(rows))
        return ask_before(
            request,
            self,
            form,
            title="Send again",
            explanation="Each is tried for a day more, at the address that it has. First mend why it was given up.",
            things=[f"{row}, to {row.address}: {row.problem or row.state}" for row in rows],
            button="Send again",
        )

    @admin.display(description="state")
    def status(self, notification: Notification) -> SafeString:
        return badge(notification.state)


def _to_page(ids: Sequence[int]) -> HttpResponse:
    address = reverse("admin:notifications_send_again_page")
    return HttpResponseRedirect(f"{address}?ids={','.join(map(str, ids))}")


def _send_one(request: HttpRequest, row: Notification, reason: str) -> None:
    try:
        send_again(row.pk, actor_id=staff_id_of(request), reason=reason)
    except Rejected as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{row}: it is sent again.")


def _page_after(rows: Sequence[Notification]) -> str:
    if len(rows) == 1:
        return reverse("admin:notifications_notification_change", args=(rows[0].pk,))
    return reverse("admin:notifications_notification_changelist")


@admin.register(Preference)
class PreferenceAdmin(StaffAdmin[Preference]):
    list_display = ("user", "language", "by_sms", "by_email", "has_device")
    list_select_related = ("user",)
    list_filter = ("language",)
    search_fields = ("user__username__exact",)
    search_help_text = "The customer's user name"
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("user",) if obj else ()

    @admin.display(description="device", boolean=True)
    def has_device(self, preference: Preference) -> bool:
        return bool(preference.push_token)
