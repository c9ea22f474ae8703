"""The world of the control loop: an empty throttle, nobody's orders, profiles switched on."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from payments.in_force import orders
from tests.gateways import switched_on


@pytest.fixture
def profiles_on(steered: None) -> Iterator[None]:
    with switched_on(), override_settings(PAYMENT_PROFILES=True):
        yield
    orders.forget()
