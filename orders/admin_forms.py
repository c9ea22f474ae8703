"""The form of a product: its price as people write it, and why it changes."""

from typing import Any

from django import forms
from django.conf import settings

from choptym.audit.record import REASON_LENGTH
from choptym.lib.admin import TEXT_INPUT, ThemedForm
from choptym.lib.money import Money
from orders.models import Product


class ProductForm(ThemedForm[Product]):
    """`price` is what stands on the menu (2500 for FCFA, 420.50 for INR); the row keeps minor units."""

    price = forms.CharField(
        widget=TEXT_INPUT,
        max_length=20,
        help_text="In the shop's currency: 2500 for FCFA, 420.50 for INR (number only).",
    )
    reason = forms.CharField(
        widget=TEXT_INPUT,
        max_length=REASON_LENGTH,
        required=False,
        help_text="Why the price changes. Kept in the audit log; needed only with another price.",
    )

    class Meta:
        model = Product
        fields = ("shop", "name", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.price_before = self.instance.price_minor if self.instance.pk else 0
        if self.instance.pk and "price" in self.fields:
            self.fields["price"].initial = self.instance.price.to_written()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        shop = data.get("shop") or (self.instance.shop if self.instance.pk else None)
        if shop is None or "price" not in data:
            return data
        try:
            price = Money.from_written(data["price"], shop.currency)
        except ValueError as error:
            self.add_error("price", str(error))
            return data
        if not 0 < price.amount_minor <= settings.ORDER_MAX_AMOUNT_MINOR:
            self.add_error("price", f"Above zero, and at most {Money(settings.ORDER_MAX_AMOUNT_MINOR, shop.currency)}.")
        elif self.instance.pk and price.amount_minor != self.price_before and not data.get("reason", "").strip():
            self.add_error("reason", "Please say why the price changes.")
        else:
            self.instance.price_minor = price.amount_minor
        return data
