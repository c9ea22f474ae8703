"""Payments: found by whatever a caller can tell us, each with its whole story on one page."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.lib.admin import ReadOnlyAdmin, badge, page_action, row_id_of, when
from choptym.lib.tones import tone_of
from payments.admin.filters import AcceptedFilter, MethodFilter
from payments.admin.give_back import may_be_refunded, refund_page
from payments.admin.review import ReviewPages
from payments.find import payments_like
from payments.models import Payment
from payments.story import read_story


@admin.register(Payment)
class PaymentAdmin(ReviewPages, ReadOnlyAdmin[Payment]):
    list_display = ("id", "status", "money", "customer", "phone", "order_number", "gateway", "level", "accepted_at")
    list_select_related = ("user", "order")
    list_filter = ("state", MethodFilter, "priority", "kind", AcceptedFilter)
    search_fields = ("pk",)  # switches the box on; what is searched stands in payments/find.py
    search_help_text = "Phone, CT-000123, payment id, reference or user name"
    actions_detail = ("refund",)
    change_form_template = "admin/payments/payment/story.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        return (queryset.filter(payments_like(search_term)) if search_term.strip() else queryset), False

    def shown_with(self, request: HttpRequest, row_id: int) -> dict[str, Any]:
        story = read_story(row_id)
        return super().shown_with(request, row_id) | {
            "title": f"Payment {row_id}",
            "subtitle": None,
            "story": story,
            "tone": tone_of(story.payment.state),
            "order_tone": tone_of(story.order.state) if story.order else "",
            "may_replay": request.user.has_perm("payments.replay_deadletter"),
        }

    def has_refund_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("payments.refund_payment")

    def is_of_use(self, button: str, row_id: int) -> bool:
        payment = Payment.objects.filter(pk=row_id).first()
        return button != "refund" or (payment is not None and may_be_refunded(payment))

    @page_action(name="Refund", permission="refund", icon="undo")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return refund_page(request, self, row_id_of(object_id))

    @admin.display(description="state")
    def status(self, payment: Payment) -> SafeString:
        return badge(payment.state)

    @admin.display(description="amount")
    def money(self, payment: Payment) -> SafeString:
        return format_html('<span class="ct-money">{}</span>', payment.amount)

    @admin.display(description="customer")
    def customer(self, payment: Payment) -> str:
        return payment.user.get_username()

    @admin.display(description="order")
    def order_number(self, payment: Payment) -> str | SafeString:
        if payment.order is None:
            return "top-up"
        link = reverse("admin:orders_order_change", args=(payment.order.pk,))
        return format_html('<a href="{}" class="ct-link">{}</a>', link, payment.order.number)

    @admin.display(description="priority")
    def level(self, payment: Payment) -> str:
        return payment.get_priority_display()

    @admin.display(description="accepted")
    def accepted_at(self, payment: Payment) -> str:
        return when(payment.queued_at)
