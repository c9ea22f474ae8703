"""A gateway's own list of a day, held against ours."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES, Money
from payments.models.attempt import PaymentAttempt
from payments.models.refund import Refund
from payments.states import BreakState, ReconciliationState


class BreakKind(models.TextChoices):
    MISSING_HERE = "MISSING_HERE"  # the gateway has it, we have not
    MISSING_THERE = "MISSING_THERE"  # we have it, the gateway has not
    AMOUNT = "AMOUNT"
    FEE = "FEE"
    STATE = "STATE"
    REFUND = "REFUND"  # a refund that only one side knows, or with another amount


class Reconciliation(models.Model):
    """One gateway, one day (UTC). The row is the job: QUEUED until the day's lists were read and compared.

    next_attempt_at   when it is due; while somebody works on it (begun_at), also when they are taken for dead
    rechecks          how often it was looked at again since it was asked for, because something was mended
    """

    gateway = models.CharField(max_length=20)
    day = models.DateField()
    state = models.CharField(max_length=8, choices=ReconciliationState.choices, default=ReconciliationState.QUEUED)
    is_complete = models.BooleanField(default=False, help_text="The gateway's list can be relied on to hold all.")
    lines_seen = models.PositiveIntegerField(default=0)
    lines_matched = models.PositiveIntegerField(default=0)
    lines_done = models.PositiveIntegerField(default=0, help_text="Of lines_seen, for the progress bar.")
    fees_booked = models.PositiveIntegerField(default=0, help_text="By the last run, because only the lists tell them.")
    runs = models.PositiveSmallIntegerField(default=0)
    attempts_made = models.PositiveSmallIntegerField(default=0, help_text="Since it was asked for.")
    rechecks = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    begun_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        permissions = [("run_reconciliation", "Can run reconciliation")]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "day"], name="reconciliation_once_a_day"),
            models.CheckConstraint(
                condition=Q(state__in=ReconciliationState.values), name="reconciliation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=ReconciliationState.QUEUED, next_attempt_at__isnull=False)
                | (~Q(state=ReconciliationState.QUEUED) & Q(next_attempt_at__isnull=True)),
                name="reconciliation_waits_or_has_ended",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="reconciliation_due", condition=Q(next_attempt_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.gateway} on {self.day}"


class ReconciliationBreak(models.Model):
    """A line on which the two sides do not agree, and what became of it. Found again, it is the same row."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="breaks")
    kind = models.CharField(max_length=13, choices=BreakKind.choices)
    state = models.CharField(max_length=6, choices=BreakState.choices, default=BreakState.OPEN)
    transaction_id = models.CharField(max_length=100, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    our_minor = models.BigIntegerField(null=True, blank=True)
    our_currency = models.CharField(max_length=3, blank=True)
    our_word = models.CharField(max_length=40, blank=True)
    their_minor = models.BigIntegerField(null=True, blank=True)
    their_currency = models.CharField(max_length=3, blank=True)
    their_word = models.CharField(max_length=40, blank=True)
    found_at = models.DateTimeField(default=clock.now, editable=False)
    seen_at = models.DateTimeField(default=clock.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reconciliation", "kind", "transaction_id", "reference"], name="break_found_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=BreakKind.values), name="break_kind_known"),
            models.CheckConstraint(condition=Q(state__in=BreakState.values), name="break_state_known"),
            models.CheckConstraint(
                condition=Q(state=BreakState.OPEN, closed_at__isnull=True)
                | (~Q(state=BreakState.OPEN) & Q(closed_at__isnull=False)),
                name="break_closed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="break_open", condition=Q(state=BreakState.OPEN))]

    def __str__(self) -> str:
        return f"{self.kind} {self.transaction_id or self.reference}"

    @property
    def our_money(self) -> Money | None:
        return _money(self.our_minor, self.our_currency)

    @property
    def their_money(self) -> Money | None:
        return _money(self.their_minor, self.their_currency)

    @property
    def our_side(self) -> str:
        return _side(self.our_money, self.our_word)

    @property
    def their_side(self) -> str:
        return _side(self.their_money, self.their_word)

    @property
    def payment_id(self) -> int | None:
        """Whom it is about, if we know."""
        if self.attempt is not None:
            return self.attempt.payment_id
        return self.refund.payment_id if self.refund is not None else None


def _money(minor: int | None, currency: str) -> Money | None:
    return Money(minor, currency) if minor is not None and currency in CURRENCIES else None


def _side(money: Money | None, word: str) -> str:
    return f"{money or ''} {word}".strip() or "nothing"
