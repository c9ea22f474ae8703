"""One wish to pay, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES, Money
from payments.states import FINAL_STATES, WAITING_STATES, PaymentState

WALLET = "wallet"


class PaymentKind(models.TextChoices):
    ORDER = "ORDER"
    TOPUP = "TOPUP"


class Priority(models.IntegerChoices):
    HIGH = 3
    MEDIUM = 2
    NORMAL = 1


class Payment(models.Model):
    """The row is the job: what is to be done next, and when, stands here and nowhere else.

    next_attempt_at   QUEUED: when its turn at the gateway comes
    published_at      when a worker last took it in hand to charge it; empty: it is in nobody's hand
    requested_at      when a gateway was first to be asked; asked_at: when one was last. Written before the call
    next_check_at     when the gateway is to be asked what became of it. Whoever asks moves it ahead first, so that a
                      dead asker's payment comes up again by itself
    expires_at        when the customer has waited long enough and the reserved stock is freed
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payments")
    kind = models.CharField(max_length=5, choices=PaymentKind.choices)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    gateway = models.CharField(max_length=20, help_text="A gateway's name, or wallet.")
    by_link = models.BooleanField(default=False, help_text="Paid on the gateway's page instead of on the phone.")
    phone = models.CharField(
        max_length=15, blank=True, help_text="National number: nine digits in Cameroon, ten in India."
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    fee_minor = models.BigIntegerField(null=True, blank=True, help_text="What the gateway kept, once settled.")
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    state = models.CharField(max_length=10, choices=PaymentState.choices, default=PaymentState.QUEUED)
    failure_code = models.CharField(max_length=40, blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="For staff: why it failed or needs a person.")
    attempts_made = models.PositiveSmallIntegerField(default=0)
    checks_made = models.PositiveIntegerField(default=0)
    queued_at = models.DateTimeField(default=clock.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField()
    requested_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    pending_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("review_payment", "Can decide payments under review")]
        indexes = [
            models.Index(fields=["user", "-id"], name="payment_by_user"),
            models.Index(fields=["-finished_at"], name="payment_by_finish", condition=Q(finished_at__isnull=False)),
            models.Index(fields=["requested_at"], name="payment_by_request", condition=Q(requested_at__isnull=False)),
            models.Index(fields=["-priority", "id"], name="payment_queue", condition=Q(state=PaymentState.QUEUED)),
            models.Index(
                fields=["gateway", "priority", "id"],
                name="payment_queue_of_gateway",
                condition=Q(state=PaymentState.QUEUED),
            ),
            models.Index(
                fields=["gateway", "next_check_at"], name="payment_checks", condition=Q(next_check_at__isnull=False)
            ),
            models.Index(fields=["expires_at"], name="payment_expiry", condition=Q(state__in=WAITING_STATES)),
            # Staff find a payment by the phone that paid.
            models.Index(fields=["phone"], name="payment_by_phone", condition=~Q(phone="")),
            models.Index(fields=["id"], name="payment_review", condition=Q(state=PaymentState.REVIEW)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(condition=Q(currency__in=CURRENCIES), name="payment_currency_known"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="payment_priority_known"),
            models.CheckConstraint(
                condition=Q(kind=PaymentKind.ORDER, order__isnull=False)
                | (Q(kind=PaymentKind.TOPUP, order__isnull=True) & ~Q(gateway=WALLET)),
                name="payment_kind_fits",
            ),
            models.CheckConstraint(
                condition=Q(state=PaymentState.SETTLED, settled_at__isnull=False)
                | (~Q(state=PaymentState.SETTLED) & Q(settled_at__isnull=True)),
                name="payment_settled_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=FINAL_STATES, finished_at__isnull=False)
                | (~Q(state__in=FINAL_STATES) & Q(finished_at__isnull=True)),
                name="payment_finished_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Payment {self.pk}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
