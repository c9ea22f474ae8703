"""Customers' wallets: a double-entry ledger."""

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
