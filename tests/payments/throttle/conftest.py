"""Each test begins with an empty throttle, and Fapshi and CamPay at nobody's address."""

from collections.abc import Iterator

import pytest

from tests.brokers import forget_clients
from tests.gateways import forget_throttle, switched_on


@pytest.fixture(autouse=True)
def _empty_throttle() -> Iterator[None]:
    with switched_on():
        yield
    forget_clients()
    forget_throttle()
