"""Orders as `orders/admin.py` shows them, with what was given back of them: that app knows nothing of refunds."""

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.lib.admin import badge
from choptym.lib.money import Money
from orders.admin import OrderAdmin
from orders.models import Order
from payments.models import Refund
from payments.states import AttemptState, RefundState

admin.site.unregister(Order)


@admin.register(Order)
class RefundedOrderAdmin(OrderAdmin):
    list_display = ("number", "status", "money", "refunded", "user", "shop", "placed_at", "paid_at")
    readonly_fields = ("money", "refunded", "payments")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """With the sum, so that a list asks once for all its rows."""
        return super().get_queryset(request).annotate(refunded_minor=_given_back())

    @admin.display(description="refunded")
    def refunded(self, order: Order) -> str | SafeString:
        given = getattr(order, "refunded_minor", None)
        if not given:
            return "–"
        return format_html("{} {} of {}", badge("REFUNDED"), Money(given, order.currency), order.total)


def _given_back() -> Subquery:
    """What went back of the money that pays the order, not of money that was taken too many."""
    of_the_order = Refund.objects.filter(
        Q(attempt=None) | ~Q(attempt__state=AttemptState.SURPLUS),
        payment__order=OuterRef("pk"),
        state=RefundState.REFUNDED,
        currency=OuterRef("currency"),
    )
    sums = of_the_order.order_by().annotate(of=F("payment__order")).values("of").annotate(sum=Sum("amount_minor"))
    return Subquery(sums.values("sum"))
