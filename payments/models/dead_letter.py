"""Payments whose settlement failed for a reason of their own."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from payments.models.payment import Payment


class DeadLetter(models.Model):
    """Set aside so that the rest of its batch goes through. Staff replay it; at most one is open per payment."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="dead_letters")
    reason = models.TextField()
    facts = models.JSONField(
        default=list,
        db_default=models.Value([], output_field=models.JSONField()),
        blank=True,
        editable=False,
        help_text="What a gateway said of refunds that could not be booked: taken up again by a replay.",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    replayed_at = models.DateTimeField(null=True, blank=True)
    replayed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        permissions = [("replay_deadletter", "Can replay dead letter")]
        constraints = [
            models.UniqueConstraint(
                fields=["payment"], name="dead_letter_one_open", condition=Q(replayed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"Payment {self.payment_id} set aside"
