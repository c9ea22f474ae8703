"""What people and the control loop have said about the queue."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock

# Stands in place of a gateway's name for all of them, the wallet included.
ALL = ""


class QueueMode(models.TextChoices):
    RUN = "RUN"
    DRAIN = "DRAIN"  # nothing new is sent to the gateway; what it has is followed to its end
    STOP = "STOP"  # the gateway is not asked anything at all


class QueueControl(models.Model):
    """What a person has ordered for one gateway, or for all. No row: nothing was ever ordered.

    mode_since        when this mode was ordered; empty: nobody has ordered any
    until             when the mode ends by itself and the queue runs again; empty: when somebody says so
    max_concurrent    calls in flight, in place of the settings and of what the loop thinks; empty: theirs hold
    rate_per_second   the same for calls per second
    """

    gateway = models.CharField(max_length=20, unique=True, blank=True, help_text="Empty: all of them.")
    mode = models.CharField(max_length=5, choices=QueueMode.choices, default=QueueMode.RUN)
    mode_since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    max_concurrent = models.PositiveIntegerField(null=True, blank=True)
    rate_per_second = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        permissions = [("steer_queue", "Can stop, drain, resume and resize the queue")]
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=QueueMode.values), name="control_mode_known"),
            models.CheckConstraint(condition=Q(max_concurrent__gte=1), name="control_concurrency_positive"),
            models.CheckConstraint(condition=Q(rate_per_second__gte=1), name="control_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.gateway or 'all'}: {self.mode}"


class Steering(models.Model):
    """What is decided by clock and load: one row.

    pinned_profile     a person's choice of profile; empty: by clock and load
    flash_sale_since   since when there is a flash sale: begun by the loop, or by a person who pinned it
    profile            which one held when the loop last looked
    long_since         since when the queue has been long, while there is no flash sale
    short_since        since when it has been short, while there is one
    max_concurrent     what the loop allows of all at once; empty: what the profile says
    batch_size         the same for one batch
    gateway_caps       what the loop allows at each gateway: {name: calls in flight}; none: its own limit
    good_latencies     how long each gateway takes on a good day: {name: milliseconds}
    decided_at         when the loop last looked. What it said long ago does not hold any more
    """

    pinned_profile = models.CharField(max_length=20, blank=True)
    flash_sale_since = models.DateTimeField(null=True, blank=True)
    profile = models.CharField(max_length=20, blank=True)
    long_since = models.DateTimeField(null=True, blank=True)
    short_since = models.DateTimeField(null=True, blank=True)
    max_concurrent = models.PositiveIntegerField(null=True, blank=True)
    batch_size = models.PositiveIntegerField(null=True, blank=True)
    gateway_caps = models.JSONField(default=dict, blank=True)
    good_latencies = models.JSONField(default=dict, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="steering_is_one_row")]

    def __str__(self) -> str:
        return "Steering"
