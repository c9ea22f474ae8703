"""Taking payments."""

from django.apps import AppConfig
from prometheus_client import REGISTRY

from payments.metrics import QueueCollector


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        REGISTRY.register(QueueCollector())
