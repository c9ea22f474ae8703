"""What the API reads and shows of refunds: all of it to staff, to customers what became of their money."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import connection
from rest_framework import serializers

from choptym.lib.amounts import MinorAmountField
from choptym.lib.money import CURRENCIES
from choptym.lib.openapi import Word
from choptym.lib.plain_rows import PlainRows
from choptym.lib.text_field import TextField
from payments.models import Payment, Refund, RefundWay
from payments.progress import iso
from payments.refunds.write import REASON_LENGTH
from payments.states import PaymentState, RefundState

_REFUNDS = PlainRows(
    Refund, "id", "payment_id", "state", "way", "amount_minor", "currency", "created_at", "finished_at"
)
_READ_REFUNDS = f"SELECT {_REFUNDS.columns} FROM payments_refund WHERE payment_id = ANY(%s) ORDER BY id"  # noqa: S608


class KnownFieldsOnly(serializers.Serializer[Any]):
    """Refuses what it does not know: where money moves, a misspelt field must not leave another at its default."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            problem = {name: ["There is no such field."] for name in unknown}
            raise serializers.ValidationError(problem, code="unknown_field")
        return dict(super().validate(attrs))


class RefundInput(KnownFieldsOnly):
    """POST /api/payments/{id}/refunds/"""

    amount_minor = MinorAmountField(
        min_value=1,
        required=False,
        help_text="In minor units of the currency; XAF has none. Without it: all that is left.",
    )
    reason = TextField(max_length=REASON_LENGTH, help_text="Kept in the audit log.")
    to_wallet = serializers.BooleanField(
        default=False, help_text="Into the customer's wallet, though the gateway could give it back."
    )


class CustomerRefundOutput(serializers.Serializer[Any]):
    """A refund as the customer sees it."""

    status = Word("RefundStatus", lambda: RefundState.values)
    way = Word("RefundWay", lambda: RefundWay.values)
    amount_minor = serializers.IntegerField()
    currency = Word("Currency", lambda: CURRENCIES)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RefundOutput(serializers.Serializer[Any]):
    """A refund as staff see it."""

    id = serializers.IntegerField()
    payment = serializers.IntegerField()
    status = Word("RefundStatus", lambda: RefundState.values)
    way = Word("RefundWay", lambda: RefundWay.values)
    amount_minor = serializers.IntegerField()
    currency = Word("Currency", lambda: CURRENCIES)
    reason = serializers.CharField()
    reference = serializers.UUIDField(help_text="What the gateway knows it by.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null until it has ended.")


def show_refund(refund: Refund) -> dict[str, Any]:
    """The body that RefundOutput documents."""
    return {
        "id": refund.pk,
        "payment": refund.payment_id,
        "reason": refund.reason,
        "reference": str(refund.reference),
        **_show_to_customer(refund),
    }


def refunds_of(payments: Sequence[Payment]) -> dict[int, list[Refund]]:
    """By the payment's id, oldest first. One query for all, none where there can be no refund."""
    settled = [payment.pk for payment in payments if payment.state == PaymentState.SETTLED]
    if not settled:
        return {}
    found: dict[int, list[Refund]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_READ_REFUNDS, [settled])
        for refund in map(_REFUNDS.row, cursor.fetchall()):
            found[refund.payment_id].append(refund)
    return found


def show_refunds(payment: Payment, refunds: Sequence[Refund]) -> dict[str, Any]:
    """What a payment's body tells of its refunds."""
    given = [one for one in refunds if one.state == RefundState.REFUNDED and one.currency == payment.currency]
    return {
        "refunded_minor": sum(refund.amount_minor for refund in given),
        "refunds": [_show_to_customer(refund) for refund in refunds],
    }


def _show_to_customer(refund: Refund) -> dict[str, Any]:
    return {
        "status": refund.state,
        "way": refund.way,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "created_at": iso(refund.created_at),
        "finished_at": iso(refund.finished_at),
    }
