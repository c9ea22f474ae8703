"""What the API reads and shows. Nothing here writes."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from rest_framework import serializers

from choptym.lib.amounts import MinorAmountField
from choptym.lib.french import in_french
from choptym.lib.money import CURRENCIES
from choptym.lib.openapi import Word
from choptym.lib.phones import COUNTRIES, national_number
from payments.failures import SENTENCES, message_about
from payments.gateways import gateway_names, get_gateway
from payments.landing import LANDED, Landing, landings_of
from payments.models import WALLET, Payment, PaymentKind, Refund
from payments.progress import (
    STEP_NAMES,
    eta_seconds,
    is_paused,
    iso,
    paused_until,
    position_of,
    read_again_seconds,
    steps_of,
)
from payments.prompts import Prompt, prompts_of
from payments.refund_serializers import CustomerRefundOutput, KnownFieldsOnly, refunds_of, show_refunds
from payments.statement import KINDS
from payments.states import PaymentState

CHOSEN = "Left out, it is chosen by the operator of the phone and the currency; `payment.method` tells which."
PHONE = (
    "The mobile number that pays, in any usual spelling, of the country where the method collects (Fapshi and CamPay: "
    "Cameroon, Razorpay and Cashfree: India). Needed unless {unless}; Cashfree needs it for a link too."
)
# The sentences are made to follow a colon.
FAILURES = {"": "nothing is in its way", **{code: english for code, (english, _) in SENTENCES.items()}}


class PhoneField(serializers.CharField):
    """A mobile number of the country where the method works, kept in national form; for the wallet of any we know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=30, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        region = self._region()
        number = national_number(text, region) if text else ""
        if number is None:
            wanted = [COUNTRIES[region]] if region else COUNTRIES.values()
            message = f"Not {' or '.join(country.says for country in wanted)}."
            raise serializers.ValidationError(message, code="invalid_phone")
        return number

    def _region(self) -> str:
        """Where the method beside this field collects; "" when it is none of the gateways."""
        assert isinstance(self.parent, serializers.Serializer)  # noqa: S101
        method = self.parent.initial_data.get("method")
        is_gateway = isinstance(method, str) and method in gateway_names()
        return get_gateway(method).rules.phone_region if is_gateway else ""


def method_names() -> tuple[str, ...]:
    return (*gateway_names(), WALLET)


class MethodInput(serializers.Serializer[Any]):
    """How to pay. The gateways push to a phone; with `link` the customer pays on the gateway's page instead."""

    method = Word("PaymentMethod", method_names, max_length=20, required=False, help_text=CHOSEN)
    phone = PhoneField(
        required=False, allow_blank=True, default="", help_text=PHONE.format(unless="`link`, or method wallet")
    )
    link = serializers.BooleanField(default=False, help_text="Pay on the gateway's page instead of on the phone.")

    def validate_method(self, method: str) -> str:
        if method and method not in method_names():
            known = ", ".join(method_names())
            raise serializers.ValidationError(f"Unknown method; there are {known}.", code="unknown_method")
        return method

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = {"method": "", **super().validate(attrs)}
        if attrs["method"] != WALLET and not attrs["phone"] and _needs_phone(attrs["method"], by_link=attrs["link"]):
            problem = {"phone": ["The number that pays is required."]}
            raise serializers.ValidationError(problem, code="phone_required")
        return attrs


def _needs_phone(gateway: str, *, by_link: bool) -> bool:
    """Of a gateway that we choose ourselves a link needs none: one is chosen for which that is so."""
    return not by_link or (bool(gateway) and get_gateway(gateway).rules.links_need_phone)


class CheckoutInput(MethodInput):
    """POST /api/checkout/"""


class TopupInput(MethodInput, KnownFieldsOnly):
    """POST /api/wallet/topups/"""

    method = Word("TopupMethod", gateway_names, max_length=20, required=False, help_text=CHOSEN)
    phone = PhoneField(required=False, allow_blank=True, default="", help_text=PHONE.format(unless="`link`"))
    amount_minor = MinorAmountField(
        min_value=1,
        max_value=settings.ORDER_MAX_AMOUNT_MINOR,
        help_text="In minor units of the currency; XAF has none.",
    )
    currency = Word("Currency", lambda: CURRENCIES, default="XAF")

    def validate_method(self, method: str) -> str:
        if method == WALLET:
            raise serializers.ValidationError("A wallet is not topped up from itself.", code="unknown_method")
        return super().validate_method(method)

    def validate_currency(self, currency: str) -> str:
        if currency not in CURRENCIES:
            english = f"Unknown currency; there are {', '.join(CURRENCIES)}."
            raise serializers.ValidationError(in_french("unknown_currency", english), code="invalid_choice")
        return currency


class StepOutput(serializers.Serializer[Any]):
    name = Word("StepName", lambda: STEP_NAMES)
    is_done = serializers.BooleanField(
        help_text="Whether it is behind the customer. `waiting_for_approval` is so once they have approved: while they "
        "are asked, and when it ended without their approval, it is not."
    )
    at = serializers.DateTimeField(allow_null=True, help_text="When it was reached; null before.")


