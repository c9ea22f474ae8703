"""Filters that cost the same on ten rows and on ten million."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from choptym.lib import clock
from choptym.lib.admin import OneOfFilter
from payments.find import first_id_since
from payments.models import WALLET, DeadLetter, Payment, Refund
from payments.selectors import refunds_in_need

_DAY = timedelta(days=1)


class GatewayFilter(OneOfFilter):
    """The gateways that are switched on."""

    title = "gateway"
    parameter_name = "gateway"
    names = tuple(settings.GATEWAYS)


class MethodFilter(GatewayFilter):
    """The wallet is a way to pay, too."""

    names = (*settings.GATEWAYS, WALLET)


class AcceptedFilter(SimpleListFilter):
    """By the day on which the payment was accepted, found through the ids."""

    title = "accepted"
    parameter_name = "accepted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("hour", "during the last hour"),
            ("today", "today"),
            ("yesterday", "yesterday"),
            ("week", "during the last 7 days"),
            ("month", "during the last 30 days"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        now = timezone.localtime(clock.now())
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        since = {
            "hour": now - timedelta(hours=1),
            "today": today,
            "yesterday": today - _DAY,
            "week": now - 7 * _DAY,
            "month": now - 30 * _DAY,
        }.get(self.value() or "")
        if since is None:
            return queryset
        rows = queryset.filter(pk__gte=first_id_since(since))
        return rows.filter(pk__lt=first_id_since(today)) if self.value() == "yesterday" else rows


class OpenFilter(SimpleListFilter):
    """Dead letters that still wait for somebody."""

    title = "state"
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("replayed", "replayed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        if self.value() is None:
            return queryset
        return queryset.filter(replayed_at__isnull=self.value() == "open")


class RefundsInNeedFilter(SimpleListFilter):
    """Refunds that are stuck, failed of late, or were contradicted."""

    title = "needs"
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("person", "a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset.filter(pk__in=refunds_in_need().values("pk")) if self.value() == "person" else queryset
