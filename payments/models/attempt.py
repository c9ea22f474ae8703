"""One try at a gateway."""

import uuid

from django.db import models
from django.db.models import Q

from choptym.lib import clock
from payments.models.payment import Payment
from payments.states import MAY_CHARGE, TOOK_NOTHING, AttemptState


class PaymentAttempt(models.Model):
    """Written before the call. Its `reference` is what the gateway knows it by: ours, fresh for every try."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    reference = models.UUIDField(default=uuid.uuid4, unique=True)
    gateway = models.CharField(max_length=20)
    state = models.CharField(max_length=9, choices=AttemptState.choices, default=AttemptState.STARTED)
    transaction_id = models.CharField(max_length=100, blank=True, help_text="The gateway's own id.")
    gateway_payment_id = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="The gateway's id of the money itself, as it was booked.",
    )
    link = models.CharField(max_length=500, blank=True)
    instructions = models.CharField(max_length=200, blank=True)
    collected_minor = models.BigIntegerField(null=True, blank=True, help_text="What the gateway says it collected.")
    collected_currency = models.CharField(max_length=3, blank=True)
    started_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When the call's answer, or its loss, was noted.")
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    request = models.JSONField(default=dict, blank=True, help_text="Masked.")
    response = models.JSONField(default=dict, blank=True, help_text="Masked.")
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "number"], name="attempt_number_once"),
            # INV-2 in the database: while one try may take the money, there is no second.
            models.UniqueConstraint(
                fields=["payment"], name="attempt_one_may_charge", condition=Q(state__in=MAY_CHARGE)
            ),
            models.UniqueConstraint(
                fields=["gateway", "transaction_id"], name="attempt_transaction_once", condition=~Q(transaction_id="")
            ),
            models.CheckConstraint(condition=Q(state__in=AttemptState.values), name="attempt_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["gateway", "gateway_payment_id"],
                name="attempt_by_gateway_payment",
                condition=~Q(gateway_payment_id=""),
            ),
            # For the clean-up (payments/housekeeping/kept.py): what may be moved, and what still has its papers.
            models.Index(fields=["started_at"], name="attempt_took_nothing", condition=Q(state__in=TOOK_NOTHING)),
            models.Index(fields=["started_at"], name="attempt_with_papers", condition=~Q(request={}) | ~Q(response={})),
        ]

    def __str__(self) -> str:
        return f"Try {self.number} of payment {self.payment_id}"
