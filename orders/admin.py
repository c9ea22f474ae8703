"""Shops and products are kept by staff; orders and carts are only read."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from choptym.audit.forms import QuantityForm
from choptym.audit.page import ask_before
from choptym.audit.record import record_act
from choptym.lib.admin import ReadOnlyAdmin, ReadOnlyInline, StaffAdmin, badge, page_action, row_id_of
from choptym.lib.errors import Rejected
from choptym.lib.money import Money
from choptym.lib.who import staff_id_of
from orders.admin_forms import ProductForm
from orders.find import orders_like
from orders.models import CartItem, Order, OrderItem, Product, Shop
from orders.restock import restock_product


@admin.register(Shop)
class ShopAdmin(StaffAdmin[Shop]):
    list_display = ("name", "currency", "is_open")
    search_fields = ("name",)
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Shop | None = None) -> tuple[str, ...]:
        """A shop keeps its currency: its products and orders have it."""
        return ("currency",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Shop, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Product)
class ProductAdmin(StaffAdmin[Product]):
    """Stock is never typed in: the button "Restock" adds to it under the product's lock."""

    form = ProductForm
    list_display = ("name", "shop", "money", "is_active", "stock_on_hand", "stock_reserved", "stock_sold")
    list_select_related = ("shop",)
    list_filter = ("is_active", "shop")
    search_fields = ("name", "shop__name")
    readonly_fields = ("stock_start", "stock_on_hand", "stock_reserved", "stock_sold")
    autocomplete_fields = ("shop",)
    actions_detail = ("restock",)

    def get_fieldsets(self, request: HttpRequest, obj: Product | None = None) -> Any:
        fields = ("shop", "name", "price", "is_active", *(("reason",) if obj else ()))
        stock = ("Stock", {"fields": self.readonly_fields})
        return [(None, {"fields": fields}), *([stock] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return ("shop", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Product, form: ProductForm, change: bool) -> None:
        """Only what was typed in is written: a sale that goes on meanwhile keeps its stock."""
        if not change:
            obj.save()
            return
        obj.save(update_fields=[name for name in ("name", "is_active") if name in form.changed_data] + ["price_minor"])
        if form.price_before != obj.price_minor:
            record_act(
                actor_id=staff_id_of(request),
                verb="change_price",
                about=f"product:{obj.pk}",
                reason=form.cleaned_data["reason"],
                details={"before": str(Money(form.price_before, obj.shop.currency)), "after": str(obj.price)},
            )

    def has_restock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orders.restock_product")

    @page_action(name="Restock", permission="restock", icon="add_shopping_cart")
    def restock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        product = get_object_or_404(Product, pk=row_id_of(object_id))
        form = QuantityForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                restock_product(product.pk, actor_id=staff_id_of(request), **form.cleaned_data)
            except Rejected as error:
                form.add_error("quantity" if "quantity" in error.fields else None, error.message)
            else:
                messages.success(request, f"{product}: {form.cleaned_data['quantity']:+,}.")
                return HttpResponseRedirect(reverse("admin:orders_product_change", args=(product.pk,)))
        return ask_before(
            request,
            self,
            form,
            title=f"Restock {product}",
            explanation="How many more are on sale. A number below zero takes back what was counted wrongly.",
            things=[f"on hand {product.stock_on_hand:,}", f"reserved {product.stock_reserved:,}"],
            button="Restock",
        )

    @admin.display(description="price")
    def money(self, product: Product) -> str:
        return str(product.price)


class OrderItemInline(ReadOnlyInline):
    model = OrderItem
    fields = readonly_fields = ("name", "quantity", "each", "state")

    @admin.display(description="price each")
    def each(self, item: OrderItem) -> str:
        return str(Money(item.unit_price_minor, item.order.currency))


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin[Order]):
    list_display: tuple[str, ...] = ("number", "status", "money", "user", "shop", "placed_at", "paid_at")
    list_select_related = ("user", "shop")
    list_filter = ("state",)
    search_fields = ("pk",)
    search_help_text = "CT-000123, or the customer's user name"
    readonly_fields: ClassVar[tuple[str, ...]] = ("money", "payments")
    inlines = (OrderItemInline,)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        return (queryset.filter(orders_like(search_term)) if search_term.strip() else queryset), False

    @admin.display(description="state")
    def status(self, order: Order) -> SafeString:
        return badge(order.state)

    @admin.display(description="total")
    def money(self, order: Order) -> str:
        return str(order.total)

    @admin.display(description="payments")
    def payments(self, order: Order) -> SafeString:
        """By address: this app knows nothing of payments."""
        return format_html('<a href="/admin/payments/payment/?q={}" class="ct-link">those of this order</a>', order)


@admin.register(OrderItem)
class OrderItemAdmin(ReadOnlyAdmin[OrderItem]):
    list_display = ("id", "order", "name", "quantity", "status")
    list_select_related = ("order",)

    @admin.display(description="state")
    def status(self, item: OrderItem) -> SafeString:
        return badge(item.state)


@admin.register(CartItem)
class CartItemAdmin(ReadOnlyAdmin[CartItem]):
    list_display = ("id", "user", "product", "quantity", "order")
    list_select_related = ("user", "product", "order")
    search_fields = ("user__username__exact",)
    search_help_text = "The customer's user name"
