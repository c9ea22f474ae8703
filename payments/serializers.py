"""What the API reads and shows. Nothing here writes."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from choptym.lib.money import CURRENCIES
from choptym.lib.phones import national_number
from payments.failures import sentence
from payments.models import WALLET, Payment
from payments.progress import eta_seconds, iso, position_of, read_again_seconds, steps_of
from payments.states import OPEN_ATTEMPTS


class PhoneField(serializers.CharField):
    """A mobile number of Cameroon, kept as nine digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=30, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        number = national_number(text) if text else ""
        if number is None:
            raise serializers.ValidationError("Not a mobile number of Cameroon (nine digits beginning with 6).")
        return number


class MethodInput(serializers.Serializer[Any]):
    """How to pay. The gateways push to a phone; with `link` the customer pays on the gateway's page instead."""

    method = serializers.CharField(max_length=20)
    phone = PhoneField(required=False, allow_blank=True, default="")
    link = serializers.BooleanField(default=False)

    def validate_method(self, method: str) -> str:
        if method not in {*settings.GATEWAYS, WALLET}:
            known = ", ".join((*settings.GATEWAYS, WALLET))
            raise serializers.ValidationError(f"Unknown method; there are {known}.", code="unknown_method")
        return method

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["method"] != WALLET and not attrs["phone"] and not attrs["link"]:
            raise serializers.ValidationError({"phone": ["The number that pays is required."]})
        return attrs


class CheckoutInput(MethodInput):
    """POST /api/checkout/"""


class TopupInput(MethodInput):
    """POST /api/wallet/topups/"""

    amount_minor = serializers.IntegerField(min_value=1, max_value=settings.ORDER_MAX_AMOUNT_MINOR)
    currency = serializers.ChoiceField(choices=CURRENCIES, default="XAF")

    def validate_method(self, method: str) -> str:
        if method == WALLET:
            raise serializers.ValidationError("A wallet is not topped up from itself.", code="unknown_method")
        return super().validate_method(method)


class StepOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_done = serializers.BooleanField()
    at = serializers.DateTimeField(allow_null=True)


class PaymentOutput(serializers.Serializer[Any]):
    """A payment as its customer sees it."""

    id = serializers.IntegerField()
    status = serializers.CharField()
    kind = serializers.CharField()
    method = serializers.CharField()
    order = serializers.IntegerField(allow_null=True)
    amount = serializers.IntegerField(help_text="In minor units of the currency; XAF has none.")
    currency = serializers.CharField()
    phone = serializers.CharField()
    priority = serializers.IntegerField()
    position = serializers.IntegerField(help_text="1 is next in line; 0 once its turn has come.")
    eta_seconds = serializers.IntegerField(help_text="0 once it has ended.")
    retry_after_seconds = serializers.IntegerField(allow_null=True)
    steps = StepOutput(many=True)
    instructions = serializers.CharField(help_text="What to do on the phone, such as *126#.")
    link = serializers.CharField(help_text="The gateway's page, for payments by link.")
    failure_code = serializers.CharField()
    message = serializers.CharField(help_text="Why it did not go through, in the customer's language.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)


class CheckoutOutput(serializers.Serializer[Any]):
    order = serializers.IntegerField()
    payment = PaymentOutput()


class TopupOutput(serializers.Serializer[Any]):
    payment = PaymentOutput()


def show_payment(payment: Payment, language: str = "en") -> dict[str, Any]:
    """The body that PaymentOutput documents. Built by hand: a crowd polls it."""
    position = position_of(payment)
    eta = eta_seconds(payment, position)
    attempt = None
    if payment.state in {"REQUESTED", "PENDING"}:
        attempt = payment.attempts.filter(state__in=OPEN_ATTEMPTS).first()
    return {
        "id": payment.pk,
        "status": payment.state,
        "kind": payment.kind,
        "method": payment.gateway,
        "order": payment.order_id,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "phone": payment.phone,
        "priority": payment.priority,
        "position": position,
        "eta_seconds": eta,
        "retry_after_seconds": read_again_seconds(payment, eta),
        "steps": steps_of(payment),
        "instructions": attempt.instructions if attempt else "",
        "link": attempt.link if attempt else "",
        "failure_code": payment.failure_code,
        "message": sentence(payment.failure_code, language).capitalize() if payment.failure_code else "",
        "created_at": iso(payment.queued_at),
        "expires_at": iso(payment.expires_at),
        "settled_at": iso(payment.settled_at),
    }
