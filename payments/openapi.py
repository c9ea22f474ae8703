"""What the OpenAPI document says of payments beyond their fields: headers, examples, refusals, the event stream."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.openapi import refusal
from payments.idempotency import LONGEST_KEY
from payments.serializers import PaymentOutput

Endpoint = tuple[str, str, str, Callable[..., Any]]

EVENTS_PATH = "/api/payments/{payment_id}/events/"

# Printable ASCII; a server takes the blanks off both ends of a header.
_KEY = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    _KEY,
    OpenApiParameter.HEADER,
    required=True,
    description="Chosen by the client before it sends, and kept when it repeats: the same key gets the same answer.",
)
LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[202], description="Where to follow the payment."
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[202],
    enum=["true"],
    description="Only when this key was answered before, and this is that answer.",
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    response=[200],
    description="Seconds after which to ask again. Missing once the payment has ended; 60 under REVIEW.",
)
STARTING = [IDEMPOTENCY_KEY, LOCATION, REPLAYED]
REFUND_LOCATION = OpenApiParameter(
    "Location", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[202], description="Where to follow the refund."
)
REFUNDING = [IDEMPOTENCY_KEY, REFUND_LOCATION, REPLAYED]

KEY_REUSED = refusal("`idempotency_key_reused`: this key was used for another request.")
NOT_STARTED = refusal(
    "`idempotency_key_invalid`, `unknown_method`, `invalid_phone`, `phone_required`, `amount_too_small`, "
    "`currency_not_supported`; at checkout also `empty_cart`, `several_shops`, `quantity_too_large`, `cart_full`, "
    "`amount_too_large`, for a top-up `unknown_field`. With one field at fault `code` is that field's (`required`, "
    "`min_value` …), with several it is `invalid`."
)
NO_CHECKOUT = refusal(
    "`still_running` (ask again with the same key), `sold_out` (`fields` names the lines as `cart.<line id>`), "
    "`shop_closed`, `insufficient_balance`."
)
NO_TOPUP = refusal("`still_running`: the first request with this key is not done; ask again with the same key.")
NO_CANCEL = refusal("`outcome_unknown` while the gateway is being asked (see Retry-After), `already_ended`.")
TOO_MANY_STREAMS = refusal(
    "`too_many_streams`: this customer has five open already; close one, or ask at `/api/payments/{id}/` meanwhile. "
    "`throttled`: too many requests. See Retry-After."
)
NOT_FOR_YOU = refusal("`permission_denied`: only for staff whose role gives money back.")
MAY_NOT_STEER = refusal("`permission_denied`: only for staff whose role steers the queue.")
NOT_STEERED = refusal(
    "`unknown_gateway`, `bad_until` (not in the future, or more than a year ahead), `no_reason`, `unknown_field`; for "
    "profiles `unknown_profile`; for "
    "limits also `nothing_to_set`, `bad_concurrency`, `bad_rate`, `rate_needs_gateway`, `no_limits` (of the wallet). "
    "With one field at fault `code` is that field's (`required`, `invalid` …), with several it is `invalid`."
)
NOT_REFUNDED = refusal(
    "`idempotency_key_invalid`, `amount_too_large`, `refund_too_small` (less than the gateway gives back: `to_wallet` "
    "puts it into the wallet), `unknown_field`. With one field at fault `code` is that field's (`required`, "
    "`min_value` …), with several it is `invalid`."
)
NO_REFUND = refusal(
    "`still_running` (ask again with the same key), `not_settled`, `nothing_left`, `already_in_wallet` (no gateway can "
    "give it back, and it lies in the customer's wallet), `insufficient_balance` (the customer has spent it from the "
    "wallet)."
)

CHECKOUT_EXAMPLES = [
    OpenApiExample("By phone", {"method": "fapshi", "phone": "677123456"}, request_only=True),
    OpenApiExample("On a page of the gateway", {"method": "campay", "link": True}, request_only=True),
    OpenApiExample("By UPI, for a shop in INR", {"method": "razorpay", "phone": "9876543210"}, request_only=True),
    OpenApiExample("From the wallet", {"method": "wallet"}, request_only=True),
]
TOPUP_EXAMPLES = [
    OpenApiExample(
        "5,000 FCFA by phone",
        {"method": "fapshi", "phone": "677123456", "amount_minor": 5000, "currency": "XAF"},
        request_only=True,
    ),
    OpenApiExample(
        "₹500.00 by UPI",
        {"method": "cashfree", "phone": "9876543210", "amount_minor": 50000, "currency": "INR"},
        request_only=True,
    ),
]
REFUND_EXAMPLES = [
    OpenApiExample("All that is left", {"reason": "The order never came"}, request_only=True),
    OpenApiExample("A part of it", {"amount_minor": 1000, "reason": "One plate was missing"}, request_only=True),
    OpenApiExample("Into the wallet", {"reason": "The soup was cold", "to_wallet": True}, request_only=True),
]

HOLD_EXAMPLES = [
    OpenApiExample("One gateway", {"gateway": "fapshi", "reason": "It answers with nonsense"}, request_only=True),
    OpenApiExample(
        "All, for a while",
        {"gateway": "all", "reason": "The database is moved", "until": "2026-11-05T14:00:00+01:00"},
        request_only=True,
    ),
]
RESUME_EXAMPLES = [
    OpenApiExample("One gateway", {"gateway": "fapshi", "reason": "They say it is mended"}, request_only=True)
]
CLEAR_EXAMPLES = [OpenApiExample("Now", {"reason": "The disk is filling up"}, request_only=True)]
PROFILE_EXAMPLES = [
    OpenApiExample("A flash sale", {"profile": "flash_sale", "reason": "The derby begins"}, request_only=True),
    OpenApiExample("By clock and load", {"profile": "auto", "reason": "It is over"}, request_only=True),
]
LIMITS_EXAMPLES = [
    OpenApiExample(
        "Gently", {"gateway": "campay", "reason": "They asked us to", "max_concurrent": 5}, request_only=True
    ),
    OpenApiExample(
        "As the settings say",
        {"gateway": "campay", "reason": "Over", "max_concurrent": None, "rate_per_second": None},
        request_only=True,
    ),
]


class EventStream(APIView):
    """Stands in the document for payments/stream.py, which the generator cannot read."""

    @extend_schema(
        operation_id="payments_events",
        parameters=[
            OpenApiParameter(
                "Location", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[307], description="The event process."
            )
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(PaymentOutput, "`data` of each event is this object."),
            307: OpenApiResponse(description="The web process sends you to the event process; see `events_url`."),
            429: TOO_MANY_STREAMS,
        },
    )
    def get(self, request: Request, payment_id: int) -> Response:
        """Follow a payment as server-sent events.

        Open the payment's `events_url`: it leads straight to the process that streams. At this address the web
        process answers 307, and many clients drop `Authorization` when they follow to another host or port.

        The payment as it stands comes at once, then again at every change; the stream ends when the payment has:

            event: payment
            data: {"id": 42, "status": "PENDING", …}

        Lines that begin with a colon come every 15 seconds and mean nothing. After a lost connection open it again.
        A customer may have five streams open at a time.
        """
        raise NotImplementedError


def add_event_stream(endpoints: list[Endpoint]) -> list[Endpoint]:
    """drf-spectacular's hook: one more operation."""
    return [*endpoints, (EVENTS_PATH, "api/payments/<bigint:payment_id>/events/", "GET", EventStream.as_view())]
