"""Taking payments."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from payments.throttle.limits import read_limits_with


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        """By name: models may be imported only now."""
        read_limits_with(import_string("payments.in_force.limits_of"))
