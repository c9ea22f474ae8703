"""Each test begins with an empty throttle and nobody's orders; what is ordered holds at once."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from payments.in_force import orders
from tests.gateways import switched_on


@pytest.fixture(autouse=True)
def _profiles_on(steered: None) -> Iterator[None]:
    with switched_on(), override_settings(PAYMENT_PROFILES=True):
        yield
    orders.forget()
