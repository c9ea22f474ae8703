"""Money that goes back to a customer."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES, Money
from payments.models.attempt import PaymentAttempt
from payments.models.payment import Payment
from payments.states import WAITING_REFUNDS, RefundState


class RefundWay(models.TextChoices):
    GATEWAY = "GATEWAY"  # to where the money came from
    WALLET = "WALLET"  # into the customer's wallet


class RefundSource(models.TextChoices):
    STAFF = "STAFF"
    BULK = "BULK"
    OUTSIDE = "OUTSIDE"  # begun at the gateway, by its staff or by itself; we only heard of it


class Refund(models.Model):
    """Written before the gateway is called. `reference` is what the gateway knows it by, the same for every call.

    A database trigger keeps the refunds of one collection (one attempt, or one payment from a wallet) within what was
    captured: those that FAILED do not count.

    next_attempt_at   when it is to be sent, or asked about; doubles as the lease, like Payment.next_check_at. One that
                      FAILED may have it too, and is only ever asked about: what failed may be given after all
    """

    reference = models.UUIDField(default=uuid.uuid4, unique=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    attempt = models.ForeignKey(
        PaymentAttempt,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refunds",
        help_text="The try whose money goes back; empty for a payment from the wallet.",
    )
    way = models.CharField(max_length=7, choices=RefundWay.choices)
    source = models.CharField(max_length=7, choices=RefundSource.choices)
    state = models.CharField(max_length=9, choices=RefundState.choices, default=RefundState.QUEUED)
    gateway = models.CharField(max_length=20, blank=True, help_text="Empty when it goes into the wallet.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    gateway_refund_id = models.CharField(max_length=100, blank=True, help_text="The gateway's own id.")
    bank_reference = models.CharField(max_length=100, blank=True)
    failure_code = models.CharField(max_length=40, blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="For staff.")
    attempts_made = models.PositiveSmallIntegerField(default=0)
    asks_made = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    requested_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    request = models.JSONField(default=dict, blank=True, help_text="Masked.")
    response = models.JSONField(default=dict, blank=True, help_text="Masked.")

    class Meta:
        permissions = [("refund_payment", "Can refund payment")]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=Q(currency__in=CURRENCIES), name="refund_currency_known"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="refund_state_known"),
            models.CheckConstraint(condition=Q(source__in=RefundSource.values), name="refund_source_known"),
            models.CheckConstraint(
                condition=Q(way=RefundWay.WALLET, gateway="")
                | (Q(way=RefundWay.GATEWAY, attempt__isnull=False) & ~Q(gateway="")),
                name="refund_way_fits",
            ),
            models.CheckConstraint(
                condition=Q(state=RefundState.REFUNDED, finished_at__isnull=False, next_attempt_at__isnull=True)
                | Q(state=RefundState.FAILED, finished_at__isnull=False)
                | Q(state__in=WAITING_REFUNDS, finished_at__isnull=True, next_attempt_at__isnull=False),
                name="refund_waits_or_has_ended",
            ),
            models.UniqueConstraint(
                fields=["gateway", "gateway_refund_id"],
                name="refund_at_gateway_once",
                condition=~Q(gateway_refund_id="") & ~Q(state=RefundState.FAILED),
            ),
        ]
        indexes = [
            models.Index(
                fields=["gateway", "next_attempt_at"], name="refund_due", condition=Q(next_attempt_at__isnull=False)
            ),
            models.Index(fields=["payment", "id"], name="refund_by_payment"),
            models.Index(fields=["finished_at"], name="refund_failed", condition=Q(state=RefundState.FAILED)),
            models.Index(
                fields=["finished_at"],
                name="refund_contradicted",
                condition=Q(state=RefundState.REFUNDED) & ~Q(problem=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Refund {self.pk} of payment {self.payment_id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
