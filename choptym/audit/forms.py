"""What staff are asked before an act."""

from typing import Any

from django import forms

from choptym.audit.record import REASON_LENGTH
from choptym.lib.admin import SELECT, TEXT_AREA, TEXT_INPUT
from choptym.lib.money import CURRENCIES, Money


class ReasonForm(forms.Form):
    """Why. Kept in the audit log."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=TEXT_AREA,
        help_text="Kept in the audit log with your name. It cannot be changed afterwards.",
    )


class AmountForm(ReasonForm):
    """How much, as people write it, and why. Cleaned, `money` holds the amount."""

    amount = forms.CharField(widget=TEXT_INPUT, max_length=20, help_text="2500 for FCFA, 420.50 for INR: number only.")
    currency = forms.ChoiceField(widget=SELECT, choices=[(name, name) for name in CURRENCIES])
    field_order = ["amount", "currency", "reason"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "amount" in data and "currency" in data:
            try:
                data["money"] = Money.from_written(data["amount"], data["currency"])
            except ValueError as error:
                self.add_error("amount", str(error))
        return data


class QuantityForm(ReasonForm):
    """How many, and why."""

    quantity = forms.IntegerField(widget=TEXT_INPUT)
    field_order = ["quantity", "reason"]
