"""What a gateway told us by webhook."""

from django.db import models
from django.db.models import Q

from choptym.lib import clock
from payments.models.payment import Payment
from payments.states import EventState


class WebhookEvent(models.Model):
    """Stored once per fact, before it is answered. A hint, not the truth, unless its signature covers the body."""

    gateway = models.CharField(max_length=20)
    key = models.CharField(max_length=200, help_text="The same for every delivery of the same fact.")
    transaction_id = models.CharField(max_length=100, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    word = models.CharField(max_length=40, blank=True, help_text="The status as the gateway spells it.")
    payload = models.JSONField(default=dict)
    facts = models.JSONField(
        default=dict, blank=True, help_text="What a signed event says, in our words: it may settle. Empty for a hint."
    )
    state = models.CharField(max_length=9, choices=EventState.choices, default=EventState.NEW)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    received_at = models.DateTimeField(default=clock.now, editable=False)
    # Doubles as the lease, like Payment.next_check_at. Empty once nothing is left to do.
    next_look_at = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "key"], name="event_stored_once"),
            models.CheckConstraint(condition=Q(state__in=EventState.values), name="event_state_known"),
        ]
        indexes = [
            models.Index(fields=["next_look_at"], name="event_waiting", condition=Q(next_look_at__isnull=False)),
            models.Index(fields=["gateway", "transaction_id"], name="event_by_transaction"),
            models.Index(fields=["received_at"], name="event_unclaimed", condition=Q(state=EventState.UNCLAIMED)),
            # For the clean-up: those with which nothing is left to do.
            models.Index(fields=["received_at"], name="event_done", condition=Q(next_look_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.key}"
