"""What staff are asked before an act."""

from django import forms

from choptym.audit.record import REASON_LENGTH
from choptym.lib.admin import TEXT_AREA, TEXT_INPUT


class ReasonForm(forms.Form):
    """Why. Kept in the audit log."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=TEXT_AREA,
        help_text="Kept in the audit log with your name. It cannot be changed afterwards.",
    )


class QuantityForm(ReasonForm):
    """How many, and why."""

    quantity = forms.IntegerField(widget=TEXT_INPUT)
    field_order = ["quantity", "reason"]
