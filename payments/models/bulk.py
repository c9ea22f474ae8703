"""A file of many refunds or wallet credits, and what became of each of its lines."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES
from payments.models.payment import Payment
from payments.models.refund import Refund
from payments.states import BulkLineState, BulkState


class BulkKind(models.TextChoices):
    REFUNDS = "REFUNDS"
    CREDITS = "CREDITS"


class BulkUpload(models.Model):
    """Stored only after every line of the file was found to be good. The same file again finds this row.

    Nothing is done before a member of staff has seen the totals and started it.

    next_attempt_at   when the next chunk is due; doubles as the lease of whoever works on one
    """

    kind = models.CharField(max_length=7, choices=BulkKind.choices)
    digest = models.CharField(max_length=64, help_text="SHA-256 of what its lines say.")
    file_name = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=9, choices=BulkState.choices, default=BulkState.CHECKED)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    lines_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("upload_bulk", "Can upload bulk refunds and credits")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "digest"], name="bulk_upload_once", condition=~Q(state=BulkState.DISCARDED)
            ),
            models.CheckConstraint(
                condition=Q(state=BulkState.QUEUED, next_attempt_at__isnull=False)
                | (~Q(state=BulkState.QUEUED) & Q(next_attempt_at__isnull=True)),
                name="bulk_queued_is_due",
            ),
            models.CheckConstraint(condition=Q(kind__in=BulkKind.values), name="bulk_kind_known"),
            models.CheckConstraint(condition=Q(state__in=BulkState.values), name="bulk_state_known"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="bulk_due", condition=Q(next_attempt_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.file_name


class BulkLine(models.Model):
    """One line of a file: a payment to refund, or a customer to credit."""

    upload = models.ForeignKey(BulkUpload, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveIntegerField(help_text="In the file; the heading is line 1.")
    state = models.CharField(max_length=7, choices=BulkLineState.choices, default=BulkLineState.WAITING)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    amount_minor = models.BigIntegerField(null=True, blank=True, help_text="Empty: the whole rest of the payment.")
    currency = models.CharField(max_length=3, blank=True)
    reason = models.CharField(max_length=200)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "number"], name="bulk_line_once"),
            models.CheckConstraint(condition=Q(state__in=BulkLineState.values), name="bulk_line_state_known"),
            models.CheckConstraint(
                condition=Q(currency="") | Q(currency__in=CURRENCIES), name="bulk_line_currency_known"
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, user__isnull=True)
                | Q(payment__isnull=True, user__isnull=False, amount_minor__isnull=False),
                name="bulk_line_has_target",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__isnull=True) | Q(amount_minor__gt=0), name="bulk_line_amount_positive"
            ),
        ]
        indexes = [
            models.Index(
                fields=["upload", "number"], name="bulk_line_waiting", condition=Q(state=BulkLineState.WAITING)
            )
        ]

    def __str__(self) -> str:
        return f"Line {self.number} of {self.upload_id}"
