"""The outbox: what must be said, to whom, through which channel, and whether it was."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.states import Moves


class Channel(models.TextChoices):
    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"


class Language(models.TextChoices):
    FRENCH = "fr"
    ENGLISH = "en"


class NotificationState(models.TextChoices):
    WAITING = "WAITING"
    SENT = "SENT"
    GIVEN_UP = "GIVEN_UP"  # every try of a day failed, or no try can help: staff see it


NOTIFICATION_MOVES: Moves = {
    NotificationState.WAITING: {NotificationState.SENT, NotificationState.GIVEN_UP},
    NotificationState.SENT: set(),
    NotificationState.GIVEN_UP: {NotificationState.WAITING},
}


class Preference(models.Model):
    """How a customer wants to be told. Without a row: by SMS to the number that paid, in French."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preference")
    language = models.CharField(max_length=2, choices=Language.choices, default=Language.FRENCH)
    by_sms = models.BooleanField(default=True)
    by_email = models.BooleanField(default=False)
    push_token = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.user}"


class Notification(models.Model):
    """One message through one channel. Written in the transaction of what it tells; sent at least once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notifications")
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=60)  # "payment:42"
    channel = models.CharField(max_length=5, choices=Channel.choices)
    language = models.CharField(max_length=2, choices=Language.choices)
    address = models.CharField(max_length=254)
    context = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=NotificationState.choices, default=NotificationState.WAITING)
    # Doubles as the lease: whoever claims the row moves it ahead, so a dead sender's row comes up again by itself.
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    asked_again_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff last had it sent again: from then on it has a day."
    )

    class Meta:
        permissions = [("send_again_notification", "Can send messages again")]
        constraints = [
            models.UniqueConstraint(fields=["about", "kind", "channel"], name="notification_said_once"),
            models.CheckConstraint(condition=Q(state__in=NotificationState.values), name="notification_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="notification_waiting", condition=Q(state=NotificationState.WAITING)
            ),
            models.Index(
                fields=["next_attempt_at"], name="notification_given_up", condition=Q(state=NotificationState.GIVEN_UP)
            ),
            models.Index(fields=["user", "-id"], name="notification_by_user"),
            # For the clean-up (payments/housekeeping/kept.py).
            models.Index(
                fields=["created_at"], name="notification_done", condition=~Q(state=NotificationState.WAITING)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel} about {self.about}"
