"""A customer's wallet over HTTP: balance and statement."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.who import user_id_of
from wallets.models import Entry
from wallets.selectors import customer_entries, statement_line, wallet_accounts
from wallets.serializers import StatementLineOutput, WalletOutput

HOME_CURRENCY = "XAF"


class WalletView(APIView):
    @extend_schema(responses=WalletOutput)
    def get(self, request: Request) -> Response:
        """What the customer has: the balance in FCFA, and the balances in every currency."""
        balances = {account.currency: account.balance_minor for account in wallet_accounts(user_id_of(request))}
        balances.setdefault(HOME_CURRENCY, 0)
        return Response(
            {
                "balance_minor": balances[HOME_CURRENCY],
                "currency": HOME_CURRENCY,
                "accounts": [
                    {"currency": currency, "balance_minor": balance} for currency, balance in sorted(balances.items())
                ],
            }
        )


class StatementView(ListAPIView[Entry]):
    """Everything that went into or out of the customer's wallet, newest first."""

    serializer_class = StatementLineOutput

    def get_queryset(self) -> QuerySet[Entry]:
        return customer_entries(user_id_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        lines = [statement_line(entry, user_id_of(request)) for entry in page]
        return self.get_paginated_response(StatementLineOutput(lines, many=True).data)
