"""What the API shows of wallets."""

from typing import Any

from rest_framework import serializers


class WalletOutput(serializers.Serializer[Any]):
    balance_minor = serializers.IntegerField(help_text="In minor units of the currency; XAF has none.")
    currency = serializers.CharField()
    accounts = serializers.ListField(child=serializers.DictField(), help_text="One balance per currency.")


class StatementLineOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    amount_minor = serializers.IntegerField(help_text="Positive is money in, negative is money out.")
    currency = serializers.CharField()
    kind = serializers.CharField()
    reason = serializers.CharField()
    posted_at = serializers.DateTimeField()
