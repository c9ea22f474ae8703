"""A customer's wallet over HTTP: the balance. The statement, which names payments, is in payments/views.py."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.who import user_id_of
from wallets.selectors import wallet_accounts
from wallets.serializers import WalletOutput

HOME_CURRENCY = "XAF"


class WalletView(APIView):
    @extend_schema(responses=WalletOutput)
    def get(self, request: Request) -> Response:
        """Read the wallet: the balance in FCFA, and the balances in every currency."""
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
