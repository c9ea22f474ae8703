"""What is wrong, who was told of it, and what is known of the workers and of the last proof of the books."""

from django.db import models
from django.db.models import Q


class Severity(models.TextChoices):
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class Alert(models.Model):
    """A figure beyond its threshold, from the first look that found it until it was well again.

    place        which gateway, worker, queue or kind; empty: the whole
    severity     what it is now; `worst` is the worst that it was
    looked_at    when it was last measured: older than the last check, when its figure cannot be read
    good_looks   looks in a row that found it better. One is not enough to change anything for the better
    changes      how often it was opened, made worse or better, or closed
    """

    rule = models.CharField(max_length=40)
    place = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    worst = models.CharField(max_length=8, choices=Severity.choices)
    value = models.FloatField()
    threshold = models.FloatField(help_text="Of its severity.")
    text = models.CharField(max_length=500)
    good_looks = models.PositiveSmallIntegerField(default=0)
    changes = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="When it was opened, closed, or changed its severity.")
    looked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    muted_until = models.DateTimeField(null=True, blank=True, help_text="Until then nobody is told of its changes.")

    class Meta:
        permissions = [("mute_alert", "Can mute alerts and forget workers")]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "place"], name="alert_one_open", condition=Q(closed_at__isnull=True)
            ),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="alert_severity_known"),
            models.CheckConstraint(condition=Q(worst__in=Severity.values), name="alert_worst_known"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.place}".strip()


class AlertNotice(models.Model):
    """One change of an alert, to be told at one of ALERT_URLS. Written in the transaction of the change.

    channel        which address: a digest of it, for the address itself may hold a password
    next_tell_at   when it is to be sent; doubles as the lease. Empty: told, or given up
    """

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    change = models.PositiveIntegerField()
    channel = models.CharField(max_length=12)
    title = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField()
    next_tell_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "change", "channel"], name="alert_notice_once"),
            models.CheckConstraint(
                condition=Q(told_at__isnull=True) | Q(next_tell_at__isnull=True), name="alert_notice_told_is_done"
            ),
        ]
        indexes = [
            models.Index(fields=["next_tell_at"], name="alert_notice_waiting", condition=Q(next_tell_at__isnull=False))
        ]

    def __str__(self) -> str:
        return self.title


class AlertCheck(models.Model):
    """When a group of rules was last looked at, and whose figure could not be read then: {rule: why}.

    busy_until   the lease of whoever looks now: slow looks must not pile up until they fill the workers
    """

    name = models.CharField(max_length=20, unique=True)
    checked_at = models.DateTimeField()
    busy_until = models.DateTimeField(null=True, blank=True)
    unread = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name


class BooksProof(models.Model):
    """What the last proof of the books found: one row, {kind of break: how many}."""

    proved_at = models.DateTimeField()
    breaks = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="books_proof_is_one_row")]

    def __str__(self) -> str:
        return "The last proof of the books"


class Worker(models.Model):
    """A worker as it made itself known, and how it answers its canaries.

    asked_at    when the oldest canary was sent that it has not answered; older than `seen_at`: it has answered
    looked_at   when its canary was last seen to. Silence is counted up to here only: while nobody sends canaries
                (beat or Redis is away) no worker is silent
    ended_at    when it signed off
    """

    name = models.CharField(max_length=200, unique=True)
    queues = models.JSONField(default=list)
    started_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