class PaymentOutput(serializers.Serializer[Any]):
    """A payment as its customer sees it."""

    id = serializers.IntegerField()
    status = Word("PaymentStatus", lambda: PaymentState.values)
    kind = Word("PaymentKind", lambda: PaymentKind.values)
    method = Word("PaymentMethod", method_names)
    order = serializers.IntegerField(allow_null=True)
    amount = serializers.IntegerField(help_text="In minor units of the currency; XAF has none.")
    currency = Word("Currency", lambda: CURRENCIES)
    phone = serializers.CharField(help_text="In national form, without country; empty when none was given.")
    priority = serializers.IntegerField(help_text="3 high, 2 medium, 1 normal.")
    position = serializers.IntegerField(help_text="1 is next in line; 0 once its turn has come.")
    eta_seconds = serializers.IntegerField(
        help_text="0 once it has ended, or a person looks at it. While `paused`: from `paused_until` on; where that is "
        "null, what will be left when it goes on."
    )
    paused = serializers.BooleanField(
        help_text="Whether it stands still because we have stopped sending payments this way for now. It keeps its "
        "place, and goes on by itself."
    )
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="When it goes on at the latest; null when it is not paused, or nobody can say yet."
    )
    retry_after_seconds = serializers.IntegerField(
        allow_null=True,
        help_text="When to ask again: the later, the longer it takes and the more customers wait. Null once it has "
        "ended; long under REVIEW, which a person has still to decide.",
    )
    events_url = serializers.CharField(help_text="The event stream: an absolute address, or a path of this host.")
    steps = StepOutput(many=True)
    instructions = serializers.CharField(help_text="What to do on the phone, such as *126#.")
    link = serializers.CharField(
        help_text="Where the customer pays: the gateway's page, or (Razorpay and Cashfree, by phone) the address "
        "upi://… that opens their app."
    )
    failure_code = Word(
        "FailureCode",
        lambda: FAILURES,
        help_text="Empty unless it did not go through, is under review, or (`try_declined`, while PENDING, at Razorpay "
        "and Cashfree) the last try was declined and another one is possible until `expires_at`.",
    )
    message = serializers.CharField(help_text="What `failure_code` means, in the customer's language; else empty.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    collected_minor = serializers.IntegerField(
        allow_null=True,
        help_text="What the gateway says it collected, in minor units of `collected_currency`: `amount`, unless a "
        "person had to look. Null until then, and where that cannot be read. From the wallet: `amount`.",
    )
    collected_currency = serializers.CharField(help_text="The currency of `collected_minor`; empty while that is null.")
    landed = Word("Landed", lambda: LANDED, help_text="Where the money went. What is refunded later changes nothing.")
    refunded_minor = serializers.IntegerField(help_text="What was given back by now, in minor units of the currency.")
    refunds = CustomerRefundOutput(many=True, help_text="Oldest first. One that FAILED gave nothing back.")


class StatementLineOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = Word("StatementKind", lambda: KINDS)
    amount_minor = serializers.IntegerField(help_text="Positive is money in, negative is money out.")
    currency = Word("Currency", lambda: CURRENCIES)
    payment = serializers.IntegerField(allow_null=True)
    order = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(help_text="What the ledger calls it; once for each line.")
    posted_at = serializers.DateTimeField()


class CheckoutOutput(serializers.Serializer[Any]):
    order = serializers.IntegerField()
    order_number = serializers.CharField(help_text="What the customer and the shop call it, such as CT-000042.")
    payment = PaymentOutput()


class TopupOutput(serializers.Serializer[Any]):
    payment = PaymentOutput()


def show_payments(payments: Sequence[Payment], language: str) -> list[dict[str, Any]]:
    """One body each, with one query for all of them about each thing that is not in their rows."""
    prompts, landings, refunds = prompts_of(payments), landings_of(payments), refunds_of(payments)
    return [
        _show(
            payment,
            language,
            prompts.get(payment.pk, Prompt()),
            landings.get(payment.pk, Landing()),
            refunds.get(payment.pk, []),
        )
        for payment in payments
    ]


def show_payment(payment: Payment, language: str = "en", prompt: Prompt | None = None) -> dict[str, Any]:
    """The same of one. Whoever has read its prompt with it saves a query."""
    if prompt is None:
        return show_payments([payment], language)[0]
    landing = landings_of([payment]).get(payment.pk, Landing())
    return _show(payment, language, prompt, landing, refunds_of([payment]).get(payment.pk, []))


def _show(
    payment: Payment, language: str, prompt: Prompt, landing: Landing, refunds: Sequence[Refund]
) -> dict[str, Any]:
    """The body that PaymentOutput documents. Built by hand: a crowd polls it."""
    position = position_of(payment)
    eta = eta_seconds(payment, position)
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
        "paused": is_paused(payment),
        "paused_until": iso(paused_until(payment)),
        "retry_after_seconds": read_again_seconds(payment, eta),
        "events_url": f"{settings.EVENTS_URL}/api/payments/{payment.pk}/events/",
        "steps": steps_of(payment),
        "instructions": prompt.instructions,
        "link": prompt.link,
        "failure_code": payment.failure_code,
        "message": message_about(payment.failure_code, language),
        "created_at": iso(payment.queued_at),
        "expires_at": iso(payment.expires_at),
        "settled_at": iso(payment.settled_at),
        "collected_minor": landing.collected_minor,
        "collected_currency": landing.collected_currency,
        "landed": landing.landed,
        **show_refunds(payment, refunds),
    }
