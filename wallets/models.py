"""Accounts and the entries between them. Entries are append-only: a database trigger refuses to change one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from choptym.lib import clock
from choptym.lib.money import CURRENCIES, Money
from wallets.accounts import CUSTOMER


class Account(models.Model):
    """One side of an entry. `balance_minor` is stored for customers only (see wallets/accounts.py)."""

    name = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    balance_minor = models.BigIntegerField(null=True, blank=True)
    opened_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        permissions = [("credit_account", "Can credit wallets")]
        constraints = [
            models.UniqueConstraint(fields=["name", "currency"], name="account_once"),
            models.CheckConstraint(condition=Q(currency__in=CURRENCIES), name="account_currency_known"),
            models.CheckConstraint(
                # Without isnull a NULL would pass: a check that is neither true nor false is no break.
                condition=Q(
                    user__isnull=False,
                    balance_minor__isnull=False,
                    balance_minor__gte=0,
                    name__startswith=f"{CUSTOMER}:",
                )
                | (Q(user__isnull=True, balance_minor__isnull=True) & ~Q(name__startswith=f"{CUSTOMER}:")),
                name="account_customer_never_negative",
            ),
        ]
        indexes = [models.Index(fields=["user"], name="account_by_user")]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"

    @property
    def balance(self) -> Money:
        """The stored balance of a customer's account."""
        return Money(self.balance_minor or 0, self.currency)


class Entry(models.Model):
    """An amount that went from one account (`debit`) to another (`credit`), once for its `reason`.

    Both accounts have the entry's currency: composite foreign keys in the migration see to it.
    """

    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits")
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=80, unique=True)
    posted_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="entry_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="entry_between_two_accounts"),
        ]

    def __str__(self) -> str:
        return self.reason

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
