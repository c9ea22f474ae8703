"""What the API shows of wallets."""

from typing import Any

from rest_framework import serializers

from choptym.lib.money import CURRENCIES
from choptym.lib.openapi import Word


class WalletAccountOutput(serializers.Serializer[Any]):
    currency = Word("Currency", lambda: CURRENCIES)
    balance_minor = serializers.IntegerField()


class WalletOutput(serializers.Serializer[Any]):
    balance_minor = serializers.IntegerField(help_text="In minor units of the currency; XAF has none.")
    currency = Word("Currency", lambda: CURRENCIES)
    accounts = WalletAccountOutput(many=True, help_text="One balance per currency.")
