"""What customers were told, and how they want to be told."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from choptym.lib.admin import ReadOnlyAdmin, StaffAdmin, badge
from notifications.models import Notification, Preference


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin[Notification]):
    list_display = ("id", "kind", "about", "channel", "address", "status", "attempts", "created_at", "sent_at")
    list_filter = ("state", "channel", "language")
    search_fields = ("pk",)
    search_help_text = "What it is about (payment:42), or the customer's user name"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notification], search_term: str
    ) -> tuple[QuerySet[Notification], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(about=term) | queryset.filter(user__username=term), False

    @admin.display(description="state")
    def status(self, notification: Notification) -> SafeString:
        return badge(notification.state)


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
