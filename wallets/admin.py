"""The books, to be read: accounts with what they hold, and the entries between them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from choptym.lib.admin import ReadOnlyAdmin
from choptym.lib.money import Money
from wallets.models import Account, Entry


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin[Account]):
    list_display = ("name", "currency", "user", "money", "opened_at")
    list_select_related = ("user",)
    list_filter = ("currency",)
    search_fields = ("pk",)
    search_help_text = "Account name (customer:42, sales) or user name"
    readonly_fields = ("money", "moved")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(name=term) | queryset.filter(user__username=term), False

    @admin.display(description="balance")
    def money(self, account: Account) -> str:
        """Stored for customers only; see wallets/accounts.py."""
        return "summed on its page" if account.balance_minor is None else str(account.balance)

    @admin.display(description="sum of its entries")
    def moved(self, account: Account) -> str:
        came, went = (
            rows.aggregate(total=Sum("amount_minor"))["total"] or 0 for rows in (account.credits, account.debits)
        )
        return str(Money(came - went, account.currency))


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin[Entry]):
    list_display = ("id", "money", "debit", "credit", "reason", "posted_at")
    list_select_related = ("debit", "credit")
    search_fields = ("pk",)
    search_help_text = "Reason (payment:42), or the name of an account"
    readonly_fields = ("money",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        accounts = list(Account.objects.filter(name=term).values_list("pk", flat=True))
        if accounts:
            return queryset.filter(debit__in=accounts) | queryset.filter(credit__in=accounts), False
        # With the colon: payment:4 is not the beginning of payment:42.
        return queryset.filter(reason__startswith=f"{term}:") | queryset.filter(reason=term), False

    @admin.display(description="amount")
    def money(self, entry: Entry) -> Any:
        return str(entry.amount)
