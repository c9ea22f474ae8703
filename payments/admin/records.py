"""What was said to gateways and by them, and what clients were answered."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from choptym.lib.admin import ReadOnlyAdmin, badge
from payments.admin.filters import GatewayFilter
from payments.find import events_like, tries_like
from payments.gateways.masking import mask
from payments.models import IdempotencyKey, PaymentAttempt, WebhookEvent


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(ReadOnlyAdmin[PaymentAttempt]):
    list_display = (
        "id", "payment", "number", "gateway", "status", "http_status", "latency_ms", "transaction_id", "started_at",
    )  # fmt: skip
    list_select_related = ("payment",)
    list_filter = ("state", GatewayFilter)
    search_fields = ("pk",)
    search_help_text = "Our reference, the gateway's id, or the payment's id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PaymentAttempt], search_term: str
    ) -> tuple[QuerySet[PaymentAttempt], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(tries_like(search_term) | _of_payment(search_term)), False

    @admin.display(description="state")
    def status(self, attempt: PaymentAttempt) -> SafeString:
        return badge(attempt.state)


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin[WebhookEvent]):
    list_display = ("id", "gateway", "word", "status", "payment", "transaction_id", "looks", "received_at")
    list_select_related = ("payment",)
    list_filter = ("state", GatewayFilter)
    search_fields = ("pk",)
    search_help_text = "The gateway's id, the event's key, or the payment's id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[WebhookEvent], search_term: str
    ) -> tuple[QuerySet[WebhookEvent], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(events_like(search_term) | _of_payment(search_term)), False

    @admin.display(description="state")
    def status(self, event: WebhookEvent) -> SafeString:
        return badge(event.state)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin[IdempotencyKey]):
    list_display = ("id", "user", "key", "status", "location", "created_at")
    list_select_related = ("user",)
    search_fields = ("user__username__exact",)
    search_help_text = "The customer's user name"
    readonly_fields = ("answer",)

    def get_readonly_fields(self, request: HttpRequest, obj: IdempotencyKey | None = None) -> Any:
        """The body is kept as the customer got it, and holds the number that pays: here it is masked."""
        return [name for name in super().get_readonly_fields(request, obj) if name != "body"]

    @admin.display(description="answer, masked")
    def answer(self, key: IdempotencyKey) -> str:
        return json.dumps(mask(key.body or {}), ensure_ascii=False, indent=2)


def _of_payment(text: str) -> Q:
    text = text.strip()
    return Q(payment_id=int(text)) if text.isdecimal() and len(text) < 19 else Q(pk__in=[])
