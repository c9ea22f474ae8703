"""Every table of this app. Columns, constraints and names; what is done with them stands in the verbs."""

from payments.models.attempt import PaymentAttempt
from payments.models.dead_letter import DeadLetter
from payments.models.detour import Detour
from payments.models.event import WebhookEvent
from payments.models.idempotency import IdempotencyKey
from payments.models.payment import WALLET, Payment, PaymentKind, Priority

__all__ = [
    "WALLET",
    "DeadLetter",
    "Detour",
    "IdempotencyKey",
    "Payment",
    "PaymentAttempt",
    "PaymentKind",
    "Priority",
    "WebhookEvent",
]
